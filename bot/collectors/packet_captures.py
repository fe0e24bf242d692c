"""Packets of lookups on the nodes of CoreDNS pods and of a client, while captures run there (C14).

Where the measure `capture_packets` has made capture pods, their files are read: what the clients among them asked, and
what came back, at each place. The look-ups of the same diagnosis were asked meanwhile, so they are what is looked for;
of other names in the captures nothing is kept but their number, and the files themselves (`retention`). Where none
runs, and lookups timed out or somebody asked for a capture, it is seen where packets would be captured: on the host's
side of each pod's interface (`eni…`, `vlan…`). Cost: one list of pods, and nothing else where every lookup was
answered; else one `ip route` on each of up to four nodes, or up to six short execs in each capture pod. In a playbook:

```yaml
gather:
  - collector: packet_captures
    with: {max_coredns_pods: 3}
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from bot.collectors._looking_on_nodes import PERMISSIONS, NodeReading, on_each
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.node_network import family_of, ways_of
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.packet_capture import Exchange, read_exchanges
from bot.domain.cluster import PodName
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.kept_files import KeptFile
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind
from bot.domain.phrases import count, few
from bot.domain.reading import reading
from bot.domain.views import NodeView
from bot.errors import EvidenceUnavailable
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.packet_capture import ENDED, FILE, LABEL, MOST_BYTES, CapturePod, CapturePoint
from bot.kubernetes.probe_pods import CONTAINER, runs
from bot.kubernetes.resources import NODES, PODS
from bot.linux.routes import SHOW_ROUTES, SHOW_ROUTES_PLAINLY, Route, parse_routes

COMMAND = "capture"
"""The command that asks for a capture, whether lookups fail or not."""
PLAYBOOK = "packets"
"""Naming it asks for one, too."""
_CHUNK = 2_500_000
"""Bytes read at once: an exec keeps 3 MB."""
_MOST_KEPT = 2_000
"""Exchanges kept of one capture; a flood has more, and they are counted."""
_HAS_OWN_INTERFACE = frozenset({ClientKind.POD, ClientKind.BRANCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketParameters:
    """Where packets are captured, and how long it may take to find that out, or to read them."""

    max_coredns_pods: int = 3
    """CoreDNS pods, beside one client: those first by which lookups timed out, and of different nodes."""
    time_budget: timedelta = timedelta(seconds=22)
    """For all nodes together, all at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCapture:
    """What was captured at one place."""

    point: CapturePoint
    exchanges: tuple[Exchange, ...]
    """Of the clients and the names that were looked up, in the order in which they began."""
    packets: int
    others: int
    """Packets of other clients and names, which are in the file alone."""
    unread: int
    """Packets that are not understood."""
    size: int
    """Bytes of the file."""
    ended: bool
    """It had ended when it was read, by time or by its bounds: what came later is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCaptures:
    """Where packets are captured, or would be, and what was. One of `captures`, `gaps` and `not_needed` says more."""

    points: tuple[CapturePoint, ...] = ()
    captures: tuple[PodCapture, ...] = ()
    not_needed: str = ""
    """Why nothing is to be captured; empty: it is, or would be."""
    gaps: tuple[Gap, ...] = ()


def collect(look: NodeView) -> PacketCaptures:
    """Read the captures that there are, or see where there could be some."""
    matrix = look.need(LookupMatrix)
    pods = _capture_pods(look)
    if pods:
        return _read_all(look, pods, matrix)
    asked_for = look.question.command == COMMAND or PLAYBOOK in look.question.playbooks
    if not asked_for and not any(one.answer is Answer.TIMED_OUT for one in matrix.lookups):
        return PacketCaptures(not_needed="no lookup timed out")
    return _where_to(look, matrix)


def _capture_pods(look: NodeView) -> list[CapturePod]:
    """Return the capture pods of one plan that run, the newest; none can where `node_probe` is not set.

    Each captures the clients of its own plan alone. Of a capture that was over before none of the lookups is in it.
    """
    probe = look.target.node_probe
    if probe is None:
        return []

    def read(answer: RawObject) -> CapturePod | None:
        if not runs(answer) or answer["metadata"].get("deletionTimestamp"):
            return None
        return CapturePod.of(answer)

    with reading(f"list capture pods in {probe.namespace}"):
        found = look.cluster.list(PODS, read, namespace=probe.namespace, labels=LABEL)
    going_on = [one for one in found if one is not None and one.ends_at >= look.started_at]
    newest = max(going_on, key=lambda one: (one.started_at, one.plan_id), default=None)
    return [one for one in going_on if newest is not None and one.plan_id == newest.plan_id]


def _read_all(look: NodeView, pods: Sequence[CapturePod], matrix: LookupMatrix) -> PacketCaptures:
    points = tuple(one.point for one in pods)
    clients = sorted({point.address for point in points if not point.of_dns})
    names = frozenset(one.name.lower().rstrip(".") for one in matrix.lookups)
    with ThreadPoolExecutor(max_workers=len(pods), thread_name_prefix="read capture") as threads:
        work = [
            threads.submit(copy_context().run, partial(_read_one, look, one.pod, one.point, clients, names))
            for one in pods
        ]
    captures: list[PodCapture] = []
    gaps: list[Gap] = []
    for point, future in zip(points, work, strict=True):
        try:
            captures.append(future.result())
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"the capture at {point.pod} on {point.node}", error))
    return PacketCaptures(points=points, captures=tuple(captures), gaps=tuple(gaps))


def _read_one(
    look: NodeView, pod: PodName, point: CapturePoint, clients: Sequence[str], names: frozenset[str]
) -> PodCapture:
    content = b"".join(_chunks(look, pod))
    ended = look.nodes.run_in(pod, CONTAINER, ("cat", ENDED)).exit_code == 0  # after that: else all of it was read
    name = f"{'coredns' if point.of_dns else 'client'}-{point.pod.replace('/', '-')}.pcap"
    look.keep(KeptFile(name=name, title=f"Packets at {point.pod}, {point.interface} of {point.node}", content=content))
    found = read_exchanges(content, clients)
    ours = [one for one in found.found if not one.name or one.name in names]
    kept = tuple(ours[:_MOST_KEPT])
    return PodCapture(
        point=point,
        exchanges=kept,
        packets=found.packets,
        others=found.packets - found.unread - sum(one.sent + one.back for one in kept),
        unread=found.unread,
        size=len(content),
        ended=ended,
    )


def _chunks(look: NodeView, pod: PodName) -> Iterator[bytes]:
    for at in range(-(-MOST_BYTES // _CHUNK) + 1):
        result = look.nodes.run_in(pod, CONTAINER, ("dd", f"if={FILE}", f"bs={_CHUNK}", f"skip={at}", "count=1"))
        if result.exit_code or result.cut:
            said = " ".join(result.complaint.split())[:200]
            raise EvidenceUnavailable(f"{FILE} of pod {pod} could not be read: {said or 'dd failed'}")
        yield result.stdout
        if len(result.stdout) < _CHUNK:
            return


def _where_to(look: NodeView, matrix: LookupMatrix) -> PacketCaptures:
    """Return where packets would be captured. Whatever is missing for that, a capture is what is missing."""
    off = Gap(
        what="packets of lookups", reason="no packets are captured: that is done for a time, by a measure", off=True
    )
    try:
        points, gaps = _points(look, matrix)
    except EvidenceUnavailable as error:
        why = Gap.of("where packets could be captured", error)
        return PacketCaptures(gaps=(replace(why, off=True),))
    if not any(not point.of_dns for point in points) or not any(point.of_dns for point in points):
        why = (
            gaps[0]
            if gaps
            else Gap(what="where packets could be captured", reason="no client or no CoreDNS pod is known")
        )
        return PacketCaptures(points=points, gaps=(replace(why, off=True),))
    return PacketCaptures(points=points, gaps=(off, *(replace(gap, off=True) for gap in gaps)))


def _points(look: NodeView, matrix: LookupMatrix) -> tuple[tuple[CapturePoint, ...], tuple[Gap, ...]]:
    parameters: PacketParameters = look.parameters
    client = _client(look, matrix)
    servers = _servers(look.need(KubeDns), matrix, client[0])[: parameters.max_coredns_pods]
    namespace = look.need(KubeDns).namespace
    wanted = [(client[0].pod, client[0].node, client[1], False)]
    wanted += [(f"{namespace}/{one.pod}", one.node, one.ip, True) for one in servers]
    with reading("list nodes"):
        nodes = {one.name: one for one in look.cluster.list(NODES, Node.of)}
    able = {
        name: node
        for name in dict.fromkeys(node for _, node, _, _ in wanted)
        if (node := nodes.get(name)) is not None and node.compute is not Compute.FARGATE and node.os == "linux"
    }
    if not able:
        raise EvidenceUnavailable(
            f"no packets can be captured on {few(sorted({node for _, node, _, _ in wanted}), 3)}: they are Fargate or "
            "Windows nodes, or gone"
        )
    routes, gaps = on_each(look, list(able.values()), partial(_routes, look))
    by_node: Mapping[str, tuple[Route, ...]] = dict(routes)
    points = tuple(
        CapturePoint(node=node, pod=pod, address=address, interface=interface, of_dns=of_dns)
        for pod, node, address, of_dns in wanted
        if (interface := _interface(by_node.get(node, ()), address))
    )
    found = {point.pod for point in points}
    missing = (
        Gap(what=f"the interface of {pod} on {node}", reason=f"no route of node {node} leads to {address} alone")
        for pod, node, address, _ in wanted
        if pod not in found and node in by_node
    )
    return points, (*gaps, *missing)


def _client(look: NodeView, matrix: LookupMatrix) -> tuple[Client, str]:
    """Return the client that most lookups of timed out, and its address. Raises `EvidenceUnavailable`."""
    workload = look.need(WorkloadPods)
    asked = [workload.asked_pod] if workload.asked_pod else []
    addresses = {f"{pod.namespace}/{pod.name}": pod.ip for pod in (*workload.pods, *asked) if pod.ip}
    lost = Counter(one.client for one in matrix.lookups if one.answer is Answer.TIMED_OUT)
    able = {
        one.client: None
        for one in matrix.lookups
        if one.answer is not Answer.NOT_ASKED and one.client.kind in _HAS_OWN_INTERFACE and one.client.pod in addresses
    }
    if not able:
        raise EvidenceUnavailable("no name was looked up from a pod with an interface of its own")
    client = min(able, key=lambda one: (-lost[one], one))
    return client, addresses[client.pod]


def _servers(kube_dns: KubeDns, matrix: LookupMatrix, client: Client) -> list[DnsEndpoint]:
    """Return CoreDNS pods: those first that did not answer this client, then such on other nodes than those before."""
    lost = {one.server for one in matrix.lookups if one.answer is Answer.TIMED_OUT and one.client == client}
    ranked: list[DnsEndpoint] = []
    left = sorted(kube_dns.ready or kube_dns.endpoints, key=lambda one: (one.ip not in lost, one.node, one.ip))
    left = [one for one in left if one.node and one.pod]
    while left:
        seen = Counter(one.node for one in ranked)
        best = min(left, key=lambda one: (one.ip not in lost, seen[one.node]))
        left.remove(best)
        ranked.append(best)
    return ranked


def _routes(look: NodeView, node: Node) -> tuple[str, tuple[Route, ...]]:
    read = NodeReading.of(look, node)
    ways = ways_of(SHOW_ROUTES, SHOW_ROUTES_PLAINLY, family_of(node), parse_routes)
    found = read.try_each("routing tables", *ways)
    if found is None:
        read.refuse()
    return node.name, found


def _interface(routes: Iterable[Route], address: str) -> str:
    """Return the host's side of a pod's interface: where the route to its address alone leads; empty: there is none."""
    alone = (address, f"{address}/32", f"{address}/128")
    found = (one.interface for one in routes if one.kind == "unicast" and one.destination in alone and not one.gateway)
    return next(found, "")


def summarise(found: PacketCaptures) -> str:
    """Say at how many places packets were captured, and how many."""
    if found.captures:
        packets = sum(one.packets for one in found.captures)
        return f"{count(packets, 'packet')} captured at {count(len(found.captures), 'pod')}"
    if found.not_needed:
        return f"not needed: {found.not_needed}"
    return f"no packets are captured; {count(len(found.points), 'pod')} where they could be"


COLLECTOR = Collector(
    name="packet_captures",
    title="Packets of lookups",
    evidence=PacketCaptures,
    view=NodeView,
    collect=collect,
    summarise=summarise,
    permissions=PERMISSIONS,
    needs=(LookupMatrix, WorkloadPods, KubeDns),
    parameters=PacketParameters,
    deadline_seconds=25.0,
)
