"""CoreDNS: starts or dies by its Corefile, reloads, and says so in its log (C2).

Lines in the words and the order of CoreDNS 1.15, as the lab's real one writes them; the version is that of the world's
add-on.
"""

from __future__ import annotations

import hashlib
import ipaddress
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from bot.sandbox.kubernetes.container_runs import ContainerRun, LogLine
from bot.sandbox.kubernetes.corefile import Block, CorefileError, parse
from bot.sandbox.kubernetes.packets import Vpc
from bot.sandbox.kubernetes.rbac import may
from bot.sandbox.kubernetes.resolv_conf import parse_resolv_conf
from bot.sandbox.kubernetes.resources import CONFIG_MAPS
from bot.sandbox.kubernetes.store import Store

_REFLECTOR = "k8s.io/client-go@v0.37.1/tools/cache/reflector.go:343"
_SHOWN = 400
_WATCHED = (
    ("*v1.Service", "", "services"),
    ("*v1.EndpointSlice", "discovery.k8s.io", "endpointslices"),
    ("*v1.Namespace", "", "namespaces"),
)


def corefile(store: Store) -> str:
    """Return the Corefile of the ConfigMap `coredns`."""
    config = store.find(CONFIG_MAPS, "kube-system", "coredns") or {}
    return str((config.get("data") or {}).get("Corefile", ""))


def _hash_line(text: str) -> str:
    return f"[INFO] plugin/reload: Running configuration SHA512 = {hashlib.sha512(text.encode()).hexdigest()}"


START_SECONDS = 5
"""How long the kubernetes plugin waits for the API before CoreDNS serves without it (startup_timeout)."""
_SELF_TEST_SECONDS = 30
_ANSWER_SECONDS = 4
"""forward reads twice for 2 s before it gives up on one query."""
_ASK_SECONDS = 3
"""The loop plugin waits 2 s for an answer and 1 s more before it asks again."""
_PROBE_SECONDS = 10
_FIRST_PROBE = timedelta(milliseconds=130)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreDnsHost:
    """What CoreDNS finds in its pod."""

    address: str
    servers: tuple[str, ...]
    """Name servers of its /etc/resolv.conf."""
    answering: frozenset[str]
    """Servers outside the cluster that answer."""

    @classmethod
    def of(cls, resolv_conf: str, address: str, vpc: Vpc) -> Self:
        """Return what a pod with this resolv.conf and address finds."""
        servers = parse_resolv_conf(resolv_conf).servers
        return cls(address=address, servers=servers, answering=vpc.resolver_addresses)

    def upstream(self, blocks: tuple[Block, ...]) -> str:
        """Return the first server that the root zone is forwarded to; empty: to none."""
        root = next((block for block in blocks if block.serves("") == 0), None)
        forward = root.find("forward") if root else None
        return self.resolved(forward.arguments[1]) if forward and len(forward.arguments) > 1 else ""

    def resolved(self, target: str) -> str:
        """Return the address that an argument of `forward` leads to."""
        return next(iter(self.servers), "") if target.startswith("/") else target.split(":", maxsplit=1)[0]


