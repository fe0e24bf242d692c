"""kube-proxy: what it can read decides what it logs and whether its rules follow the endpoints (C4).

It reads its own Node first, and nothing else until it has it: who cannot reach the API never names Services. A dial
that nobody answers takes 30 s (client-go's transport), so the first such failure shows half a minute after the start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.sandbox.kubernetes import kube_proxy_words as words
from bot.sandbox.kubernetes.container_runs import ContainerRun, LogLine
from bot.sandbox.kubernetes.kube_proxy_words import Message, Said
from bot.sandbox.kubernetes.node import Leading
from bot.sandbox.kubernetes.program import Host, Process, Program
from bot.sandbox.kubernetes.rbac import may
from bot.sandbox.kubernetes.resources import CONFIG_MAPS, SERVICES
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.kubernetes.tools.on_board import EKS_MINIMAL
from bot.sandbox.network.packets import Flow, passes
from bot.sandbox.network.vpc import Vpc
from bot.sandbox.world.kube_proxy_mode import conntrack_max, interface_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A type that kube-proxy lists and watches."""

    kind: str
    group: str
    resource: str
    path: str
    controller: str
    """Which controller waits for it."""
    query: str = ""


_LEFT_OUT = frozenset({"service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"})
"""Labels of Services that it neither lists nor watches, whatever their values: the former in old versions alone."""
_SELECTOR = "labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name&"
_NODE = Watched(
    kind="*v1.Node",
    group="",
    resource="nodes",
    path="/api/v1/nodes",
    controller="node config",
    query="fieldSelector=metadata.name%3D{node}&",
)
_SERVICE_CIDRS = Watched(
    kind="*v1.ServiceCIDR",
    group="networking.k8s.io",
    resource="servicecidrs",
    path="/apis/networking.k8s.io/v1/servicecidrs",
    controller="serviceCIDR config",
)
_ROUTES = (
    Watched(
        kind="*v1.EndpointSlice",
        group="discovery.k8s.io",
        resource="endpointslices",
        path="/apis/discovery.k8s.io/v1/endpointslices",
        controller="endpoint slice config",
        query=_SELECTOR,
    ),
    Watched(
        kind="*v1.Service",
        group="",
        resource="services",
        path="/api/v1/services",
        controller="service config",
        query=_SELECTOR,
    ),
)
"""What the rules are written from."""
_AFTER_NODE = (_SERVICE_CIDRS, *_ROUTES)
_DIAL_SECONDS = 30.0
_CLIENT_PORT = 40000
"""One of Linux's ephemeral ports."""
_CORES = 4
"""Of every node."""
_LONGEST_PREFIX = 14
_FIRST_SECONDS, _LAST_SECONDS, _SHOWN = 0.8, 30.0, 400
_ASKING = timedelta(milliseconds=15)
_SYNCING = timedelta(milliseconds=90)
"""An informer's cache is looked at every 100 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a type cannot be listed, from when on."""

    kind: str
    error: str
    since: datetime

    def lines(self, end: datetime) -> list[LogLine]:
        """Return the reflector's lines until then."""
        lines: list[LogLine] = []
        asked, wait = self.since + _ASKING, _FIRST_SECONDS
        takes = timedelta(seconds=_DIAL_SECONDS if self.error.endswith("i/o timeout") else 0)
        while asked + takes <= end:
            lines += words.failed(self.kind, self.error, asked, asked + takes)
            asked += takes + timedelta(seconds=wait, milliseconds=wait * 13 % 97)
            wait = min(wait * 2, _LAST_SECONDS)
        return lines[-_SHOWN:]


