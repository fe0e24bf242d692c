"""Makes what a collector looks through, its readers recorded. Nothing else makes a view.

A further way of looking adds its view class and its maker to `MAKERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypedDict, TypeVar

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.corefile_program import CorefileProgram
from bot.domain.deadline import Deadline
from bot.domain.kept_files import KeptFile, not_kept
from bot.domain.places import Place
from bot.domain.ports import AwsReader, ClusterReader, NodeRun, Sources
from bot.domain.remembered import Remembered, nothing_remembered
from bot.domain.views import NetworkView, NodeView, PodView, View
from bot.errors import UnitError
from bot.workflow.call_log import CallLog
from bot.workflow.recent_lists import RecentLists
from bot.workflow.recording import (
    Asking,
    RecordingAwsReader,
    RecordingClusterReader,
    RecordingNetworkProber,
    RecordingPodProber,
)
from bot.workflow.shared_reads import SharedReads

V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a view is made from, for one run of one collector."""

    sources: Sources
    nodes: Callable[[], NodeRun]
    """Returns what all collectors of a diagnosis see nodes through."""
    deadline: Deadline
    """Every call through the view ends by it."""
    calls: CallLog
    reads: SharedReads
    target: ClusterTarget
    question: Question
    parameters: object
    started_at: datetime
    needed: Mapping[type, object]
    corefile_program: CorefileProgram | None = None
    remembered: Remembered = nothing_remembered
    keep: Callable[[KeptFile], None] = not_kept
    """Keeps a file with what the collector gives."""
    recent: RecentLists | None = None
    """What other diagnoses were answered lately."""

    @property
    def asking(self) -> Asking:
        """How the view's readers ask."""
        return Asking(self.calls, self.reads, self.deadline, self.target, self.recent)


def open_view(view: type[V], opening: Opening) -> V:
    """Return a view of this class.

    Raises `EvidenceUnavailable` where this way of looking is not open for the cluster, and
    `UnitError` for a class that nothing here makes.
    """
    check_view(view)
    made = MAKERS[view](opening)
    if not isinstance(made, view):
        raise UnitError(f"A {type(made).__name__} was made where a {view.__name__} was asked for.")
    return made


def check_view(view: type[View]) -> None:
    """Raise `UnitError` for a class that nothing here makes."""
    if view not in MAKERS:
        known = ", ".join(known.__name__ for known in MAKERS)
        raise UnitError(f"Nothing makes a {view.__name__}; views are {known} (bot/workflow/views.py).")


class _Common(TypedDict):
    cluster: ClusterReader
    at: Callable[[Place], AwsReader]
    target: ClusterTarget
    question: Question
    parameters: Any
    started_at: datetime
    needed: Mapping[type, object]
    corefile_program: CorefileProgram | None
    remembered: Remembered


def _common(opening: Opening) -> _Common:
    return _Common(
        cluster=RecordingClusterReader(opening.sources.cluster(opening.deadline), opening.asking),
        at=partial(_aws_at, opening),
        target=opening.target,
        question=opening.question,
        parameters=opening.parameters,
        started_at=opening.started_at,
        needed=opening.needed,
        corefile_program=opening.corefile_program,
        remembered=opening.remembered,
    )


def _aws_at(opening: Opening, place: Place) -> AwsReader:
    return RecordingAwsReader(opening.sources.aws(opening.deadline, place), opening.asking, place)


def _view(opening: Opening) -> View:
    return View(**_common(opening))


def _pod_view(opening: Opening) -> PodView:
    return PodView(**_common(opening), pods=RecordingPodProber(opening.sources.pods(opening.deadline), opening.asking))


def _node_view(opening: Opening) -> NodeView:
    nodes = opening.nodes().prober(opening.deadline, opening.asking.by_right)
    return NodeView(**_common(opening), nodes=nodes, keep=opening.keep)


def _network_view(opening: Opening) -> NetworkView:
    networks = RecordingNetworkProber(opening.sources.networks(opening.deadline), opening.asking)
    return NetworkView(**_common(opening), networks=networks)


MAKERS: Mapping[type[View], Callable[[Opening], View]] = {
    View: _view,
    PodView: _pod_view,
    NodeView: _node_view,
    NetworkView: _network_view,
}
