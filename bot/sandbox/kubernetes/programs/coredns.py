"""CoreDNS: starts or dies by its Corefile, reloads, and says so in its log (C2).

Lines in the words and the order of CoreDNS 1.15, as the lab's real one writes them; the version is that of the world's
add-on.
"""

from __future__ import annotations

import hashlib
import ipaddress
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Self, TypeAlias

from bot.sandbox.kubernetes import dns_answers
from bot.sandbox.kubernetes.api_calls import ApiByService
from bot.sandbox.kubernetes.client_traffic import traffic
from bot.sandbox.kubernetes.container_runs import ContainerRun, LogLine
from bot.sandbox.kubernetes.coredns_exposition import Counters, Shown, exposition, shows_metrics
from bot.sandbox.kubernetes.corefile import Block, CorefileError, Directive, parse
from bot.sandbox.kubernetes.dns_load import Episodes, load_on
from bot.sandbox.kubernetes.flow_control import TOO_MANY, shed
from bot.sandbox.kubernetes.node import Node
from bot.sandbox.kubernetes.program import Host, Process, Program, Query
from bot.sandbox.kubernetes.query_lines import query_lines
from bot.sandbox.kubernetes.rbac import may
from bot.sandbox.kubernetes.resolv_conf import parse_resolv_conf
from bot.sandbox.kubernetes.resources import CONFIG_MAPS, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.packets import EPHEMERAL
from bot.sandbox.network.public_names import public_answer
from bot.sandbox.network.replies import PORT_UNREACHABLE, SILENT, TIMEOUT, Outcome, Reply

_REFLECTOR = "k8s.io/client-go@v0.37.1/tools/cache/reflector.go:343"
VERSION = "1.11.4"
Forward: TypeAlias = Callable[[str, str, str], Reply]
_SHOWN = 400
_WATCHED = (
    ("*v1.Service", "", "services"),
    ("*v1.EndpointSlice", "discovery.k8s.io", "endpointslices"),
    ("*v1.Namespace", "", "namespaces"),
)


def corefile(host: Host) -> str:
    """Return the Corefile of the ConfigMap that the pod mounts; of `coredns` where it mounts none."""
    volumes = [volume["configMap"] for volume in host.pod["spec"].get("volumes") or [] if "configMap" in volume]
    return mounted_file(host, volumes[0] if volumes else {"name": "coredns"}, "Corefile")


def mounted_file(host: Host, volume: Json, path: str) -> str:
    """Return the file that a ConfigMap holds for a volume at this path; empty where it holds none."""
    keys = {item["path"]: item["key"] for item in volume.get("items") or []}
    config = host.store.find(CONFIG_MAPS, host.pod["metadata"]["namespace"], volume["name"]) or {}
    return str((config.get("data") or {}).get(keys.get(path, path), ""))


def hash_line(text: str) -> str:
    """Return what the reload plugin says of a configuration that it runs with."""
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
class Upstreams:
    """Which servers CoreDNS finds in its pod."""

    address: str
    servers: tuple[str, ...]
    """Name servers of its /etc/resolv.conf."""
    answering: frozenset[str]
    """Servers outside the cluster that answer."""

    @classmethod
    def of(cls, host: Host) -> Self:
        """Return what CoreDNS finds when it starts there."""
        servers = parse_resolv_conf(host.resolv_conf).servers
        return cls(address=host.address, servers=servers, answering=host.vpc.resolver_addresses)

    def upstream(self, blocks: tuple[Block, ...]) -> str:
        """Return the first server that the root zone is forwarded to; empty: to none."""
        root = next((block for block in blocks if block.serves("") == 0), None)
        forward = root.find("forward") if root else None
        return self.resolved(forward.arguments[1]) if forward and len(forward.arguments) > 1 else ""

    def resolved(self, target: str) -> str:
        """Return the address that an argument of `forward` leads to."""
        return next(iter(self.servers), "") if target.startswith("/") else target.split(":", maxsplit=1)[0]


