"""What a node's kernel holds of its network, from what runs there: as the VPC CNI, kube-proxy and NodeLocal lay it.

Sources: amazon-vpc-cni-k8s, docs/cni-proposal.md and docs of security groups for pods (strict: rules of priority 10 and
local at 20; standard: local at 0, 512 and 1536); kubernetes, pkg/proxy/iptables; B3, B6 and B8 of the documents.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.sandbox.kubernetes.node import Exchange, Leading, Node
from bot.sandbox.kubernetes.resources import PODS, SERVICES, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.branch_interfaces import ANNOTATION
from bot.sandbox.network.vpc import Port, Vpc

_OF_NODE, _PER_POD = 200, 40
"""Tracked connections: what a node's own programs hold, and a pod."""
_MOST_PODS = 250
"""No node of EKS has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An interface."""

    name: str
    addresses: tuple[tuple[str, int], ...] = ()
    parent: str = ""
    loopback: bool = False
    up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A routing rule."""

    priority: int
    table: str
    source: str = ""
    destination: str = ""
    incoming: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRoute:
    """A route of a table."""

    table: str
    destination: str
    interface: str
    gateway: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedService:
    """One port of a Service as the node leads it."""

    address: str
    protocol: str
    port: int
    name: str
    backends: tuple[str, ...]

    @property
    def hash(self) -> str:
        """What kube-proxy names its chain by: the first 16 characters of base32 of SHA-256."""
        return chain_hash(f"{self.name}{self.protocol}")


def chain_hash(text: str) -> str:
    """Return the part of a chain's name that kube-proxy makes of a text."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetwork:
    """One node's network namespace at one moment."""

    links: tuple[Link, ...]
    rules: tuple[Rule, ...]
    routes: tuple[TableRoute, ...]
    services: tuple[LedService, ...]
    mode: str
    """`iptables`, `nftables`, `ipvs`, or empty: what leads ClusterIPs leaves nothing that these programs show."""
    untracked: tuple[str, ...]
    """Addresses with NodeLocal DNSCache's rules."""
    conntrack_count: int
    conntrack_max: int
    exchanges: Mapping[Exchange, bool]
    """Tracked exchanges of DNS over UDP that clients keep up, and whether they are answered."""
    linklocal_exceeded: int
    """Packets to the VPC's resolver beyond its limit, on the last of the instance's interfaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A pod of the node that has a network of its own."""

    address: str
    strict: bool
    vlan: int
    """Of its branch interface; 0: it has none."""

    @property
    def interface(self) -> str:
        """The host's side of its interface."""
        prefix = "vlan" if self.vlan else "eni"
        return prefix + interface_hash(self.address)


def interface_hash(address: str) -> str:
    """Return what the names of a pod's interface on its host end with."""
    return hashlib.sha1(address.encode()).hexdigest()[:11]  # noqa: S324  # as the VPC CNI names it


def host_network(
    node: Node,
    document: Json,
    strict: Mapping[str, bool],
    store: Store,
    vpc: Vpc,
    *,
    dropped: int,
    exchanges: Mapping[Exchange, bool],
) -> HostNetwork:
    """Return the network of a node.

    `strict` holds the address of each pod that its node leads packets to, and whether these never see the node;
    `dropped` packets of its pods the VPC's resolver has not taken; `exchanges` that it tracks are answered or not.
    """
    name = document["metadata"]["name"]
    instance = document["spec"].get("providerID", "").rsplit("/", 1)[-1]
    ports = [port for port in vpc.ports_of_instance.get(instance, []) if not port.is_branch]
    every = [one for pod in _pods_of(name, store) for one in _held(pod, strict)]
    held = [one for one in every if one.address in strict]
    services = tuple(_services(node, store))
    return HostNetwork(
        links=tuple(_links(node, ports, held)),
        rules=tuple(sorted(_rules(ports, held, vpc), key=lambda rule: rule.priority)),
        routes=tuple(_routes(node, ports, held)),
        services=services,
        mode=node.proxy_mode if node.leading is not Leading.CONNECTING else "",
        untracked=tuple(sorted(node.untracked)),
        conntrack_count=min(_tracked(len(every)), node.conntrack_max),
        conntrack_max=node.conntrack_max,
        exchanges=exchanges,
        linklocal_exceeded=node.linklocal_exceeded + dropped,
    )


def tracks_no_more(node: Node, name: str, store: Store) -> bool:
    """Return whether the node's table of tracked connections is full, so that the kernel drops what begins another."""
    if node.conntrack_max > _tracked(_MOST_PODS):
        return False  # and its pods need not be counted
    return _tracked(sum(len(list(_held(pod, {}))) for pod in _pods_of(name, store))) >= node.conntrack_max


def _tracked(pods: int) -> int:
    return _OF_NODE + _PER_POD * pods


def _pods_of(name: str, store: Store) -> Iterator[Json]:
    return (pod for pod in store.all(PODS) if pod["spec"].get("nodeName") == name)


