"""The VPC as network namespaces: one that routes, and around it nodes, their pods, the control plane and other hosts.

Nodes and pods are wired as the VPC CNI does it: a /32 address in the pod, a default route by 169.254.1.1 with a
permanent neighbour, the host side `eni…`, and on the node `512: from all to POD lookup main`
(amazon-vpc-cni-k8s, docs/cni-proposal.md). Nothing touches the machine's own network. Packets between two interfaces
are forwarded by the fabric, where `lab.vpc_filter` judges them; packets between pods of one node never get there, and
the VPC resolver lives in the fabric itself, so that nothing filters it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.sandbox.world import vpc_resolver
from lab.namespaces import Run, ip
from lab.vpc_resolver import LINK_LOCAL, VpcResolver

_GATEWAY = "169.254.1.1"
_GATEWAY_HARDWARE = "02:00:00:00:00:01"
_HOST_HARDWARE = "02:00:00:00:00:02"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attached:
    """A namespace with a veth of its own to the fabric."""

    netns: str
    address: str
    port: str
    """Name of the fabric's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pod:
    netns: str
    address: str
    host_side: str


class Fabric:
    """One VPC. All addresses are text without a prefix length; names are unique among their kind. Thread-safe."""

    netns: str
    """Full name of the namespace that routes; the filter belongs here."""
    control_plane: str
    """Full name of the control plane's namespace. Its loopback is up from the start, before it has an address."""
    resolver_address: str
    """Second address of the VPC's CIDR."""
    resolver: VpcResolver
    """Not running until `resolver.start(coredns)`."""

    def __init__(self, run: Run, vpc_cidr: str) -> None:
        self._run = run
        self._lock = threading.RLock()
        self._attached: dict[str, _Attached] = {}
        self._pods: dict[tuple[str, str], _Pod] = {}
        self._held: set[tuple[str, str]] = set()
        self._ports = 0
        self.resolver_address = vpc_resolver(vpc_cidr)
        self.netns = run.netns("fabric")
        self.control_plane = run.netns("control-plane")
        ip(
            self.netns,
            f"address add {self.resolver_address}/32 dev lo",
            f"address add {LINK_LOCAL}/32 dev lo",
            "route add blackhole default",  # an address that nobody holds gives no answer, neither here nor outside
        )
        self.resolver = VpcResolver(run, self.netns, (self.resolver_address, LINK_LOCAL))

    def attach_node(self, name: str, primary_address: str, addresses: Iterable[str] = ()) -> str:
        """Attach a node and return its namespace's full name.

        `addresses`: secondary addresses and delegated prefixes (`10.0.1.16/28`) of all its interfaces; they are routed
        to the node. `attach_pod` routes the pod's address by itself.
        """
        netns = self._run.netns(f"node-{name}")
        with self._lock:
            self._attach(f"node {name}", netns, [primary_address])
            addresses = tuple(addresses)
            self._route(f"node {name}", addresses)
            self._hold(name, addresses)
        return netns

    def attach_host(self, name: str, address: str) -> str:
        """Attach something else that has an interface of its own (a branch interface's pod, a server)."""
        netns = self._run.netns(f"host-{name}")
        with self._lock:
            self._attach(f"host {name}", netns, [address])
        return netns

    def add_control_plane_addresses(self, addresses: Sequence[str]) -> None:
        """Give the control plane's namespace the addresses of its interfaces in the VPC (EKS makes one or more)."""
        with self._lock:
            self._attach("control-plane", self.control_plane, addresses)

    def node_netns(self, name: str) -> str:
        """Return the full name of a node's namespace."""
        return self._attached[f"node {name}"].netns

    def attach_pod(self, node: str, name: str, address: str) -> str:
        """Attach a pod to a node and return its namespace's full name. `name`: unique on the node, without `/`."""
        host_side = "eni" + hashlib.sha256(f"{node}/{name}".encode()).hexdigest()[:11]
        netns = self._run.netns(f"pod-{node.partition('.')[0]}-{name}")
        with self._lock:
            node_netns = self.node_netns(node)
            ip(
                node_netns,
                f"link add {host_side} address {_HOST_HARDWARE} type veth peer name eth0 netns {netns}",
                f"link set {host_side} up",
                f"route replace {address}/32 dev {host_side} scope link",
                f"rule add from all to {address} lookup main priority 512",
            )
            ip(
                netns,
                "link set eth0 up",
                f"address add {address}/32 dev eth0",
                f"route add {_GATEWAY} dev eth0 scope link",
                f"route add default via {_GATEWAY} dev eth0",
                f"neighbour add {_GATEWAY} lladdr {_HOST_HARDWARE} dev eth0 nud permanent",
            )
            self._route(f"node {node}", [address])
            self._hold(node, [address])
            self._pods[node, name] = _Pod(netns=netns, address=address, host_side=host_side)
        return netns

    def detach_pod(self, node: str, name: str) -> None:
        """Remove a pod: its processes end, its address is free again."""
        with self._lock:
            gone = self._pods.pop((node, name))
            ip(
                self.node_netns(node),
                f"rule del from all to {gone.address} lookup main priority 512",
                f"link delete {gone.host_side}",  # at once; with the namespace alone it would go some time later
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
