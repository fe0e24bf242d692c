"""A view for one collector, over readers that a test hands in: recorded and held to what was declared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from bot.domain.alike import evidence_from
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.corefile_program import CorefileProgram
from bot.domain.deadline import Deadline
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject
from bot.domain.kept_files import KeptFile, not_kept
from bot.domain.permissions import KubernetesPermission
from bot.domain.places import HOME, Place
from bot.domain.ports import ExecResult, Record
from bot.domain.remembered import Remembered, nothing_remembered
from bot.workflow.call_log import CallLog
from bot.workflow.evidence_store import stored
from bot.workflow.shared_reads import SharedReads
from bot.workflow.views import Opening, open_view

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TARGET = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1")


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Stands for `Sources`: gives what it was made of, whatever the deadline."""

    reader: Any = None
    aws_reader: Any = None
    prober: Any = None
    node_prober: Any = None
    network_prober: Any = None

    def cluster(self, deadline: Deadline) -> Any:
        """See `Sources.cluster`."""
        del deadline
        return self.reader

    def aws(self, deadline: Deadline, place: Place = HOME) -> Any:
        """See `Sources.aws`."""
        del deadline, place
        return self.aws_reader

    def pods(self, deadline: Deadline) -> Any:
        """See `Sources.pods`."""
        del deadline
        return self.prober

    def nodes(self) -> Any:
        """See `Sources.nodes`."""
        return HandedNodes(self.node_prober)

    def networks(self, deadline: Deadline) -> Any:
        """See `Sources.networks`."""
        del deadline
        return self.network_prober


@dataclass(frozen=True)
class HandedNodes:
    """Stands for `NodeRun`: every node is seen through a prober that a test hands in, in pods of `dns-probes`."""

    inner: Any

    def prober(self, deadline: Deadline, record: Record) -> Any:
        """See `NodeRun.prober`."""
        del deadline
        return _Recorded(self.inner, record)

    def close(self) -> None:
        """Nothing was made."""


@dataclass(frozen=True)
class _Recorded:
    inner: Any
    record: Record

    def run(self, node: str, arguments: Sequence[str]) -> ExecResult:
        with self.record(KubernetesPermission(verb="create", resource="pods/exec", namespace="dns-probes")):
            result: ExecResult = self.inner.run(node, arguments)
            return result


class ListsWhatItReads(ABC):
    """Makes an `AwsReader` of a class that reads."""

    @abstractmethod
    def read(self, service: str, operation: str, **parameters: object) -> Any:
        """See `AwsReader.read`."""

    def list(
        self, service: str, operation: str, member: str, read: Callable[[RawObject], T], /, **parameters: object
    ) -> Sequence[T]:
        """See `AwsReader.list`."""
        return [read(item) for item in self.read(service, operation, **parameters)[member]]


def collect_through(
    collector: Collector[Any, Any],
    ends: Ends,
    *,
    needed: Mapping[type, object] | None = None,
    parameters: Mapping[str, Any] | None = None,
    target: ClusterTarget = TARGET,
    corefile_program: CorefileProgram | None = None,
    remembered: Remembered = nothing_remembered,
    question: Question | None = None,
    keep: Callable[[KeptFile], None] = not_kept,
    now: datetime = NOW,
) -> tuple[Any, tuple[str, ...]]:
    """Return what the collector gives, and the names of its calls; one that it did not declare raises `UnitError`."""
    log = CallLog(unit=collector.name, declared=collector.permissions)
    opening = Opening(
        sources=ends,
        nodes=ends.nodes,
        deadline=Deadline.after(10),
        calls=log,
        reads=SharedReads({}),
        target=target,
        question=question or Question(cluster=target.name),
        parameters=collector.parameters(**(parameters or {})),
        started_at=now,
        needed=needed or {},
        corefile_program=corefile_program,
        remembered=remembered,
        keep=keep,
    )
    found = collector.collect(open_view(collector.view, opening))
    return found, tuple(call.text for call in log.calls())


def as_stored(value: T) -> T:
    """Return the evidence as history will give it back."""
    judged, document = stored(value)
    found = evidence_from(type(value), document)
    assert found == judged
    return found