@dataclass(slots=True, kw_only=True)
class CoreDns:
    """One CoreDNS process."""

    host: CoreDnsHost
    run: ContainerRun
    text: str
    """The Corefile that it runs with."""
    blocks: tuple[Block, ...]
    tried: str
    """The Corefile that it last tried to load."""
    forbidden_since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    unread: frozenset[str] = frozenset(resource for _, _, resource in _WATCHED)
    """What it has never read from the API; what it has read once stays."""

    @property
    def synced(self) -> bool:
        """Whether it has read everything."""
        return not self.unread

    @property
    def ready(self) -> bool:
        """Whether port 8181 answers /ready with 200."""
        return self.synced and any(block.find("ready") for block in self.blocks)

    def serves(self, now: datetime) -> bool:
        """Return whether port 53 is open: without the API only after a while."""
        return self.synced or now - self.run.started >= timedelta(seconds=START_SECONDS)

    def date_back(self, elapsed: timedelta) -> None:
        """Put every failure so much earlier."""
        self.forbidden_since = {key: since - elapsed for key, since in self.forbidden_since.items()}

    def look(self, store: Store, now: datetime) -> None:
        """Notice a changed Corefile and changed permissions."""
        self._reload(corefile(store), now)
        forbidden = {
            (kind, _forbidden(group, resource))
            for kind, group, resource in _WATCHED
            if not may(store, "coredns", "list", group, resource)
        }
        self.forbidden_since = {key: self.forbidden_since.get(key, now) for key in forbidden}
        self.unread &= frozenset(
            resource for _, group, resource in _WATCHED if not may(store, "coredns", "list", group, resource)
        )

    def _reload(self, text: str, now: datetime) -> None:
        if text == self.tried or not any(block.find("reload") for block in self.blocks):
            return
        self.tried = text
        self.run.say(now, "[INFO] Reloading")
        try:
            blocks = parse(text)
        except CorefileError as error:
            failed = f"Corefile changed but reload failed: starting with listener file descriptors: {error}"
            self.run.say(now, f"[ERROR] Restart failed: {error}", f"[ERROR] plugin/reload: {failed}")
            return
        self.text, self.blocks = text, blocks
        self.run.say(now + timedelta(milliseconds=9), _hash_line(text), "[INFO] Reloading complete")

    def repeated(self, until: datetime) -> list[LogLine]:
        """Return the reflector's lines while something is forbidden."""
        lines = []
        for (kind, error), since in self.forbidden_since.items():
            at, wait = since + timedelta(milliseconds=90), 0.8
            while at <= until:
                failed = f"Failed to watch: failed to list {kind}: {error}"
                tail = f'logger="UnhandledError" reflector="{_REFLECTOR}" type="{kind}"'
                lines.append(LogLine(at=at, text=f"[ERROR] plugin/kubernetes: {failed} {tail}"))
                at += timedelta(seconds=wait)
                wait = min(wait * 2, 30.0)
        return lines + self._still_waiting(until) + self._self_test(until)

    def _still_waiting(self, until: datetime) -> list[LogLine]:
        """Return what the ready plugin says at each probe that it fails; it listens before port 53 is open."""
        if self.synced or not any(block.find("ready") for block in self.blocks):
            return []
        found: list[LogLine] = []
        at = self.run.started + _FIRST_PROBE
        while at <= until and len(found) < _SHOWN:
            found.append(LogLine(at=at, text='[INFO] plugin/ready: Plugins not ready: "kubernetes"'))
            at += timedelta(seconds=_PROBE_SECONDS)
        return found

    def _self_test(self, until: datetime) -> list[LogLine]:
        """Return the failures of the loop plugin's own queries, which stop after 30 s.

        With a cache they stop once the first SERVFAIL is in it: that is an answer, and the plugin rests.
        """
        upstream = self.host.upstream(self.blocks)
        if upstream in ("", *self.host.answering) or not any(block.find("loop") for block in self.blocks):
            return []
        name = int(hashlib.sha256(f"{self.host.address}{upstream}".encode()).hexdigest()[:15], 16)
        found: list[LogLine] = []
        cached = any(block.find("cache") for block in self.blocks)
        for asked in range(0, _ANSWER_SECONDS if cached else _SELF_TEST_SECONDS, _ASK_SECONDS):
            seconds = asked + _ANSWER_SECONDS
            at = self.run.started + timedelta(seconds=seconds)
            exchange = f"read udp {self.host.address}:{32768 + (name + seconds) % 28000}->{upstream}:53: i/o timeout"
            text = f"[ERROR] plugin/errors: 2 {name}.{name // 7}. HINFO: {exchange}"
            found += [LogLine(at=at, text=text)] if at <= until else []
        return found

    def upstream_failed(self, name: str, address: str, own_address: str, source_port: int, now: datetime) -> None:
        """Log that a forwarded query got no answer."""
        question = f"{name.rstrip('.')}. A"
        self.run.say(
            now, f"[ERROR] plugin/errors: 2 {question}: read udp {own_address}:{source_port}->{address}:53: i/o timeout"
        )


def _forbidden(group: str, resource: str) -> str:
    name = f"{resource}.{group}" if group else resource
    return (
        f'{name} is forbidden: User "system:serviceaccount:kube-system:coredns" cannot list resource '
        f'"{resource}" in API group "{group}" at the cluster scope'
    )


def start(store: Store, host: CoreDnsHost, now: datetime) -> CoreDns | ContainerRun:
    """Start CoreDNS; it ends at once on a Corefile that it cannot parse, and when its own query comes back."""
    text, run = corefile(store), ContainerRun(started=now)
    run.say(now, "maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined")
    try:
        blocks = parse(text)
    except CorefileError as error:
        at = now + timedelta(milliseconds=40)
        run.say(at, str(error))
        run.ended, run.exit_code = at, 1
        return run
    server = CoreDns(host=host, run=run, text=text, blocks=blocks, tried=text)
    server.look(store, now)
    opened = now
    if not server.synced:
        opened = now + timedelta(seconds=START_SECONDS)
        for half_seconds in range(1, 2 * START_SECONDS):
            at = now + timedelta(milliseconds=500 * half_seconds)
            run.say(at, "[INFO] plugin/kubernetes: waiting for Kubernetes API before starting server")
        run.say(opened, "[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API")
    run.say(opened, *(f"{zone}" for block in blocks for zone in block.zones))
    run.say(opened, _hash_line(text), "CoreDNS-1.11.4", "linux/amd64, go1.23.8, 00a55bd")
    if _loops(host.upstream(blocks)) and any(block.find("loop") for block in blocks):
        at = opened + timedelta(milliseconds=70)
        run.say(at, _LOOP.format(port=32768 + zlib.crc32(host.address.encode()) % 28000))
        run.ended, run.exit_code = at, 1
        return run
    run.repeated = server.repeated
    return server


_LOOP = (
    '[FATAL] plugin/loop: Loop (127.0.0.1:{port} -> :53) detected for zone ".", see '
    'https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."'
)


def _loops(upstream: str) -> bool:
    """Return whether queries to this server reach CoreDNS itself, which listens on all addresses of its pod."""
    try:
        return ipaddress.ip_address(upstream).is_loopback
    except ValueError:
        return False
