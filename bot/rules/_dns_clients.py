"""Who asks CoreDNS over the VPC: the pods behind a node's interfaces, and each pod with a branch interface of its own.

Shared by the two rules that judge the VPC; no rule itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.addresses import address
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.lookups import ClientKind
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.pods import Pod
from bot.network.classes import one_end_for_each_class
from bot.network.membership import Membership
from bot.network.model import Address, Interface, InterfaceKind, Network
from bot.network.ports import LINUX_CLIENTS, UNPRIVILEGED, WINDOWS_CLIENTS
from bot.network.reachability import End

_PLAIN_AND_HOST = frozenset({ClientKind.POD, ClientKind.HOST})


class Holders:
    """Finds the interface that holds an address: its own, or one within a delegated prefix."""

    def __init__(self, interfaces: Iterable[Interface]) -> None:
        self._by_address: dict[Address, Interface] = {}
        self._by_prefix: dict[Network, Interface] = {}
        for interface in interfaces:
            self._by_address.update(dict.fromkeys(interface.addresses, interface))
            self._by_prefix.update(dict.fromkeys(interface.prefixes, interface))
        self._lengths = sorted({(prefix.version, prefix.prefixlen) for prefix in self._by_prefix})

    def of(self, address: Address) -> Interface | None:
        """Return the interface, or None where no known one holds the address."""
        around = (
            ip_network(f"{address}/{length}", strict=False)
            for version, length in self._lengths
            if version == address.version
        )
        own = self._by_address.get(address)
        return own or next((self._by_prefix[block] for block in around if block in self._by_prefix), None)

    def hold(self, end: End) -> End:
        """Return the same end at the interface that holds its address."""
        return replace(end, interface=self.of(end.address))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asker:
    """Whoever the VPC cannot tell apart: the pods behind a node's interface, or one pod at its branch interface.

    There is one object of each in `DnsClients`, so that hundreds of thousands of pairs are counted by identity.
    """

    name: str
    """The node; for a branch interface the pod (namespace/name), or the address where no application pod holds it."""
    branch: bool = False
    pod: str = ""
    """namespace/name of the application pod at a branch interface."""
    kinds: frozenset[ClientKind] = _PLAIN_AND_HOST
    """Behind a node's interface: which of its pods use it."""


