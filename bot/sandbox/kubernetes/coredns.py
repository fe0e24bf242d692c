"""CoreDNS: starts or dies by its Corefile, reloads, and says so in its log (C2; CoreDNS 1.11 wording)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sandbox.kubernetes.container_runs import ContainerRun, LogLine
from bot.sandbox.kubernetes.corefile import Block, CorefileError, parse
from bot.sandbox.kubernetes.rbac import may
from bot.sandbox.kubernetes.resources import CONFIG_MAPS
from bot.sandbox.kubernetes.store import Store

_REFLECTOR = "pkg/mod/k8s.io/client-go@v0.31.2/tools/cache/reflector.go:243"
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


@dataclass(slots=True, kw_only=True)
class CoreDns:
    """One CoreDNS process."""

    run: ContainerRun
    text: str
    """The Corefile that it runs with."""
    blocks: tuple[Block, ...]
    tried: str
    """The Corefile that it last tried to load."""
    forbidden_since: dict[tuple[str, str], datetime] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether port 8181 answers /ready with 200."""
        has_ready = any(block.find("ready") for block in self.blocks)
        return has_ready and not self.forbidden_since

    def look(self, store: Store, now: datetime) -> None:
        """Notice a changed Corefile and changed permissions."""
        self._reload(corefile(store), now)
        forbidden = {
            (kind, _forbidden(group, resource))
            for kind, group, resource in _WATCHED
            if not may(store, "coredns", "list", group, resource)
        }
        self.forbidden_since = {key: self.forbidden_since.get(key, now) for key in forbidden}

    def _reload(self, text: str, now: datetime) -> None:
        if text == self.tried or not any(block.find("reload") for block in self.blocks):
            return
        self.tried = text
        self.run.say(now, "[INFO] Reloading")
        try:
            blocks = parse(text)
        except CorefileError as error:
            self.run.say(now, f"[ERROR] Corefile changed but reload failed: {error}")
            return
        self.text, self.blocks = text, blocks
        self.run.say(now + timedelta(milliseconds=9), _hash_line(text), "[INFO] Reloading complete")

    def repeated(self, until: datetime) -> list[LogLine]:
        """Return the reflector's lines while something is forbidden."""
        lines = []
        for (kind, error), since in self.forbidden_since.items():
            at, wait = since + timedelta(milliseconds=90), 0.8
            while at <= until:
                said = f"{_REFLECTOR}: failed to list {kind}: {error}"
                failed = f"{_REFLECTOR}: Failed to watch {kind}: failed to list {kind}: {error}"
                lines.append(LogLine(at=at, text=f"[WARNING] plugin/kubernetes: {said}"))
                lines.append(LogLine(at=at, text=f"[ERROR] plugin/kubernetes: {failed}"))
                at += timedelta(seconds=wait)
                wait = min(wait * 2, 30.0)
        return lines

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


def start(store: Store, now: datetime) -> CoreDns | ContainerRun:
    """Start CoreDNS; a Corefile that it cannot parse ends it at once, with its one line in the log."""
    text, run = corefile(store), ContainerRun(started=now)
    try:
        blocks = parse(text)
    except CorefileError as error:
        at = now + timedelta(milliseconds=40)
        run.say(at, str(error))
        run.ended, run.exit_code = at, 1
        return run
    server = CoreDns(run=run, text=text, blocks=blocks, tried=text)
    run.repeated = server.repeated
    run.say(now, *(f"{zone}" for block in blocks for zone in block.zones))
    run.say(now, _hash_line(text), "CoreDNS-1.11.4", "linux/amd64, go1.23.8, 00a55bd")
    server.look(store, now)
    return server
