"""The ways to the Kubernetes API through the VPC: from nodes and CoreDNS pods to the control plane's interfaces.

CoreDNS calls the ClusterIP of the Service `kubernetes`, which leads to these interfaces whatever access the endpoint
has; kube-proxy calls the endpoint's name, which leads there only where private access is on. Sources: EKS User Guide,
"Cluster API server endpoint", "Amazon EKS networking requirements". Shared by two rules; no rule itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from bot.collectors.control_plane import ControlPlane
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.api_calls import CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, healthy, unknown
from bot.domain.lookups import Client, ClientKind, Reach
from bot.domain.phrases import count, few
from bot.kubernetes.nodes import Compute, Node
from bot.network.classes import PairClass, evaluate_pairs
from bot.network.model import Vpc
from bot.network.ports import LINUX_CLIENTS, WINDOWS_CLIENTS
from bot.network.reachability import End
from bot.network.services import KUBERNETES_API
from bot.rules._dns_clients import Holders
from bot.rules._stopped import Stopped, unheld


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlaneWays:
    """All ways, judged."""

    classes: tuple[PairClass, ...]
    callers: Mapping[int, Client]
    """Who calls from an end, by the end's identity."""
    pods: CorednsPods | Gap
    servers: frozenset[str]
    """What a program dials that calls by the endpoint's name: that name and the interfaces' addresses."""
    ways: int
    """Pairs of a caller and an interface."""
    gaps: tuple[Gap, ...]
    """Callers and interfaces that could not be judged."""
    over_the_internet: tuple[str, ...]
    """What is said of nodes whose own calls go to the public endpoint, where there are any."""

    def cut_off(self, found: Iterable[Stopped]) -> frozenset[Client]:
        """Return who calls at least one interface in vain."""
        seen: dict[int, PairClass] = {id(item.pair_class): item.pair_class for item in found}
        return frozenset(self.callers[id(client)] for each in seen.values() for client, _ in each.pairs())

    def blocked_ways(self, found: Iterable[Stopped]) -> int:
        """Return how many pairs are stopped."""
        seen = {id(item.pair_class): item.pair_class for item in found}
        return sum(1 for each in seen.values() for _ in each.pairs())

    def call_reach(self, found: Iterable[Stopped]) -> tuple[CallReach, ...]:
        """Return whose calls get no answer: the nodes' own programs', and those of single CoreDNS pods."""
        cut = self.cut_off(found)
        nodes = frozenset(one.node for one in cut if not one.pod)
        pods = frozenset(one.pod for one in cut if one.pod)
        hosts = CallReach(kinds=frozenset({ClientKind.HOST}), nodes=nodes, servers=self.servers, silent_only=True)
        return (*((hosts,) if nodes else ()), *((CallReach(pods=pods, silent_only=True),) if pods else ()))

    def waiting(self, found: Iterable[Stopped]) -> tuple[str, ...]:
        """Return the CoreDNS pods that are cut off, run, and are not ready: they wait for the API."""
        if isinstance(self.pods, Gap):
            return ()
        cut = {one.pod for one in self.cut_off(found)}
        waiting = (pod for pod in self.pods.pods if not pod.ready and pod.container.running_since)
        return tuple(sorted(pod.name for pod in waiting if pod.client.pod in cut))

    def reach(self, found: Iterable[Stopped]) -> tuple[Reach, ...]:
        """Return which lookups fail because these pods do not serve."""
        waiting = self.waiting(found)
        return self.pods.reach_of(waiting) if waiting and isinstance(self.pods, CorednsPods) else ()

    def whom(self, found: Iterable[Stopped]) -> str:
        """Say who is cut off: "2 nodes (a, b) and 1 CoreDNS pod (coredns-1 on a)"."""
        cut = self.cut_off(found)
        nodes = sorted(one.node for one in cut if not one.pod)
        pods = sorted(one.title.partition("/")[2] for one in cut if one.pod)
        parts = [
            f"{count(len(names), what)} ({few(names, 3)})"
            for names, what in ((nodes, "node"), (pods, "CoreDNS pod"))
            if names
        ]
        return " and ".join(parts)


def nothing_to_judge(nodes: WorkerNodes, plane: ControlPlane) -> Judgement | None:
    """Return the judgement where there is no way to judge at all, else None."""
    if nodes.nodes and all(node.compute is Compute.AUTO for node in nodes.nodes):
        return healthy(
            "EKS Auto Mode: AWS runs DNS and the service proxy on each node itself, and keeps their way to the API.",
            f"{len(nodes.nodes)} of {len(nodes.nodes)} nodes are Auto Mode nodes",
        )
    if not plane.interfaces:
        reason = (
            "No interface described as `Amazon EKS CLUSTER` is among those of the VPC, so it is not known where the "
            "Kubernetes API is reached"
        )
        return unknown(f"{reason}.", Gap(what="the control plane's interfaces", reason=reason))
    if not nodes.nodes:
        reason = "Kubernetes lists no nodes, so there is no way to judge"
        return unknown(f"{reason}.", Gap(what="worker nodes", reason=reason))
    return None


