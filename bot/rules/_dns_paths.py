"""The pairs that DNS is spoken between: each node's and application pod's interfaces, and each CoreDNS address.

Shared by the two rules that judge the VPC; no rule itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, healthy, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import REPLIES, ClientKind, Reach, Transport
from bot.domain.phrases import few
from bot.kubernetes.nodes import Compute
from bot.network.classes import PairClass, evaluate_pairs, named_networks
from bot.network.membership import Membership
from bot.network.model import Address, Vpc
from bot.network.reachability import End
from bot.rules._dns_clients import Asker, DnsClients, Holders
from bot.rules._stopped import Stopped, unheld

_MAX_NAMED = 5

Pair = tuple[str, str]
"""A client (`Asker.name`) and a CoreDNS address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPaths:
    """All pairs, judged."""

    classes: tuple[PairClass, ...]
    clients: DnsClients
    pairs: frozenset[Pair]
    gaps: tuple[Gap, ...]
    """Clients and servers whose interface is not known, and evidence that was not read."""

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes behind whose interfaces clients are."""
        return frozenset(asker.name for asker in self.clients.askers if not asker.branch)

    @property
    def branches(self) -> frozenset[str]:
        """The clients that have a branch interface."""
        return frozenset(asker.name for asker in self.clients.askers if asker.branch)

    @property
    def pairs_of(self) -> str:
        """What the pairs are of, in words."""
        return f"pairs of {'client' if self.branches else 'node'} and CoreDNS address"


def nothing_to_judge(nodes: WorkerNodes, dns: KubeDns) -> Judgement | None:
    """Return the judgement where there is no pair at all, else None."""
    if nodes.nodes and all(node.compute is Compute.AUTO for node in nodes.nodes):
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
    pods = case.look_for(WorkloadPods)
    at_home = _answered_at_home(case, pods)
    clients = DnsClients(nodes, pods, case.find(VpcCni), holders, membership, at_home=at_home)
    named = sorted({(endpoint.ip, endpoint.node) for endpoint in dns.endpoints})
    servers = [holders.hold(End(interface=None, address=ip_address(ip), name=node)) for ip, node in named]
    unread = (pods,) if isinstance(pods, Gap) and case.target.workload_selector else ()
    return DnsPaths(
        classes=evaluate_pairs(vpc, clients.ends, servers).classes,
        clients=clients,
        pairs=frozenset(
            (name, str(server.address))
            for name, version in {(clients.asker(end).name, end.address.version) for end in clients.ends}
            for server in servers
            if version == server.address.version
        ),
        gaps=(*unread, *unheld((*clients.ends, *servers)), *_faceless(nodes)),
    )


def _answered_at_home(case: Case, pods: WorkloadPods | Gap) -> frozenset[Address]:
    """Return the addresses of branch pods that NodeLocal DNSCache answers: in standard mode they see their node."""
    cached, cni = case.find(NodeLocalDns), case.find(VpcCni)
    if cached is None or cni is None or isinstance(pods, Gap):
        return frozenset()
    taking = [cache for cache in cached.caches if cached.takes_cluster_ip(cache)]
    ready = {pod.node for cache in taking for pod in cache.pods if pod.ready}
    return frozenset(
        ip_address(pod.ip)
        for pod in pods.pods
        if pod.branch_interface and pod.ip and pod.node in ready and cni.mode_of(pod) is EnforcingMode.STANDARD
    )


def _faceless(nodes: WorkerNodes) -> Iterator[Gap]:
    lost = [node.name for node in nodes.nodes if not node.internal_ip and node.compute is not Compute.AUTO]
    if lost:
        yield Gap(what="node addresses", reason=f"{len(lost)} nodes state no InternalIP, {lost[0]} for one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The pairs that are blocked."""

    transports: Mapping[tuple[Asker, str], frozenset[Transport]]
    """By client and CoreDNS address."""

    @classmethod
    def of(cls, paths: DnsPaths, found: Iterable[Stopped]) -> Blocked:
        """Return every pair of each class that is stopped, with the transports."""
        over: dict[int, tuple[PairClass, set[Transport]]] = {}
        for item in found:
            over.setdefault(id(item.pair_class), (item.pair_class, set()))[1].add(item.block.transport)
        blocked: dict[tuple[Asker, str], frozenset[Transport]] = {}
        for pair_class, transports in over.values():
            addresses = {id(server): str(server.address) for server in pair_class.servers}
            asker = paths.clients.asker
            for pair in {(asker(client), addresses[id(server)]) for client, server in pair_class.pairs()}:
                blocked[pair] = blocked.get(pair, frozenset()) | transports
        return cls(transports=blocked)

    @property
    def pairs(self) -> frozenset[Pair]:
        """The blocked pairs, as `DnsPaths.pairs` counts them."""
        return frozenset((asker.name, address) for asker, address in self.transports)

    @property
    def reach(self) -> tuple[Reach, ...]:
        """One reach for each CoreDNS address, set of transports and kind of client: whom it does not answer.

        A branch interface that no application pod holds reaches no lookup: nothing was asked from there.
        """
        names: dict[tuple[str, frozenset[Transport], frozenset[ClientKind]], set[str]] = {}
        for (asker, address), transports in self.transports.items():
            if asker.pod or not asker.branch:
                names.setdefault((address, transports, asker.kinds), set()).add(asker.name)
        return tuple(
            _reach(address, transports, kinds, frozenset(names[address, transports, kinds]))
            for address, transports, kinds in sorted(names, key=lambda key: (key[0], sorted(key[1]), sorted(key[2])))
        )

    def whom(self, paths: DnsPaths) -> str:
        """Say who is cut off: "2 of 3 nodes", "2 of 2 branch-interface pods (shop/a, shop/b)", or both."""
        nodes = {asker.name for asker, _ in self.transports if not asker.branch}
        branches = sorted({asker.name for asker, _ in self.transports if asker.branch})
        parts = [f"{len(nodes)} of {len(paths.nodes)} nodes"] if nodes else []
        if branches:
            listed = few(branches, _MAX_NAMED)
            parts.append(f"{len(branches)} of {len(paths.branches)} {ClientKind.BRANCH.plural} ({listed})")
        return " and from ".join(parts)


