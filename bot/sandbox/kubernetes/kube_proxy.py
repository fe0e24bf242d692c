"""kube-proxy: what it can read decides what it logs and whether its rules follow the endpoints (C4).

Line formats: kube-proxy 1.33 (klog, client-go reflector). The real reflector dials for 30 s before it
gives up; here the first failure shows at once and later ones with the real back-off, so that nobody waits.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.sandbox.kubernetes.container_runs import ContainerRun, LogLine, klog
from bot.sandbox.kubernetes.packets import Vpc
from bot.sandbox.kubernetes.rbac import may
from bot.sandbox.kubernetes.resources import CONFIG_MAPS
from bot.sandbox.kubernetes.store import Store

_FACTORY = "k8s.io/client-go/informers/factory.go:160"
_WATCHED = (
    ("*v1.Service", "", "services", "/api/v1/services"),
    ("*v1.EndpointSlice", "discovery.k8s.io", "endpointslices", "/apis/discovery.k8s.io/v1/endpointslices"),
)
_SELECTOR = "labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name"
_FIRST_SECONDS, _LAST_SECONDS, _SHOWN = 0.8, 30.0, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a type cannot be listed, from when on."""

    kind: str
    error: str
    since: datetime


@dataclass(slots=True, kw_only=True)
class KubeProxy:
    """One kube-proxy process on one node."""

    server: str
    """API server address of the kubeconfig that it read at its start."""
    run: ContainerRun
    troubles: tuple[Trouble, ...] = ()
    past: list[tuple[Trouble, datetime]] = field(default_factory=list)

    def look(self, store: Store, vpc: Vpc, now: datetime) -> bool:
        """Try to list what kube-proxy watches; return whether its rules are up to date now."""
        current = {trouble.kind: trouble for trouble in self.troubles}
        found = []
        for kind, group, resource, path in _WATCHED:
            error = self._error(store, vpc, (group, resource, path))
            if not error:
                continue
            known = current.get(kind)
            same = known is not None and known.error == error
            found.append(known if known and same else Trouble(kind=kind, error=error, since=now))
        self.past += [(trouble, now) for trouble in self.troubles if trouble not in found]
        self.troubles = tuple(found)
        return not found

    def _error(self, store: Store, vpc: Vpc, what: tuple[str, str, str]) -> str:
        group, resource, path = what
        unreachable = _dial_error(self.server, vpc)
        if unreachable:
            url = f"{self.server}{path}?{_SELECTOR}&limit=500&resourceVersion=0"
            return f'Get "{url}": {unreachable}'
        if may(store, "kube-proxy", "list", group, resource):
            return ""
        name = f"{resource}.{group}" if group else resource
        return (
            f'{name} is forbidden: User "system:serviceaccount:kube-system:kube-proxy" cannot list resource '
            f'"{resource}" in API group "{group}" at the cluster scope'
        )

    def date_back(self, elapsed: timedelta) -> None:
        """Put every failure so much earlier."""
        self.troubles = tuple(replace(one, since=one.since - elapsed) for one in self.troubles)
        self.past = [(replace(one, since=one.since - elapsed), end - elapsed) for one, end in self.past]

    def repeated(self, until: datetime) -> list[LogLine]:
        """Return the reflector's lines of all failures until now."""
        lasting = [(trouble, until) for trouble in self.troubles]
        return [line for trouble, end in (*self.past, *lasting) for line in _failures(trouble, end)]


def _dial_error(server: str, vpc: Vpc) -> str:
    host = server.removeprefix("https://").split("/")[0]
    name, _, port = host.partition(":")
    if not vpc.endpoint_host or name == vpc.endpoint_host.split(":")[0]:
        return ""
    if re.fullmatch(r"[0-9.]+", name):
        return f"dial tcp {name}:{port or '443'}: i/o timeout"
    resolver = min(vpc.resolver_addresses)
    return f"dial tcp: lookup {name} on {resolver}:53: no such host"


def _failures(trouble: Trouble, end: datetime) -> list[LogLine]:
    lines: list[LogLine] = []
    at, wait = trouble.since + timedelta(milliseconds=137), _FIRST_SECONDS
    while at <= end:
        failed = f"failed to list {trouble.kind}: {trouble.error}"
        quoted = json.dumps(f"{_FACTORY}: Failed to watch {trouble.kind}: {failed}")
        error = f'"Unhandled Error" err={quoted} logger="UnhandledError"'
        for severity, place, text in (
            ("W", "reflector.go:569", f"{_FACTORY}: {failed}"),
            ("E", "reflector.go:166", error),
        ):
            lines.append(LogLine(at=at, text=klog(severity, at, place, text)))
        at += timedelta(seconds=wait, milliseconds=wait * 13 % 97)
        wait = min(wait * 2, _LAST_SECONDS)
    return lines[-_SHOWN:]


def start(store: Store, vpc: Vpc, node_ip: str, now: datetime) -> KubeProxy:
    """Start kube-proxy: it reads its kubeconfig once, here."""
    config = store.find(CONFIG_MAPS, "kube-system", "kube-proxy") or {}
    text = (config.get("data") or {}).get("kubeconfig", "")
    found = re.search(r"server:\s*(\S+)", text)
    proxy = KubeProxy(server=found[1] if found else "", run=ContainerRun(started=now))
    proxy.run.repeated = proxy.repeated
    proxy.look(store, vpc, now)
    _greet(proxy, node_ip, now)
    return proxy


def _greet(proxy: KubeProxy, node_ip: str, now: datetime) -> None:
    waiting = {trouble.kind for trouble in proxy.troubles}
    say: list[tuple[str, str]] = [
        ("server_linux.go:63", '"Using iptables proxy"'),
        ("server.go:715", f'"Successfully retrieved node IP(s)" IPs=["{node_ip}"]'),
        ("conntrack.go:60", '"Setting nf_conntrack_max" nfConntrackMax=131072'),
        ("server_linux.go:243", '"kube-proxy running in dual-stack mode" primary ipFamily="IPv4"'),
        ("server.go:516", '"Version info" version="v1.32.9-eks-113cf36"'),
        ("config.go:200", '"Starting service config controller"'),
        ("shared_informer.go:350", '"Waiting for caches to sync" controller="service config"'),
        ("config.go:106", '"Starting endpoint slice config controller"'),
        ("shared_informer.go:350", '"Waiting for caches to sync" controller="endpoint slice config"'),
    ]
    if "*v1.Service" not in waiting:
        say.append(("shared_informer.go:357", '"Caches are synced" controller="service config"'))
    if "*v1.EndpointSlice" not in waiting:
        say.append(("shared_informer.go:357", '"Caches are synced" controller="endpoint slice config"'))
    for step, (place, message) in enumerate(say):
        at = now + timedelta(milliseconds=7 * step)
        proxy.run.say(at, klog("I", at, place, message))
