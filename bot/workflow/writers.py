"""Opens what one step is read and written through, at its place: the writer it declares, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject
from bot.domain.plans import Reading, Step, WriterKind, Writing
from bot.domain.ports import ClusterWriter, Resource, Sources, Writers
from bot.errors import UnitError


def open_reading(step: Step, target: ClusterTarget, sources: Sources, seconds: float) -> Reading:
    """Return the readers of a step's state, bound to `seconds` from now."""
    deadline = Deadline.after(seconds)
    return Reading(cluster=sources.cluster(deadline), aws=sources.aws(deadline, step.place), target=target)


def open_writing(
    step: Step,
    plan_id: str,
    target: ClusterTarget,
    sources: Sources,
    writers: Writers,
    seconds: float,
    begun_at: datetime,
) -> Writing:
    """Return the readers and the one writer for a step, bound to `seconds` from now."""
    deadline = Deadline.after(seconds)
    closed = _Closed(fix=step.fix, declared=step.writer)
    return Writing(
        cluster=sources.cluster(deadline),
        aws=sources.aws(deadline, step.place),
        target=target,
        cluster_writer=_cluster_writer(step, writers, deadline) or closed,
        aws_writer=writers.aws(deadline, step.place) if step.writer is WriterKind.AWS else closed,
        deadline=deadline,
        plan_id=plan_id,
        begun_at=begun_at,
    )


def _cluster_writer(step: Step, writers: Writers, deadline: Deadline) -> ClusterWriter | None:
    if step.writer is WriterKind.KUBERNETES:
        return writers.cluster(deadline)
    return writers.probe_pods(deadline) if step.writer is WriterKind.PROBE_PODS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    """Stands where a step has no writer."""

    fix: str
    declared: WriterKind

    def patch(
        self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "", subresource: str = ""
    ) -> RawObject:
        del body, namespace, subresource
        raise self._error(f"patch {resource.plural} {name}")

    def create(self, resource: Resource, body: JsonObject, *, namespace: str = "", dry_run: bool = False) -> RawObject:
        del body, namespace, dry_run
        raise self._error(f"create {resource.plural}")

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        del namespace, uid
        raise self._error(f"delete {resource.plural} {name}")

    def write(self, service: str, operation: str, **parameters: object) -> RawObject:
        del parameters
        raise self._error(f"{service}:{operation}")

    def _error(self, call: str) -> UnitError:
        return UnitError(f"Fix {self.fix} tried {call} in a step that declares the {self.declared} writer. Not sent.")
