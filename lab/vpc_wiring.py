"""A VPC as network namespaces: one that routes, and around it nodes, their pods and other hosts.

Nodes and pods are wired as the VPC CNI does it: a /32 address in the pod, a default route by 169.254.1.1 with a
permanent neighbour, the host side `eni…`, and on the node `512: from all to POD lookup main`, besides
`1536: from POD lookup 2` where the address is of a second interface (amazon-vpc-cni-k8s, docs/cni-proposal.md;
`lab.vpc_cni`). Nothing touches the machine's own network. Packets between two interfaces are forwarded by the routing
namespace, where `lab.vpc_filter` judges them; packets between pods of one node never get there, and the VPC resolver
lives in it, so that nothing filters it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.domain.enforcing_mode import EnforcingMode
from bot.sandbox.world.world import vpc_resolver
from lab.namespaces import Run, ip, joined
from lab.vpc_cni import FROM_POD, LOCAL, MARKED_RULE, TO_POD, BranchLinks, lay_host_rules
from lab.vpc_resolver import LINK_LOCAL, VpcResolver

_GATEWAY = "169.254.1.1"
_GATEWAY_HARDWARE = "02:00:00:00:00:01"
_HOST_HARDWARE = "02:00:00:00:00:02"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attached:
    """A namespace with a veth of its own to the one that routes."""

    netns: str
    address: str
    port: str
    """Name of the routing namespace's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pod:
    netns: str
    address: str
    rules: tuple[str, ...]
    """Of the node, for this pod alone."""
    links: tuple[str, ...]
    """On the node."""


