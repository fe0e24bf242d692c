"""Opens what one step may write through: the writer it declares, and none for the other side."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject
from bot.domain.plans import Step, WriterKind, Writing
from bot.domain.ports import Resource, Sources, Writers
from bot.errors import UnitError


def open_writing(
    step: Step, plan_id: str, target: ClusterTarget, sources: Sources, writers: Writers, seconds: float
) -> Writing:
    """Return the readers and the one writer for a step, bound to `seconds` from now."""
    deadline = Deadline.after(seconds)
    closed = _Closed(fix=step.fix, declared=step.writer)
    return Writing(
        cluster=sources.cluster(deadline),
        aws=sources.aws(deadline),
        target=target,
        cluster_writer=writers.cluster(deadline) if step.writer is WriterKind.KUBERNETES else closed,
        aws_writer=writers.aws(deadline) if step.writer is WriterKind.AWS else closed,
        deadline=deadline,
        plan_id=plan_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    """Stands where a step has no writer."""

    fix: str
    declared: WriterKind

    def patch(self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "") -> RawObject:
        del body, namespace
        raise self._error(f"patch {resource.plural} {name}")

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        del namespace, uid
        raise self._error(f"delete {resource.plural} {name}")

    def write(self, service: str, operation: str, **parameters: object) -> RawObject:
        del parameters
        raise self._error(f"{service}:{operation}")

    def _error(self, call: str) -> UnitError:
        return UnitError(f"Fix {self.fix} tried {call} in a step that declares the {self.declared} writer. Not sent.")
