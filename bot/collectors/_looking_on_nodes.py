"""Which nodes are looked at, and how: some of each class, all at once, within a time; no collector itself.

Looking costs a pod on a node where no pod there has the program, so the number is bounded: the nodes concerned first
(that of the pod that was asked about, then those of pods with a branch interface), the others in turn from each node
group and zone, as lookups do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Generic, NoReturn, Protocol, TypeVar

from bot.collectors._looking_from import NodePlace
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import ExecResult, NodeProber
from bot.domain.reading import reading
from bot.domain.views import NodeView
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.resources import NODES
from bot.linux.programs import program_missing

T = TypeVar("T")

_SPARE_SECONDS = 1.0

PERMISSIONS = (
    KubernetesPermission(verb="list", resource="nodes", unlocks="know the nodes"),
    KubernetesPermission(verb="list", resource="pods", unlocks="the pods on a node that have its network"),
    KubernetesPermission(verb="create", resource="pods/exec", unlocks="run ip, iptables-save, … in pods on nodes"),
    KubernetesPermission(verb="get", resource="pods/exec", unlocks="the same, over WebSockets before 1.35"),
    KubernetesPermission(verb="create", resource="pods", unlocks="the short-lived pod of node_probe"),
    KubernetesPermission(verb="get", resource="pods", unlocks="whether it has started"),
    KubernetesPermission(verb="delete", resource="pods", unlocks="removing it"),
)
"""In the namespaces of those pods, which a unit cannot know: kube-system, and that of `node_probe`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParameters:
    """How many nodes are looked at, and for how long."""

    max_nodes: int = 6
    """The others of their classes are not looked at, and the evidence says how many there are."""
    time_budget: timedelta = timedelta(seconds=25)
    """For all of them together, all at once. A pod that is made must be pulled and started within it."""


class _OfNode(Protocol):
    @property
    def node(self) -> str: ...


N = TypeVar("N", bound=_OfNode)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesSeen(Generic[N]):
    """What was seen of the nodes that were looked at."""

    nodes: tuple[N, ...]
    nodes_total: int
    """Nodes that could be looked at."""
    gaps: tuple[Gap, ...] = ()

    def of(self, node: str) -> N | None:
        """Return what was seen of a node; None: it was not looked at, or gave nothing."""
        return next((one for one in self.nodes if one.node == node), None)


def nodes_to_look_at(look: NodeView) -> tuple[tuple[Node, ...], int]:
    """Return the nodes that are looked at and how many there are; Fargate and Windows nodes show nothing."""
    parameters: NodeParameters = look.parameters
    with reading("list nodes"):
        nodes = look.cluster.list(NODES, Node.of)
    able = [node for node in nodes if node.compute is not Compute.FARGATE and node.os == "linux"]
    if not able:
        raise EvidenceUnavailable("there is no node that could be looked at: all are Fargate or Windows nodes")
    return choose_nodes(able, _concerned(look.find(WorkloadPods)), max_nodes=parameters.max_nodes), len(able)


def _concerned(workload: WorkloadPods | None) -> list[str]:
    """Return the nodes of the pods that the question is about, the most telling first."""
    if workload is None:
        return []
    asked = [workload.asked_pod.node] if workload.asked_pod else []
    return [*asked, *sorted({pod.node for pod in workload.pods if pod.branch_interface and not pod.over})]


def choose_nodes(nodes: Iterable[Node], concerned: Sequence[str], *, max_nodes: int) -> tuple[Node, ...]:
    """Return at most `max_nodes`: those concerned first, then in turn one of each node group and zone, by name."""
    by_name = {node.name: node for node in sorted(nodes, key=lambda node: node.name)}
    first = [by_name[name] for name in dict.fromkeys(concerned) if name in by_name]
    by_place: dict[NodePlace, list[Node]] = {}
    for node in by_name.values():
        if node not in first:
            by_place.setdefault(NodePlace(node_group=node.node_group, zone=node.zone), []).append(node)
    rows = [by_place[place] for place in sorted(by_place)]
    longest = max(map(len, rows), default=0)
    rest = [row[at] for at in range(longest) for row in rows if at < len(row)]
    return tuple([*first, *rest][:max_nodes])


