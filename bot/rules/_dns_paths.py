"""The pairs that DNS is spoken between: each node's and application pod's interfaces, and each CoreDNS address.

Shared by the two rules that judge the VPC; no rule itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from bot.collectors.kube_dns import KubeDns
from bot.collectors.worker_nodes import WorkerNode, WorkerNodes
from bot.collectors.workload_pods import WorkloadPod, WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Protocol, Reach, healthy, unknown
from bot.network.classes import PairClass, evaluate_pairs, named_networks, one_end_for_each_class
from bot.network.membership import Membership
from bot.network.model import Address, Interface, InterfaceKind, Network, Vpc
from bot.network.ports import LINUX_CLIENTS, WINDOWS_CLIENTS
from bot.network.reachability import Block, End, Hop

NodePair = tuple[str, Address]
"""A client's node and a CoreDNS address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPaths:
    """All pairs, judged."""

    classes: tuple[PairClass, ...]
    pairs: frozenset[NodePair]
    nodes: int
    """How many nodes the clients are on."""
    gaps: tuple[Gap, ...]
    """Clients and servers whose interface is not known, and evidence that was not read."""


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


def nothing_to_judge(nodes: WorkerNodes, dns: KubeDns) -> Judgement | None:
    """Return the judgement where there is no pair at all, else None."""
    if nodes.nodes and all(node.compute == "auto" for node in nodes.nodes):
        return healthy(
            "EKS Auto Mode: DNS runs on each node itself, so no query crosses the VPC.",
            f"{len(nodes.nodes)} of {len(nodes.nodes)} nodes are Auto Mode nodes",
        )
    if dns.endpoints_gap is not None:
        return unknown(f"No CoreDNS address is known: {dns.endpoints_gap.reason}", dns.endpoints_gap)
    if not dns.endpoints:
        reason = "No CoreDNS address is known: the EndpointSlices of kube-dns hold none."
        return unknown(reason, Gap(what="CoreDNS addresses", reason=reason))
    if not nodes.nodes:
        reason = "Kubernetes lists no nodes, so there is no client to judge."
        return unknown(reason, Gap(what="worker nodes", reason=reason))
    return None


def dns_paths(case: Case, nodes: WorkerNodes, dns: KubeDns, vpc: Vpc) -> DnsPaths:
    """Judge every client against every CoreDNS address, ready or not.

    Where no workload selector is configured there are no application pods to add: nodes and branch interfaces stand.
    """
    holders, membership = Holders(nodes.interfaces), Membership(named_networks(vpc))
    named = sorted({(endpoint.ip, endpoint.node) for endpoint in dns.endpoints})
    servers = [_held(End(interface=None, address=ip_address(ip), name=node), holders) for ip, node in named]
    clients = [*_node_ends(nodes, holders, membership)]
    pods = case.look_for(WorkloadPods)
    unread = (pods,) if isinstance(pods, Gap) and case.target.workload_selector else ()
    if isinstance(pods, WorkloadPods):
        clients += _pod_ends(pods, nodes, holders)
    pairs = {
        (client.name, server.address)
        for client in clients
        for server in servers
        if client.address.version == server.address.version
    }
    return DnsPaths(
        classes=evaluate_pairs(vpc, dict.fromkeys(clients), servers).classes,
        pairs=frozenset(pairs),
        nodes=len({client.name for client in clients}),
        gaps=(*unread, *_unheld((*clients, *servers)), *_faceless(nodes)),
    )


def _held(end: End, holders: Holders) -> End:
    return replace(end, interface=holders.of(end.address))


def _client(node: WorkerNode | None, name: str, address: Address) -> End:
    windows = node is not None and node.os == "windows"
    ports = WINDOWS_CLIENTS if windows else LINUX_CLIENTS
    return End(interface=None, address=address, name=name, client_ports=ports)


def _node_ends(nodes: WorkerNodes, holders: Holders, membership: Membership) -> Iterator[End]:
    """Yield each node's clients. Pods of Auto Mode nodes ask the resolver on their own node, not CoreDNS."""
    by_instance: dict[str, list[Interface]] = {}
    for interface in nodes.interfaces:
        by_instance.setdefault(interface.instance_id, []).append(interface)
    for node in nodes.nodes:
        if node.compute == "auto" or not node.internal_ip:
            continue
        address = ip_address(node.internal_ip)
        alone = _held(_client(node, node.name, address), holders)
        own = by_instance.get(node.instance_id, []) if node.instance_id else []
        for interface in _for_pods(own, address):
            yield from one_end_for_each_class(interface, membership, alone)
        if not own:
            yield alone


def _for_pods(own: Sequence[Interface], node_address: Address) -> list[Interface]:
    """Leave out the first interface where custom networking keeps pods off it: it has the node's address alone."""
    busy = [item for item in own if item.kind is InterfaceKind.INSTANCE and _room_for_pods(item)]
    return [item for item in own if item in busy or not busy or node_address not in item.addresses]