@dataclass(slots=True, kw_only=True)
class CoreDns(Process):
    """One CoreDNS process."""

    upstreams: Upstreams
    text: str
    """The Corefile that it runs with."""
    blocks: tuple[Block, ...]
    tried: str
    """The Corefile that it last tried to load."""
    failing_since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    unread: frozenset[str] = frozenset(resource for _, _, resource in _WATCHED)
    """What it has never read from the API; what it has read once stays."""
    counters: Counters = field(default_factory=Counters)
    episodes: Episodes = field(default_factory=Episodes)
    api: ApiByService = field(default_factory=lambda: ApiByService(requests=[kind for kind, _, _ in _WATCHED]))
    loaded: datetime
    """When it took up the Corefile that it runs with."""
    host: Host
    """As it found it last."""

    @property
    def synced(self) -> bool:
        """Whether it has read everything."""
        return not self.unread

    @property
    def ready(self) -> bool:
        """Whether port 8181 answers /ready with 200."""
        return self.synced and any(block.find("ready") for block in self.blocks)

    def answers(self, port: int, path: str) -> bool:
        """Return whether its plugins `ready` and `health` answer there with 200 (their pages; CoreDNS's own ports)."""
        named = {(8181, "/ready"): self.ready, (8080, "/health"): any(block.find("health") for block in self.blocks)}
        return named.get((port, path), False)

    def serves(self, now: datetime) -> bool:
        """Return whether port 53 is open: without the API only after a while."""
        return self.synced or now - self.run.started >= timedelta(seconds=START_SECONDS)

    def date_back(self, elapsed: timedelta) -> None:
        """Put every failure so much earlier."""
        self.failing_since = {key: since - elapsed for key, since in self.failing_since.items()}
        self.api.date_back(elapsed)
        self.loaded -= elapsed
        self.episodes.date_back(elapsed)

    def tick(self, host: Host, now: datetime) -> None:
        """Notice a changed Corefile and changed permissions."""
        self.host, store = host, host.store
        self._reload(corefile(host), now)
        self.episodes.become(load_on(host.address, store, host.vpc, host.backends), now)
        if not self.api.look(host, now):
            return
        failing = {
            resource: (kind, error)
            for kind, group, resource in _WATCHED
            if (error := self._error(store, group, resource))
        }
        self.failing_since = {key: self.failing_since.get(key, now) for key in failing.values()}
        self.unread &= frozenset(failing)

    def _error(self, store: Store, group: str, resource: str) -> str:
        """Return why the API does not let it list this; empty: it does. A watch that runs is not shed."""
        if not may(store, "coredns", "list", group, resource):
            return _forbidden(group, resource)
        return shed(store, "coredns", group, resource) if resource in self.unread else ""

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
            self.counters.failed_reloads += 1
            return
        self.text, self.blocks, self.loaded = text, blocks, now
        self.run.say(now + timedelta(milliseconds=9), hash_line(text), "[INFO] Reloading complete")

    def repeated(self, until: datetime) -> list[LogLine]:
        """Return the reflector's lines while something cannot be listed, and those of queries where they are logged."""
        lines = [self._unreachable(at, *watched) for at in self.api.failed(until) for watched in _WATCHED][-_SHOWN:]
        for (kind, error), since in self.failing_since.items():
            at, wait = since + _first_failure(error), 0.8
            while at <= until:
                lines.append(_failed(at, kind, error))
                at += timedelta(seconds=wait)
                wait = min(wait * 2, 30.0)
        own = self._still_waiting(until) + self._self_test(until)
        return lines + own + self._logged(until) + self._dropped_lines(until)

    def _logged(self, until: datetime) -> list[LogLine]:
        """Return the lines of the queries of pods that look names up all the time."""
        if not any(block.find("log") for block in self.blocks):
            return []
        backends = self.host.backends()
        asked = traffic(
            self.host.running(),
            lambda server: backends.get(server, ()),
            self.host.address,
            self._answered,
            max(self.loaded, self.run.started),
            until,
        )
        written = cache(partial(query_lines, self.blocks))
        return [
            LogLine(at=one.at, text=text) for one in asked for text in written(one.client, one.name, "udp", one.reply)
        ]

    def _answered(self, name: str) -> Reply:
        def upstream(forward: Directive, asked: str) -> Reply:
            reached = self.upstreams.resolved(forward.arguments[1]) in self.upstreams.answering
            return public_answer(asked) if reached else TIMEOUT

        return dns_answers.coredns(self.host.store, self.blocks, name, upstream, unread=self.unread)

    def _dropped_lines(self, until: datetime) -> list[LogLine]:
        """Return what plugin/errors says of the newest queries that the resolver did not answer under load."""
        upstream = self.upstreams.upstream(self.blocks)
        if not any(block.find("errors") for block in self.blocks):
            return []
        return [
            LogLine(
                at=at,
                text=f"[ERROR] plugin/errors: 2 {number:06x}.shops.example.com. A: read udp {self.upstreams.address}:"
                f"{32768 + number % 28000}->{upstream}:53: i/o timeout",
            )
            for at in self.episodes.failures(until, _SHOWN)
            for number in (zlib.crc32(at.isoformat().encode()) & 0xFFFFFF,)
        ]

    def page(self, host: Host, port: int, path: str, now: datetime) -> str | None:
        """Return the metrics, where a server block has the plugin `prometheus` on this port."""
        del host
        if path != "metrics" or not shows_metrics(self.blocks, port):
            return None
        load, dropped = self.episodes.queries(now), self.episodes.dropped(now)
        counted = self.counters
        more = Counter({"NOERROR": load - dropped, "SERVFAIL": dropped})
        return exposition(
            Shown(
                version=VERSION,
                started=self.run.started,
                upstream=self.upstreams.upstream(self.blocks),
                responses=+(counted.responses + more),
                answers=+(counted.upstream + Counter({"NOERROR": load - dropped})),
                failed=counted.failed + dropped,
                hits=0,
                failed_reloads=counted.failed_reloads,
            )
        )

    def dropped(self, now: datetime) -> int:
        """Return how many packets its interface has not let through to the resolver."""
        return self.episodes.dropped(now)

    def terminate(self, node: Node) -> None:
        """Leave what the interface's driver has counted."""
        node.linklocal_exceeded += self.dropped(datetime.now(UTC))

    def _unreachable(self, at: datetime, kind: str, group: str, resource: str) -> LogLine:
        path = f"/apis/{group}/v1/{resource}" if group else f"/api/v1/{resource}"
        server = f"[{self.api.service}]:443" if ":" in self.api.service else f"{self.api.service}:443"
        asked = f'Get "https://{server}{path}?limit=500&resourceVersion=0"'
        return _failed(at, kind, f"{asked}: dial tcp {server}: i/o timeout")

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
        upstream = self.upstreams.upstream(self.blocks)
        if upstream in ("", *self.upstreams.answering) or not any(block.find("loop") for block in self.blocks):
            return []
        cached = any(block.find("cache") for block in self.blocks)
        return self_test_lines(self.run.started, self.upstreams.address, upstream, until, cached=cached)

    def answer(self, host: Host, query: Query) -> Reply:
        """Answer from the Corefile and from what it has read of the API; log the query where the Corefile says so."""
        if not self.serves(query.now):
            return PORT_UNREACHABLE

        def upstream(forward: Directive, name: str) -> Reply:
            address = self.upstreams.resolved(forward.arguments[1])
            limited = replace(query, forward=self._limited(query, host)) if self.episodes.now.dropped else query
            reply = forwarded(self.run, host, limited, forward, address, name)
            self.counters.forwarded(reply)
            return reply

        reply = dns_answers.coredns(host.store, self.blocks, query.name, upstream, unread=self.unread)
        client = str((query.client.get("status") or {}).get("podIP", ""))
        self.run.say(query.now, *query_lines(self.blocks, client, query.name, query.protocol, reply))
        self.counters.responses[reply.outcome.value] += 1
        return reply

    def _limited(self, query: Query, host: Host) -> Forward:
        """Return what forwards like `query.forward`, but for packets to the VPC's resolver beyond its limit."""

        def ask(server: str, name: str, protocol: str) -> Reply:
            exceeds = server in host.vpc.resolver_addresses and query.numbers.random() < self.episodes.now.dropped
            return TIMEOUT if exceeds else query.forward(server, name, protocol)

        return ask