def on_each(look: NodeView, nodes: Sequence[Node], read: Callable[[Node], T]) -> tuple[list[T], tuple[Gap, ...]]:
    """Return what `read` gives of each node, and a gap for each that gave nothing.

    Raises `EvidenceUnavailable` where no node gave anything: `AccessDenied` where all were refused.
    """
    parameters: NodeParameters = look.parameters
    ends = time.monotonic() + parameters.time_budget.total_seconds() - _SPARE_SECONDS
    executor = ThreadPoolExecutor(max_workers=len(nodes), thread_name_prefix="look at node")
    try:
        futures = [executor.submit(copy_context().run, read, node) for node in nodes]
        wait(futures, timeout=max(0.0, ends - time.monotonic()))
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    found: list[T] = []
    errors: list[tuple[Node, EvidenceUnavailable]] = []
    for node, future in zip(nodes, futures, strict=True):
        _sort(node, future, found, errors)
    if errors and not found:
        raise _of_all(errors)
    return found, tuple(Gap.of(f"node {node.name}", error) for node, error in errors)


def look_at_nodes(
    look: NodeView, read: Callable[[NodeView, Node], tuple[T, tuple[Gap, ...]]]
) -> tuple[tuple[T, ...], int, tuple[Gap, ...]]:
    """Return what `read` gives of each node chosen, how many could have been, and what could not be read of any.

    Raises `EvidenceUnavailable` where none of them can be looked at.
    """
    nodes, total = nodes_to_look_at(look)
    found, gaps = on_each(look, nodes, partial(read, look))
    return tuple(one for one, _ in found), total, (*gaps, *(gap for _, own in found for gap in own))


def _sort(node: Node, future: Future[T], found: list[T], errors: list[tuple[Node, EvidenceUnavailable]]) -> None:
    if not future.done() or future.cancelled():
        errors.append((node, EvidenceUnavailable(f"node {node.name} gave no answer in time")))
        return
    try:
        found.append(future.result())
    except EvidenceUnavailable as error:
        errors.append((node, error))


def _of_all(errors: Sequence[tuple[Node, EvidenceUnavailable]]) -> EvidenceUnavailable:
    first = errors[0][1]
    reason = first.reason if len(errors) == 1 else f"{first.reason} (so it is on each of {len(errors)} nodes)"
    kind = AccessDenied if all(isinstance(error, AccessDenied) for _, error in errors) else EvidenceUnavailable
    return kind(reason, grant=first.grant, setting=first.setting)


@dataclass(slots=True, kw_only=True)
class NodeReading:
    """Reads several things of one node: what one of them lacks is a gap, and the rest is kept."""

    prober: NodeProber
    node: str
    gaps: list[Gap]
    failed: list[EvidenceUnavailable]
    """What could not be run at all."""

    @classmethod
    def of(cls, look: NodeView, node: Node) -> NodeReading:
        """Return a reading of this node."""
        return cls(prober=look.nodes, node=node.name, gaps=[], failed=[])

    def try_each(
        self,
        what: str,
        *ways: tuple[Sequence[str], Callable[[ExecResult], T]],
        well: Callable[[ExecResult], bool] = lambda result: result.exit_code == 0,
    ) -> T | None:
        """Return what the first of these argument lists that works gave, or None, with a gap that says why.

        A way that cannot be run, does not end `well` or prints what is not understood leads to the next one.
        """
        errors: list[EvidenceUnavailable] = []
        for arguments, parse in ways:
            try:
                result = self.prober.run(self.node, arguments)
                if program_missing(result) or not well(result):
                    errors.append(_ended(arguments, result))
                else:
                    return parse(result)
            except EvidenceUnavailable as error:
                errors.append(error)
        self.failed.append(errors[0])
        self.gaps.append(Gap.of(f"{what} of node {self.node}", errors[0]))
        return None

    def refuse(self) -> NoReturn:
        """Raise what kept the first thing from being read: nothing was."""
        raise self.failed[0]


def _ended(arguments: Sequence[str], result: ExecResult) -> EvidenceUnavailable:
    said = " ".join((result.complaint or result.text(cut_is_fine=True)).split())[:200]
    return EvidenceUnavailable(
        f"`{' '.join(arguments)}` ended with exit code {result.exit_code}: {said or 'it printed nothing'}"
    )