class VpcWiring:
    """One VPC. All addresses are text without a prefix length; names are unique among their kind. Thread-safe."""

    name: str
    cidr: str
    netns: str
    """Full name of the namespace that routes; the filter belongs here."""
    resolver_address: str
    """Second address of the VPC's CIDR."""
    resolver: VpcResolver
    """Not running until `resolver.start(coredns)`."""

    def __init__(self, run: Run, name: str, cidr: str, *, random_ports: bool = True) -> None:
        """`random_ports`: packets that leave the VPC with their node's address get another source port, as in EKS."""
        self.name, self.cidr = name, cidr
        self._run, self._random_ports = run, random_ports
        self._lock = threading.RLock()
        self._attached: dict[str, _Attached] = {}
        self._pods: dict[tuple[str, str], _Pod] = {}
        self._held: set[tuple[str, str]] = set()
        self._with_branches: set[str] = set()
        self._ports = 0
        self.resolver_address = vpc_resolver(cidr)
        self.netns = run.netns(f"vpc-{name}")
        ip(
            self.netns,
            f"address add {self.resolver_address}/32 dev lo",
            f"address add {LINK_LOCAL}/32 dev lo",
            "route add blackhole default",  # an address that nobody holds gives no answer, neither here nor outside
        )
        self.resolver = VpcResolver(run, name, self.netns, (self.resolver_address, LINK_LOCAL))

    def attach_node(self, name: str, primary_address: str, addresses: Iterable[str] = ()) -> str:
        """Attach a node and return its namespace's full name.

        `addresses`: secondary addresses and delegated prefixes (`10.0.1.16/28`) of all its interfaces; they are routed
        to the node. `attach_pod` routes the pod's address by itself.
        """
        netns = self._run.netns(f"node-{name}")
        with self._lock:
            self._attach(f"node {name}", netns, [primary_address])
            ip(netns, MARKED_RULE)
            lay_host_rules(netns, vpc_cidr=self.cidr, primary_address=primary_address, random_ports=self._random_ports)
            addresses = tuple(addresses)
            self._route(f"node {name}", addresses)
            self._hold(name, addresses)
        return netns

    def attach_host(self, name: str, address: str) -> str:
        """Attach something else that has an interface of its own (a branch interface's pod, a server)."""
        netns = self._run.netns(f"host-{self.name}-{name}")
        self.attach_namespace(name, netns, [address])
        return netns

    def attach_namespace(self, name: str, netns: str, addresses: Sequence[str]) -> None:
        """Attach a namespace that is there already (a full name), as a host with one or more addresses."""
        with self._lock:
            self._attach(f"host {name}", netns, addresses)

    def detach_namespace(self, name: str) -> None:
        """Remove a host with its namespace: its processes end, its addresses are free again."""
        with self._lock:
            gone = self._attached.pop(f"host {name}")
            ip(self.netns, f"link delete {gone.port}")
        self._run.remove_netns(gone.netns)

    def node_netns(self, name: str) -> str:
        """Return the full name of a node's namespace."""
        return self._attached[f"node {name}"].netns

    def attach_pod(self, node: str, name: str, address: str, *, interface: int = 0) -> str:
        """Attach a pod to a node and return its namespace's full name. `name`: unique on the node, without `/`.

        `interface`: number of the node's interface that holds the address. What the pod sends has a table of that
        interface's own, as the VPC CNI lays it, but for the first one's; here they all are the node's one link.
        """
        host_side = f"eni{_hashed(node, name, 11)}"
        netns = self._run.netns(f"pod-{node.partition('.')[0]}-{name}")
        rules, routes = [f"from all to {address} lookup main priority {TO_POD}"], list[str]()
        if interface:
            rules.append(f"from {address} lookup {interface + 1} priority {FROM_POD}")
            routes.append(f"route replace default via {_GATEWAY} dev eth0 onlink table {interface + 1}")
        with self._lock:
            self._lead_to_pod(node, netns, host_side, address)
            ip(
                self.node_netns(node),
                f"route replace {address}/32 dev {host_side} scope link",
                *routes,
                *(f"rule add {rule}" for rule in rules),
            )
            self._route(f"node {node}", [address])
            self._hold(node, [address])
            self._pods[node, name] = _Pod(netns=netns, address=address, rules=tuple(rules), links=(host_side,))
        return netns

    def attach_branch_pod(
        self, node: str, name: str, address: str, *, vlan: int, mode: EnforcingMode = EnforcingMode.STRICT
    ) -> str:
        """Attach a pod with a branch interface of its own and return its namespace's full name.

        In strict mode what comes from the pod, and what comes for it from the VPC, is routed by a table of its own, so
        that every packet crosses the VPC, to and from its own node and that node's pods too. In standard mode only what
        it sends to other hosts of the VPC is (amazon-vpc-cni-k8s, README, POD_SECURITY_GROUP_ENFORCING_MODE).
        `vlan`: unique on the node.
        """
        links = BranchLinks.of(pod=_hashed(node, name, 10), vlan=vlan, address=address, mode=mode)
        netns = self._run.netns(f"pod-{node.partition('.')[0]}-{name}")
        with self._lock:
            self._prepare_for_branches(node)
            self._lead_to_pod(node, netns, links.host_side, address)
            self._ports += 1
            port, node_netns = f"port{self._ports}", self.node_netns(node)
            ip(
                self.netns,
                f"link add {port} address {_GATEWAY_HARDWARE} type veth peer name {links.branch} netns {node_netns}",
                f"link set {port} up",
                f"neighbour add {address} lladdr {_HOST_HARDWARE} dev {port} nud permanent",
                f"route replace {address}/32 dev {port} scope link",
            )
            ip(
                node_netns,
                f"link set {links.branch} address {_HOST_HARDWARE} up",
                f"route add {_GATEWAY} dev {links.branch} scope link table {links.table}",
                f"route add default via {_GATEWAY} dev {links.branch} onlink table {links.table}",
                f"neighbour add {_GATEWAY} lladdr {_GATEWAY_HARDWARE} dev {links.branch} nud permanent",
                *links.routes,
                *(f"rule add {rule}" for rule in links.rules),
            )
            with joined(node_netns):  # a probe by the node comes in here, from the node's own address
                Path(f"/proc/sys/net/ipv4/conf/{links.branch}/accept_local").write_text("1")
            self._pods[node, name] = _Pod(
                netns=netns, address=address, rules=links.rules, links=(links.host_side, links.branch)
            )
        return netns

    def _prepare_for_branches(self, node: str) -> None:
        """Let rules of branch interfaces come before the node's own addresses, as the VPC CNI has it in both modes.

        And DISABLE_TCP_EARLY_DEMUX, without which the node takes answers to its own probes on their way to the VPC.
        """
        if node in self._with_branches:
            return
        ip(
            self.node_netns(node),
            f"rule add from all lookup local priority {LOCAL}",
            "rule del from all lookup local priority 0",
        )
        with joined(self.node_netns(node)):
            Path("/proc/sys/net/ipv4/tcp_early_demux").write_text("0")
        self._with_branches.add(node)

    def _lead_to_pod(self, node: str, netns: str, host_side: str, address: str) -> None:
        """Lay the link between a node and its pod, and what the pod has on its side."""
        ip(
            self.node_netns(node),
            f"link add {host_side} address {_HOST_HARDWARE} type veth peer name eth0 netns {netns}",
            f"link set {host_side} up",
        )
        ip(
            netns,
            "link set eth0 up",
            f"address add {address}/32 dev eth0",
            f"route add {_GATEWAY} dev eth0 scope link",
            f"route add default via {_GATEWAY} dev eth0",
            f"neighbour add {_GATEWAY} lladdr {_HOST_HARDWARE} dev eth0 nud permanent",
        )

    def remove_routes(self, address: str) -> None:
        """Remove the rules and the route that the node of a pod without a branch interface holds of its address."""
        with self._lock:
            (place,) = (place for place, pod in self._pods.items() if pod.address == address)
            held = self._pods[place]
            rules = (f"rule del {rule}" for rule in held.rules)
            ip(self.node_netns(place[0]), *rules, f"route del {address}/32 dev {held.links[0]}")
            self._pods[place] = replace(held, rules=())

    def detach_pod(self, node: str, name: str) -> None:
        """Remove a pod: its processes end, its address is free again."""
        with self._lock:
            gone = self._pods.pop((node, name))
            ip(
                self.node_netns(node),
                *(f"rule del {rule}" for rule in gone.rules),
                *(f"link delete {link}" for link in gone.links),  # at once; with the namespace it would go later
            )
        self._run.remove_netns(gone.netns)

    def _attach(self, key: str, netns: str, addresses: Sequence[str]) -> None:
        self._ports += 1
        port = f"port{self._ports}"
        ip(
            self.netns,
            f"link add {port} address {_GATEWAY_HARDWARE} type veth peer name eth0 netns {netns}",
            f"link set {port} up",
        )
        ip(
            netns,
            f"link set eth0 address {_HOST_HARDWARE} up",
            *(f"address add {address}/32 dev eth0" for address in addresses),
            f"route add {_GATEWAY} dev eth0 scope link",
            f"route add default via {_GATEWAY} dev eth0 src {addresses[0]}",
            f"neighbour add {_GATEWAY} lladdr {_GATEWAY_HARDWARE} dev eth0 nud permanent",
        )
        first = addresses[0]
        ip(
            self.netns,
            f"neighbour add {first} lladdr {_HOST_HARDWARE} dev {port} nud permanent",
            f"route add {first}/32 dev {port} scope link",
        )
        self._attached[key] = _Attached(netns=netns, address=first, port=port)
        self._route(key, addresses[1:])

    def _route(self, key: str, destinations: Iterable[str]) -> None:
        to = self._attached[key]
        routes = [f"route replace {each} via {to.address} dev {to.port} onlink" for each in destinations]
        if routes:
            ip(self.netns, *routes)

    def _hold(self, node: str, addresses: Iterable[str]) -> None:
        """Let packets for the node's addresses that no pod has end on the node; they would go back and forth."""
        new = [each for each in addresses if (node, each) not in self._held]
        self._held |= {(node, each) for each in new}
        if new:
            ip(self.node_netns(node), *(f"rule add iif eth0 to {each} blackhole priority 1024" for each in new))


def _hashed(node: str, name: str, length: int) -> str:
    """Return what tells a node's links for its pods apart, within the fifteen characters of a link's name."""
    return hashlib.sha256(f"{node}/{name}".encode()).hexdigest()[:length]