def self_test_lines(
    started: datetime, address: str, upstream: str, until: datetime, *, cached: bool, over_tcp: bool = False
) -> list[LogLine]:
    """Return what is logged until then of the loop plugin's own queries to a server that does not answer."""
    name = int(hashlib.sha256(f"{address}{upstream}".encode()).hexdigest()[:15], 16)
    found: list[LogLine] = []
    for asked in range(0, _ANSWER_SECONDS if cached else _SELF_TEST_SECONDS, _ASK_SECONDS):
        seconds = asked + _ANSWER_SECONDS
        at = started + timedelta(seconds=seconds)
        port = 32768 + (name + seconds) % 28000
        exchange = f"dial tcp {upstream}:53" if over_tcp else f"read udp {address}:{port}->{upstream}:53"
        text = f"[ERROR] plugin/errors: 2 {name}.{name // 7}. HINFO: {exchange}: i/o timeout"
        found += [LogLine(at=at, text=text)] if at <= until else []
    return found


def forwarded(run: ContainerRun, host: Host, query: Query, forward: Directive, address: str, name: str) -> Reply:
    """Ask a server over the client's own protocol unless told otherwise; say so in the log where nothing comes back."""
    protocol = "tcp" if "force_tcp" in forward.properties else query.protocol
    reply = query.forward(address, name, protocol)
    if reply.outcome in SILENT:
        exchange = f"read udp {host.address}:{query.numbers.randint(*EPHEMERAL)}->{address}:53"
        refusal = "read: connection refused"
        if protocol == "tcp":
            exchange, refusal = f"dial tcp {address}:53", "connect: connection refused"
        error = "i/o timeout" if reply.outcome is Outcome.TIMEOUT else refusal
        run.say(query.now, f"[ERROR] plugin/errors: 2 {name.rstrip('.')}. A: {exchange}: {error}")
    return reply