class DnsClients:
    """The ends that ask CoreDNS, and who asks from each."""

    askers: frozenset[Asker]
    """All of them."""

    def __init__(
        self,
        nodes: WorkerNodes,
        pods: WorkloadPods | Gap,
        cni: VpcCni | None,
        holders: Holders,
        membership: Membership,
        *,
        at_home: frozenset[Address] = frozenset(),
    ) -> None:
        """Find them. `cni`: tells what a pod with a branch interface was made under; None: that is not known.

        `at_home`: addresses of pods that are answered on their own node and cross no VPC for it.
        """
        self._cni, self._holders = cni, holders
        self._by_name = {node.name: node for node in nodes.nodes}
        self._addresses = {node.name: address(node.internal_ip) for node in nodes.nodes if node.internal_ip}
        self._pods = {} if isinstance(pods, Gap) else {address(pod.ip): pod for pod in _with_addresses(pods)}
        self._apart: set[str] = set()
        by_instance: dict[str, list[Interface]] = {}
        for interface in nodes.interfaces:
            by_instance.setdefault(interface.instance_id, []).append(interface)
        ends = [end for node in nodes.nodes for end in self._of_node(node, by_instance, holders, membership)]
        ends += [self._of_pod(pod, address) for address, pod in self._pods.items() if self._asks(pod)]
        self.ends = tuple(dict.fromkeys(end for end in ends if end.address not in at_home))
        one_of_each: dict[tuple[str, frozenset[ClientKind]], Asker] = {}
        made = [(end, self._asker(end)) for end in self.ends]
        self._askers = {id(end): one_of_each.setdefault((each.name, each.kinds), each) for end, each in made}
        self.askers = frozenset(one_of_each.values())

    def asker(self, end: End) -> Asker:
        """Return who asks from one of `ends`."""
        return self._askers[id(end)]

    def _asker(self, end: End) -> Asker:
        interface, node_address = end.interface, self._addresses.get(end.name)
        if interface is not None and interface.kind is InterfaceKind.BRANCH:
            pod = self._pods.get(end.address)
            name = "" if pod is None else pod.client.pod
            return Asker(name=name or str(end.address), branch=True, pod=name, kinds=frozenset({ClientKind.BRANCH}))
        if interface is None or node_address is None:
            return Asker(name=end.name)
        if node_address not in interface.addresses:
            return Asker(name=end.name, kinds=frozenset({ClientKind.POD}))
        alone = interface.id in self._apart
        return Asker(name=end.name, kinds=frozenset({ClientKind.HOST}) if alone else _PLAIN_AND_HOST)

    def _of_node(
        self, node: Node, by_instance: dict[str, list[Interface]], holders: Holders, membership: Membership
    ) -> Iterator[End]:
        """Yield a node's clients. Pods of Auto Mode nodes ask the resolver on their own node, not CoreDNS."""
        address = self._addresses.get(node.name)
        if node.compute is Compute.AUTO or address is None:
            return
        alone = holders.hold(self._end(node.name, address))
        own = by_instance.get(node.instance_id, []) if node.instance_id else []
        used = _for_pods(own, address)
        self._apart.update(interface.id for interface in own if interface not in used)
        for interface in used:
            if interface.kind is InterfaceKind.BRANCH:
                yield from (self._at_branch(node.name, interface, one) for one in interface.addresses)
            else:
                yield from one_end_for_each_class(interface, membership, alone)
        if not own:
            yield alone

    def _of_pod(self, pod: Pod, address: Address) -> End:
        end = self._holders.hold(self._end(pod.node, address))
        at_branch = end.interface is not None and end.interface.kind is InterfaceKind.BRANCH
        return self._at_branch(pod.node, end.interface, address) if end.interface and at_branch else end

    def _at_branch(self, node_name: str, interface: Interface, address: Address) -> End:
        """Return the end at a branch interface, on the node where its pod is; its trunk may not be told."""
        node, mode = self._by_name.get(node_name), made_under(self._cni, self._pods.get(address))
        if node is not None and not interface.instance_id:
            interface = replace(interface, instance_id=node.instance_id)
        end = replace(self._end(node_name, address), interface=interface, mode=mode)
        return replace(end, leaves_as=self._leaves_as(node_name, mode))

    def _leaves_as(self, node_name: str, mode: EnforcingMode | None) -> End | None:
        """Return the node's end where the VPC CNI gives packets out of the VPC its address, and another port (B9)."""
        kept = self._cni is None or self._cni.aws_node is None or self._cni.aws_node.external_snat
        if kept or mode is not EnforcingMode.STANDARD or node_name not in self._addresses:
            return None
        end = self._holders.hold(self._end(node_name, self._addresses[node_name]))
        return replace(end, client_ports=UNPRIVILEGED)

    def _end(self, node_name: str, address: Address) -> End:
        node = self._by_name.get(node_name)
        windows = node is not None and node.os == "windows"
        ports = WINDOWS_CLIENTS if windows else LINUX_CLIENTS
        return End(interface=None, address=address, name=node_name, client_ports=ports)

    def _asks(self, pod: Pod) -> bool:
        node = self._by_name.get(pod.node)
        return pod.uses_cluster_dns and (node is None or node.compute is not Compute.AUTO)


def made_under(cni: VpcCni | None, pod: Pod | None) -> EnforcingMode | None:
    """Return what a pod with a branch interface was made under; None: not known. A pod may be known by nothing else.

    A pod that is older than the aws-node pod of its node is taken for one in strict mode, which is the default: it was
    made before the mode was changed (B9).
    """
    if cni is None or cni.aws_node is None:
        return None
    if pod is None:
        return EnforcingMode.STRICT if cni.aws_node.enforces is EnforcingMode.STRICT else None
    return cni.mode_of(pod) or EnforcingMode.STRICT


def _with_addresses(pods: WorkloadPods) -> Iterator[Pod]:
    named = (*pods.pods, pods.asked_pod) if pods.asked_pod is not None else pods.pods
    return (pod for pod in named if pod.ip and not pod.over)


def _for_pods(own: Sequence[Interface], node_address: Address) -> list[Interface]:
    """Leave out the first interface where custom networking keeps pods off it: it has the node's address alone."""
    busy = [item for item in own if item.kind is InterfaceKind.INSTANCE and _room_for_pods(item)]
    return [item for item in own if item in busy or not busy or node_address not in item.addresses]


def _room_for_pods(interface: Interface) -> bool:
    return bool(interface.prefixes) or sum(address.version == 4 for address in interface.addresses) > 1  # noqa: PLR2004  # IPv4