def _held(pod: Json, strict: Mapping[str, bool]) -> Iterator[Held]:
    address = str((pod.get("status") or {}).get("podIP", ""))
    if not address or pod["spec"].get("hostNetwork"):
        return
    branch = (pod["metadata"].get("annotations") or {}).get(ANNOTATION)
    vlan = int(json.loads(branch)[0]["vlanId"]) if branch else 0
    yield Held(address=address, strict=strict.get(address, False), vlan=vlan)


def _links(node: Node, ports: Sequence[Port], held: Sequence[Held]) -> Iterator[Link]:
    yield Link(name="lo", addresses=(("127.0.0.1", 8),), loopback=True)
    for number, port in enumerate(ports):
        yield Link(name=f"eth{number}", addresses=((port.primary, 24),))
    for one in held:
        if one.vlan:
            yield Link(name=f"vlan.eth.{one.vlan}", parent=f"eth{max(len(ports) - 1, 0)}")
        yield Link(name=one.interface, parent="eth0")
    for name, addresses in node.interfaces.items():
        yield Link(name=name, addresses=tuple((address, 32) for address in sorted(addresses)), up=False)


def _rules(ports: Sequence[Port], held: Sequence[Held], vpc: Vpc) -> Iterator[Rule]:
    strict = [one for one in held if one.strict]
    yield Rule(priority=20 if strict else 0, table="local")
    for one in strict:
        yield Rule(priority=10, table=_branch_table(one), incoming=f"vlan.eth.{one.vlan}")
        yield Rule(priority=10, table=_branch_table(one), incoming=one.interface)
    for one in held:
        if one.strict:
            continue
        yield Rule(priority=512, table="main", destination=one.address)
        table = _branch_table(one) if one.vlan else _secondary_table(ports, vpc.port_of(one.address))
        if table:
            yield Rule(priority=1536, table=table, source=one.address)
    yield Rule(priority=1024, table="main", mark="0x80/0x80")
    yield Rule(priority=32766, table="main")
    yield Rule(priority=32767, table="default")


def _routes(node: Node, ports: Sequence[Port], held: Sequence[Held]) -> Iterator[TableRoute]:
    for number, port in enumerate(ports):
        gateway = _gateway(port.primary)
        if number == 0:
            yield TableRoute(table="main", destination="default", gateway=gateway, interface="eth0")
            yield TableRoute(table="main", destination="169.254.169.254", interface="eth0")
        else:
            yield TableRoute(table=str(number + 1), destination="default", gateway=gateway, interface=f"eth{number}")
        subnet = str(ipaddress.ip_network(f"{port.primary}/24", strict=False))
        yield TableRoute(table="main", destination=subnet, interface=f"eth{number}")
        yield TableRoute(table="local", destination=port.primary, interface=f"eth{number}", local=True)
    for one in held:
        if not one.strict:
            yield TableRoute(table="main", destination=one.address, interface=one.interface)
        if one.vlan:
            gateway, table = _gateway(one.address), _branch_table(one)
            yield TableRoute(table=table, destination="default", gateway=gateway, interface=f"vlan.eth.{one.vlan}")
            yield TableRoute(table=table, destination=one.address, interface=one.interface)
    yield TableRoute(table="local", destination="127.0.0.0/8", interface="lo", local=True)
    yield TableRoute(table="local", destination="127.0.0.1", interface="lo", local=True)
    for name, addresses in node.interfaces.items():
        for address in sorted(addresses):
            yield TableRoute(table="local", destination=address, interface=name, local=True)


def _branch_table(one: Held) -> str:
    return str(100 + one.vlan)


def _secondary_table(ports: Sequence[Port], port: Port | None) -> str:
    """Return the table of the interface that holds a pod's address; empty for the first one, which needs none."""
    number = next((at for at, one in enumerate(ports) if port is not None and one.id == port.id), 0)
    return str(number + 1) if number else ""


def _gateway(address: str) -> str:
    return str(next(ipaddress.ip_network(f"{address}/24", strict=False).hosts()))


def _services(node: Node, store: Store) -> Iterator[LedService]:
    """Yield what the node leads: its addresses are those that were laid last, the ports those of the Services."""
    for service in store.all(SERVICES):
        address, metadata = str(service["spec"].get("clusterIP", "")), service["metadata"]
        if address not in node.backends:
            continue
        for port in service["spec"].get("ports") or []:
            target = port["targetPort"] if isinstance(port.get("targetPort"), int) else port["port"]
            suffix = f":{port['name']}" if port.get("name") else ""
            yield LedService(
                address=address,
                protocol=str(port.get("protocol", "TCP")).lower(),
                port=int(port["port"]),
                name=f"{metadata['namespace']}/{metadata['name']}{suffix}",
                backends=tuple(_end(backend, target) for backend in node.backends[address]),
            )


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