def _failed(at: datetime, kind: str, error: str) -> LogLine:
    failed = f"Failed to watch: failed to list {kind}: {error}"
    tail = f'logger="UnhandledError" reflector="{_REFLECTOR}" type="{kind}"'
    return LogLine(at=at, text=f"[ERROR] plugin/kubernetes: {failed} {tail}")


def _first_failure(error: str) -> timedelta:
    """Return how long a list takes to fail: client-go asks ten times, a second apart, where it is told to come back."""
    return timedelta(seconds=10 if error.startswith(TOO_MANY) else 0, milliseconds=90)


def _forbidden(group: str, resource: str) -> str:
    name = f"{resource}.{group}" if group else resource
    return (
        f'{name} is forbidden: User "system:serviceaccount:kube-system:coredns" cannot list resource '
        f'"{resource}" in API group "{group}" at the cluster scope'
    )


def start(host: Host, now: datetime) -> Process:
    """Start CoreDNS; it ends at once on a Corefile that it cannot parse, and when its own query comes back."""
    text, run = corefile(host), ContainerRun(started=now)
    run.say(now, "maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined")
    try:
        blocks = parse(text)
    except CorefileError as error:
        at = now + timedelta(milliseconds=40)
        run.say(at, str(error))
        run.ended, run.exit_code = at, 1
        return Process(run=run)
    server = CoreDns(upstreams=Upstreams.of(host), run=run, text=text, blocks=blocks, tried=text, loaded=now, host=host)
    server.tick(host, now)
    opened = now
    if not server.synced:
        opened = now + timedelta(seconds=START_SECONDS)
        for half_seconds in range(1, 2 * START_SECONDS):
            at = now + timedelta(milliseconds=500 * half_seconds)
            run.say(at, "[INFO] plugin/kubernetes: waiting for Kubernetes API before starting server")
        run.say(opened, "[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API")
    run.say(opened, *(f"{zone}" for block in blocks for zone in block.zones))
    run.say(opened, hash_line(text), f"CoreDNS-{VERSION}", "linux/amd64, go1.23.8, 00a55bd")
    if _loops(server.upstreams.upstream(blocks)) and any(block.find("loop") for block in blocks):
        at = opened + timedelta(milliseconds=70)
        run.say(at, _LOOP.format(port=32768 + zlib.crc32(host.address.encode()) % 28000))
        run.ended, run.exit_code = at, 1
        return Process(run=run)
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


_MEMORY = 8_300_000
"""What CoreDNS 1.15 holds beside its mapped binary before it has read anything, measured in the lab."""

PROGRAM = Program(name="coredns", images=("/coredns",), start=start, memory=_MEMORY)