def control_plane_ways(case: Case, nodes: WorkerNodes, plane: ControlPlane, vpc: Vpc) -> ControlPlaneWays:
    """Judge tcp 443 from every caller to every interface of the control plane, and the answers back."""
    holders, pods = Holders(nodes.interfaces), case.look_for(CorednsPods)
    by_name = {node.name: node for node in nodes.nodes}
    made = [(_end(node), Client(node=node.name, kind=ClientKind.HOST)) for node in _own_callers(nodes, plane)]
    if isinstance(pods, CorednsPods):
        made += [
            (_end(by_name.get(pod.node), pod.ip), pod.client)
            for pod in pods.pods
            if pod.ip and not pod.terminating and _calls_from(by_name.get(pod.node))
        ]
    clients = [(holders.hold(end), caller) for end, caller in made if end is not None]
    servers = [
        End(interface=one, address=address) for one in plane.interfaces for address in sorted(one.addresses, key=str)
    ]
    classes = evaluate_pairs(vpc, [end for end, _ in clients], servers, KUBERNETES_API).classes
    families = {server.address.version for server in servers}
    return ControlPlaneWays(
        classes=classes,
        callers={id(end): caller for end, caller in clients},
        pods=pods,
        servers=frozenset({str(server.address) for server in servers} | {plane.endpoint_host}),
        ways=sum(1 for each in classes for _ in each.pairs()),
        gaps=(
            *((pods,) if isinstance(pods, Gap) else pods.gaps),
            *unheld(end for end, _ in clients),
            *_other_family((end for end, _ in clients), families),
            *_public_gaps(nodes, plane),
            *(() if clients else (Gap(what="callers", reason="no caller's address is known"),)),
        ),
        over_the_internet=_over_the_internet(nodes, plane),
    )


def _calls_from(node: Node | None) -> bool:
    return node is None or node.compute is not Compute.AUTO


def _own_callers(nodes: WorkerNodes, plane: ControlPlane) -> list[Node]:
    """Return the nodes whose kube-proxy calls the API by these interfaces."""
    return [node for node in nodes.nodes if node.compute.runs_kube_proxy and plane.endpoint_private]


def _end(node: Node | None, address: str = "") -> End | None:
    at = address or (node.internal_ip if node else "")
    if not at:
        return None
    ports = WINDOWS_CLIENTS if node is not None and node.os == "windows" else LINUX_CLIENTS
    return End(interface=None, address=ip_address(at), name=node.name if node else "", client_ports=ports)


def _other_family(ends: Iterable[End], families: Collection[int]) -> tuple[Gap, ...]:
    lost = sorted({str(end.address) for end in ends if end.address.version not in families})
    if not lost:
        return ()
    reason = f"the control plane's interfaces show no address of the family of {', '.join(lost[:3])}"
    return (Gap(what="the control plane's interfaces", reason=reason),)


def _not_ready(nodes: WorkerNodes, plane: ControlPlane) -> list[str]:
    """Return the nodes that call the public endpoint and of which the API has not heard lately."""
    return [] if plane.endpoint_private else [node.name for node in _public(nodes) if not node.ready]


def _public(nodes: WorkerNodes) -> list[Node]:
    return [node for node in nodes.nodes if node.compute.runs_kube_proxy]


def _public_gaps(nodes: WorkerNodes, plane: ControlPlane) -> tuple[Gap, ...]:
    """Return a gap where a node is not Ready: it may have lost its way over the internet, which is not judged."""
    lost = _not_ready(nodes, plane)
    if not lost:
        return ()
    reason = (
        f"the endpoint has public access alone, so the nodes call it over the internet, which is not judged here, and "
        f"{count(len(lost), 'node')} ({', '.join(lost[:3])}) is not Ready"
    )
    return (Gap(what="the way to the public endpoint", reason=reason),)


def _over_the_internet(nodes: WorkerNodes, plane: ControlPlane) -> tuple[str, ...]:
    """Say what is known of that way: a node that is Ready has been heard of within 40 s, from its own kubelet."""
    if plane.endpoint_private or not _public(nodes):
        return ()
    total = len(_public(nodes))
    ready = total - len(_not_ready(nodes, plane))
    alone = "the endpoint has public access alone: nodes call it over the internet, which is not judged here"
    return (f"{alone}; {ready} of {total} are Ready, so their kubelets reach it",)