def _room_for_pods(interface: Interface) -> bool:
    return bool(interface.prefixes) or sum(address.version == 4 for address in interface.addresses) > 1  # noqa: PLR2004  # IPv4


def _pod_ends(pods: WorkloadPods, nodes: WorkerNodes, holders: Holders) -> Iterator[End]:
    """Yield the application pods that ask CoreDNS, each at the interface that holds its address."""
    by_name = {node.name: node for node in nodes.nodes}
    named = (*pods.pods, pods.asked_pod) if pods.asked_pod is not None else pods.pods
    for pod in named:
        node = by_name.get(pod.node)
        if _asks_coredns(pod) and (node is None or node.compute != "auto"):
            yield _held(_client(node, pod.node, ip_address(pod.ip)), holders)


def _asks_coredns(pod: WorkloadPod) -> bool:
    if not pod.ip or pod.phase in {"Succeeded", "Failed"}:
        return False
    return pod.dns_policy == "ClusterFirstWithHostNet" or (
        pod.dns_policy in {"ClusterFirst", ""} and not pod.host_network
    )


def _unheld(ends: Iterable[End]) -> Iterator[Gap]:
    lost = sorted({str(end.address) for end in ends if end.interface is None})
    if lost:
        listed = ", ".join(lost[:5]) + (", …" if len(lost) > 5 else "")  # noqa: PLR2004  # a sentence, not a list
        reason = f"No known interface in the VPC holds {listed} ({len(lost)} in all), so its groups are not known."
        yield Gap(what="interfaces", reason=reason)


def _faceless(nodes: WorkerNodes) -> Iterator[Gap]:
    lost = [node.name for node in nodes.nodes if not node.internal_ip and node.compute != "auto"]
    if lost:
        yield Gap(what="node addresses", reason=f"{len(lost)} nodes state no InternalIP, {lost[0]} for one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One block of one class, with the class's first pair."""

    pair_class: PairClass
    client: End
    server: End
    block: Block


def stopped(paths: DnsPaths, hops: frozenset[Hop]) -> tuple[Stopped, ...]:
    """Return every proven block at these hops, one for each class, protocol and hop."""
    found: list[Stopped] = []
    for pair_class in paths.classes:
        blocks = [block for answer in pair_class.answers for block in answer.at(hops).blocks]
        if blocks:
            client, server = next(pair_class.pairs())
            found += [Stopped(pair_class=pair_class, client=client, server=server, block=item) for item in blocks]
    return tuple(found)


def undecided(paths: DnsPaths, hops: frozenset[Hop], grants: Iterable[Gap] = ()) -> tuple[Gap, ...]:
    """Return what would decide at these hops and was not read; a gap of `grants` lends the permission it names."""
    known = {gap.what.rpartition(" ")[2]: gap for gap in grants}
    texts = dict.fromkeys(
        item.what for pair_class in paths.classes for answer in pair_class.answers for item in answer.at(hops).unread
    )
    found: list[Gap] = []
    for text in texts:
        lender = next((gap for name, gap in known.items() if name in text), None)
        if lender is not None:
            found.append(Gap(what=lender.what, reason=f"{text} {lender.reason}", grant=lender.grant))
        elif not text.startswith("No known interface"):
            found.append(Gap(what="a part of the path", reason=text))
    return (*paths.gaps, *found)


def blocked_pairs(found: Iterable[Stopped]) -> dict[NodePair, frozenset[Protocol]]:
    """Return the pairs of node and CoreDNS address that are blocked, with the protocols."""
    protocols: dict[int, tuple[PairClass, set[Protocol]]] = {}
    for item in found:
        protocols.setdefault(id(item.pair_class), (item.pair_class, set()))[1].add(item.block.protocol)
    blocked: dict[NodePair, frozenset[Protocol]] = {}
    for pair_class, over in protocols.values():
        for client, server in pair_class.pairs():
            pair = (client.name, server.address)
            blocked[pair] = blocked.get(pair, frozenset()) | over
    return blocked


def reach(blocked: Mapping[NodePair, frozenset[Protocol]]) -> tuple[Reach, ...]:
    """Return one reach for each CoreDNS address and set of protocols: the nodes it does not answer."""
    nodes: dict[tuple[str, frozenset[Protocol]], set[str]] = {}
    for (node, address), protocols in blocked.items():
        nodes.setdefault((str(address), protocols), set()).add(node)
    ordered = sorted(nodes.items(), key=lambda item: (item[0][0], sorted(item[0][1])))
    return tuple(
        Reach(nodes=frozenset(names), servers=frozenset({address}), protocols=protocols)
        for (address, protocols), names in ordered
    )


def protocols_text(blocked: Mapping[NodePair, frozenset[Protocol]]) -> str:
    """Return `udp/53`, `tcp/53` or `udp/53 and tcp/53`."""
    over = frozenset().union(*blocked.values())
    return " and ".join(f"{protocol}/53" for protocol in Protocol if protocol in over)