@dataclass(slots=True, kw_only=True)
class KubeProxy(Process):
    """One kube-proxy process on one node."""

    node: str
    """The node's name."""
    address: str
    """The node's own."""
    server: str
    """API server address of the kubeconfig that it read at its start."""
    mode: str = "iptables"
    """How it leads ClusterIPs to pods."""
    prefix: str = ""
    """How the interfaces of the node's pods begin, where it tells local traffic by that."""
    connected: bool = False
    """Whether it has reached the API server: a group that changes later does not cut a tracked connection."""
    listed: set[str] = field(default_factory=set)
    """Types that it has listed since its start."""
    led: Mapping[str, tuple[str, ...]] | None = None
    """Addresses behind each ClusterIP as it laid them last; with each change it looks for stale tracked exchanges."""
    troubles: tuple[Trouble, ...] = ()
    past: list[tuple[Trouble, datetime]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def tick(self, host: Host, now: datetime) -> None:
        """Try to list what kube-proxy watches; lay the node's rules anew where that can be read, else they stay."""
        if self.look(host.store, host.vpc, now) and not self.refused:
            left = _left_to_others(host.store)
            led = {address: to for address, to in host.backends().items() if address not in left}
            host.node.backends = led
            if led != self.led:
                self.led = led
                host.node.clear_stale()
            host.node.proxy_mode = self.mode
            host.node.leading = Leading.BALANCING if self.mode == "ipvs" else Leading.TRACKING

    @property
    def refused(self) -> bool:
        """Whether iptables-restore refuses its rules: a name with a `+` behind it has at most 15 characters."""
        return self.mode == "iptables" and len(self.prefix) > _LONGEST_PREFIX

    def look(self, store: Store, vpc: Vpc, now: datetime) -> bool:
        """Try to list what kube-proxy watches; return whether its rules are up to date now."""
        has_node = _NODE.kind in self.listed
        self._list(_NODE, store, vpc, now)
        if _NODE.kind not in self.listed:
            return False
        if not has_node:
            self.say(now, *words.with_node(self.address, words.PROXIERS[self.mode]))
            if not may(store, "kube-proxy", "create", "events.k8s.io", "events"):
                self.say(now, words.event_refused(self.node))
        fresh = [watched for watched in _AFTER_NODE if watched.kind not in self.listed]
        for watched in _AFTER_NODE:
            self._list(watched, store, vpc, now)
        self._sync([watched for watched in fresh if watched.kind in self.listed], now)
        return not {trouble.kind for trouble in self.troubles} & {route.kind for route in _ROUTES}

    def _list(self, watched: Watched, store: Store, vpc: Vpc, now: datetime) -> None:
        error = self._error(store, vpc, watched)
        known = next((trouble for trouble in self.troubles if trouble.kind == watched.kind), None)
        if known and known.error == error:
            return
        if known:
            self.past.append((known, now))
            self.troubles = tuple(trouble for trouble in self.troubles if trouble is not known)
        if error:
            self.troubles += (Trouble(kind=watched.kind, error=error, since=now),)
        elif known or watched.kind not in self.listed:
            self.listed.add(watched.kind)
            self.say(now, words.populated(watched.kind))

    def _sync(self, fresh: list[Watched], now: datetime) -> None:
        at = now + _SYNCING
        self.say(at, *(words.synced(watched.controller) for watched in fresh))
        whole = {route.kind for route in _ROUTES} <= self.listed
        if set(fresh) & set(_ROUTES):
            proxier = words.PROXIERS[self.mode]
            self.say(at, *(proxier.syncing if whole else (proxier.not_syncing,)))

    def _error(self, store: Store, vpc: Vpc, watched: Watched) -> str:
        query = watched.query.format(node=self.node)
        unreachable = "" if self.connected else _dial_error(self.server, vpc, self.address)
        self.connected = not unreachable
        if unreachable:
            return f'Get "{self.server}{watched.path}?{query}limit=500&resourceVersion=0": {unreachable}'
        if may(store, "kube-proxy", "list", watched.group, watched.resource):
            return ""
        name = f"{watched.resource}.{watched.group}" if watched.group else watched.resource
        one = f' "{self.node}"' if watched is _NODE else ""
        return (
            f'{name}{one} is forbidden: User "system:serviceaccount:kube-system:kube-proxy" cannot list resource '
            f'"{watched.resource}" in API group "{watched.group}" at the cluster scope'
        )

    def say(self, at: datetime, *messages: Message) -> None:
        """Log messages, in this order, after what was said before."""
        for message in messages:
            last = self.said[-1].at if self.said else at
            at = max(at, last + timedelta(microseconds=130))
            self.said.append(Said(at=at, message=message))

    def date_back(self, elapsed: timedelta) -> None:
        """Put every failure and every line so much earlier."""
        self.troubles = tuple(replace(one, since=one.since - elapsed) for one in self.troubles)
        self.past = [(replace(one, since=one.since - elapsed), end - elapsed) for one, end in self.past]
        self.said = [one.earlier(elapsed) for one in self.said]

    def lines(self, until: datetime) -> list[LogLine]:
        """Return all lines until now."""
        lasting = [(trouble, until) for trouble in self.troubles]
        if self.refused and {route.kind for route in _ROUTES} <= self.listed:
            return [*self._lines(lasting), *words.refused(self.prefix, self.run.started + _SYNCING, until)]
        return self._lines(lasting)

    def _lines(self, lasting: list[tuple[Trouble, datetime]]) -> list[LogLine]:
        failures = [line for trouble, end in (*self.past, *lasting) for line in trouble.lines(end)]
        return [*(said.line() for said in self.said), *failures]


def _left_to_others(store: Store) -> frozenset[str]:
    """Return the ClusterIPs of the Services that its label selector leaves out."""
    return frozenset(
        str(service["spec"].get("clusterIP", ""))
        for service in store.all(SERVICES)
        if _LEFT_OUT & set(service["metadata"].get("labels") or {})
    )


def _dial_error(server: str, vpc: Vpc, node: str) -> str:
    """Return why the node with this address does not reach the API server; empty: it does."""
    own = vpc.port_of(node)
    node = own.primary if own else node  # the API's addresses are IPv4, in a cluster of either family
    host = server.removeprefix("https://").split("/")[0]
    name, _, port = host.partition(":")
    if not vpc.api_endpoints:
        return ""
    endpoint = vpc.api_endpoint(name)
    if endpoint is not None:
        reached = not endpoint.addresses or any(_answers(vpc, node, address) for address in endpoint.addresses)
        return "" if reached else f"dial tcp {endpoint.addresses[-1]}:443: i/o timeout"
    if re.fullmatch(r"[0-9.]+", name):
        return f"dial tcp {name}:{port or '443'}: i/o timeout"
    resolver = min(vpc.resolver_addresses)
    return f"dial tcp: lookup {name} on {resolver}:53: no such host"


def _answers(vpc: Vpc, node: str, address: str) -> bool:
    return passes(vpc, Flow(client=node, client_port=_CLIENT_PORT, server=address, server_port=443, protocol="tcp"))


def _mode(store: Store) -> str:
    """Return the mode that the add-on's ConfigMap `kube-proxy-config` names; iptables where it names none."""
    found = re.search(r'^mode: "?(\w+)"?$', _config(store), flags=re.MULTILINE)
    return found[1] if found else "iptables"


def _config(store: Store) -> str:
    config = store.find(CONFIG_MAPS, "kube-system", "kube-proxy-config") or {}
    return str((config.get("data") or {}).get("config", ""))


def start(host: Host, now: datetime) -> Process:
    """Start kube-proxy: it reads its kubeconfig once, here."""
    config = host.store.find(CONFIG_MAPS, "kube-system", "kube-proxy") or {}
    text = (config.get("data") or {}).get("kubeconfig", "")
    found = re.search(r"server:\s*(\S+)", text)
    proxy = KubeProxy(
        node=host.node_name,
        address=host.node_address,
        server=found[1] if found else "",
        mode=_mode(host.store),
        prefix=interface_prefix(_config(host.store)),
        run=ContainerRun(started=now),
    )
    host.node.conntrack_max = conntrack_max(_config(host.store), _CORES)
    proxy.run.repeated = proxy.lines
    proxy.say(now, words.WAITING_FOR_NODE)
    proxy.look(host.store, host.vpc, now)
    return proxy


PROGRAM = Program(name="kube_proxy", images=("/kube-proxy",), start=start, toolbox=EKS_MINIMAL)
