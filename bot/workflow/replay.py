"""Diagnose from a record, without any cluster: the same evidence gives the same report.

Rules of today judge what was read then. What they need and the record lacks is a gap in its place, which makes them
UNKNOWN, and is told by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from bot.domain.alike import evidence_from
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected, Gap
from bot.errors import ConfigurationError
from bot.workflow.diagnose import Diagnoser
from bot.workflow.gather import Task, Tasks
from bot.workflow.parameters import parameters_document
from bot.workflow.record import Record, RecordedReading
from bot.workflow.who_changed import tracing_tasks

_NOT_AS_WRITTEN = (ValidationError, LookupError, TypeError, ValueError, AttributeError)
"""What reading evidence raises that another version wrote, or nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A reading that rules of today need and the record has not."""

    collector: str
    reason: str
    rules: tuple[str, ...]
    """Those that look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A diagnosis made from a record."""

    diagnosis: Diagnosis
    recorded_by: str
    lacks: tuple[Lack, ...]


def replay(record: Record, diagnoser: Diagnoser) -> Replayed:
    """Return the diagnosis. Raises `ConfigurationError` where it cannot be made at all."""
    manifest = record.manifest
    tasks = diagnoser.tasks(manifest.question, manifest.target)
    found = {task.id: _of(task, record) for task in tasks.by_id.values()}
    try:
        diagnosis = diagnoser.conclude(manifest.question, manifest.target, tasks, found, manifest.started_at)
        traced = tuple(_traced(diagnosis, record, diagnoser))
    except _NOT_AS_WRITTEN as error:
        raise ConfigurationError(
            f"Nothing can be concluded from the record: {type(error).__name__}: {error}."
        ) from error
    return Replayed(
        diagnosis=replace(
            diagnosis,
            id=manifest.diagnosis_id,
            took_ms=manifest.took_ms,
            evidence=(*diagnosis.evidence, *traced),
        ),
        recorded_by=manifest.recorded_by,
        lacks=tuple(_lacks(tasks, found, record, diagnoser)),
    )


def _traced(diagnosis: Diagnosis, record: Record, diagnoser: Diagnoser) -> Iterator[Collected]:
    """Yield what the record has of who changed what is at fault."""
    for task in tracing_tasks(diagnosis.findings, diagnoser.catalogue).by_id.values():
        if _reading(task, record) is not None:
            yield _of(task, record)


def _of(task: Task, record: Record) -> Collected:
    """Return what the record has for a task, or a gap in its place."""
    reading = _reading(task, record)
    if reading is None:
        reason = f"the record holds no reading of `{task.collector.name}` (recorded by dnsbot {_version(record)})"
        return _collected(task, record, None, Gap(what=task.id, reason=reason))
    if reading.gap is not None or reading.value is None:
        return _collected(task, record, reading, reading.gap or Gap(what=task.id, reason="the record holds no value"))
    try:
        value = evidence_from(task.collector.evidence, reading.value)
        summary = task.collector.summarise(value)
    except _NOT_AS_WRITTEN as error:
        reason = (
            f"the record's reading of `{task.collector.name}` was written by another dnsbot ({_version(record)}) and "
            f"is not understood ({type(error).__name__})"
        )
        return _collected(task, record, reading, Gap(what=task.id, reason=reason))
    return replace(_collected(task, record, reading, None), value=value, summary=summary)


def _reading(task: Task, record: Record) -> RecordedReading | None:
    """Return the reading of this collector, of those with several the one with the task's parameters."""
    same = [one for one in record.readings if one.collector == task.collector.name]
    exact = [one for one in same if one.parameters == parameters_document(task.parameters)]
    return next(iter(exact or same[:1]), None)


def _collected(task: Task, record: Record, reading: RecordedReading | None, gap: Gap | None) -> Collected:
    return Collected(
        id=task.id,
        collector=task.collector.name,
        parameters=reading.parameters if reading else parameters_document(task.parameters),
        value=None,
        gap=gap,
        calls=reading.calls if reading else (),
        collected_at=reading.collected_at if reading else record.manifest.started_at,
        took_ms=reading.took_ms if reading else 0,
        summary=f"could not look: {gap.reason}" if gap else "",
    )


def _lacks(tasks: Tasks, found: Mapping[str, Collected], record: Record, diagnoser: Diagnoser) -> Iterator[Lack]:
    """Yield what today's rules need and the record has not; what could not be read then is no lack of it."""
    for task in tasks.by_id.values():
        gap, reading = found[task.id].gap, _reading(task, record)
        if gap is not None and (reading is None or reading.gap is None):
            rules = {
                use.rule
                for name, task_of in tasks.of_playbook.items()
                for use in diagnoser.playbooks[name].findings
                if task_of.get(task.collector.evidence) == task.id
                and task.collector.evidence in diagnoser.catalogue.rules[use.rule].inputs
            }
            yield Lack(collector=task.collector.name, reason=gap.reason, rules=tuple(sorted(rules)))


def _version(record: Record) -> str:
    return record.manifest.recorded_by[:40]