def _reach(
    address: str, transports: frozenset[Transport], kinds: frozenset[ClientKind], names: frozenset[str]
) -> Reach:
    """Return the reach of a block; pods at branch interfaces are named, so that their neighbours are not meant."""
    if ClientKind.BRANCH in kinds:
        return Reach(pods=names, servers=frozenset({address}), transports=transports)
    return Reach(kinds=kinds, nodes=names, servers=frozenset({address}), transports=transports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Proven blocks, held against the lookups that were made."""

    standing: tuple[Stopped, ...]
    """Those that no lookup contradicts."""
    refuted: tuple[Gap, ...]
    """Those on whose very way a lookup was answered: what was read of the VPC is not what its packets meet."""

    @classmethod
    def of(cls, case: Case, paths: DnsPaths, found: Iterable[Stopped]) -> Weighed:
        """Ask the lookups that went straight to a CoreDNS address.

        An answer on a way that a group or an ACL is said to close refutes all that was concluded of it over that
        transport: its rules are not those that packets meet. Where some source ports are closed it refutes nothing.
        """
        matrix, found = case.find(LookupMatrix), tuple(found)
        asked = matrix.lookups if matrix else ()
        answered = [one for one in asked if one.answer in REPLIES and not one.through_service]
        refuted: dict[tuple[object, ...], Gap] = {}
        for item in found:
            reaches = Blocked.of(paths, [item]).reach if item.block.share == 1 else ()
            against = next((one for one in answered if any(reach.covers(one) for reach in reaches)), None)
            if against is not None:
                way = f"{against.transport} from {against.client.title} to {against.server}"
                reason = f"{item.block.missing}, yet a lookup over {way} was answered in this diagnosis"
                refuted.setdefault(_barrier(item), Gap(what="a way that is called blocked", reason=reason))
        standing = tuple(item for item in found if _barrier(item) not in refuted)
        return cls(standing=standing, refuted=tuple(refuted.values()))


def _barrier(item: Stopped) -> tuple[object, ...]:
    """Return what stops the way: the groups or the ACL, where, and over which transport."""
    block = item.block
    return block.hop, block.transport, block.group_ids, block.acl_id, block.subnet_id


def transports_text(blocked: Blocked) -> str:
    """Return `udp/53`, `tcp/53` or `udp/53 and tcp/53`."""
    over = frozenset().union(*blocked.transports.values())
    return " and ".join(f"{transport}/53" for transport in Transport if transport in over)
