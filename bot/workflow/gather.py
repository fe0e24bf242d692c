"""Collect: run the collectors in parallel along the graph of what they need, each within its deadline.

A collector runs in a thread of its own. A thread that waits on a socket cannot be cancelled, so
every reader bounds its calls by the deadline it was made with; a thread that is late all the same
is left behind (daemon) and its evidence becomes a gap.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.corefile_program import CorefileProgram
from bot.domain.deadline import Deadline
from bot.domain.evidence import NEEDS, Collected, Collector, Gap, SourceCall
from bot.domain.json_values import JsonObject
from bot.domain.kept_files import KeptFile
from bot.domain.playbooks import Playbook
from bot.domain.ports import Sources
from bot.domain.redaction import redact_and_cap
from bot.domain.remembered import Remembered, nothing_remembered
from bot.errors import EvidenceUnavailable, UnitError
from bot.workflow.call_log import CallLog
from bot.workflow.catalogue import Catalogue
from bot.workflow.evidence_store import stored
from bot.workflow.node_run import OneNodeRun
from bot.workflow.parameters import parameters_document
from bot.workflow.recent_lists import RecentLists
from bot.workflow.shared_reads import SharedReads
from bot.workflow.views import Opening, open_view

log = logging.getLogger(__name__)

LATE_GRACE_SECONDS = 0.5
"""How long a collector may overrun its deadline before its evidence is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One collector with one set of parameters, and the tasks that come before it, by evidence class."""

    id: str
    collector: Collector[Any, Any]
    parameters: Any
    inputs: Mapping[type, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What a set of playbooks wants gathered: each collector once per distinct parameters."""

    by_id: Mapping[str, Task]
    of_playbook: Mapping[str, Mapping[type, str]]
    """For each playbook: evidence class → id of the task that gathers it."""


def plan_tasks(
    playbooks: Sequence[Playbook],
    catalogue: Catalogue,
    *,
    always: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    leave_out: frozenset[type] = frozenset(),
) -> Tasks:
    """Return the tasks of these playbooks. `always` names collectors that run whatever playbooks there are.

    `parameters` are those of collectors that `always` leads to, by name, where they are not the default ones.
    `leave_out` are evidence classes that those only want, and that are not gathered for them.
    """
    tasks: dict[str, Task] = {}
    of_playbook: dict[str, dict[type, str]] = {}
    for name in always:
        _add(catalogue.collectors[name], parameters or {}, tasks, catalogue, leave_out)
    for playbook in playbooks:
        chosen = {gather.collector: gather.parameters for gather in playbook.gather}
        of_playbook[playbook.name] = {
            catalogue.collectors[name].evidence: _add(catalogue.collectors[name], chosen, tasks, catalogue)
            for name in chosen
        }
    return Tasks(by_id=tasks, of_playbook=of_playbook)


def _add(
    collector: Collector[Any, Any],
    chosen: Mapping[str, Any],
    tasks: dict[str, Task],
    catalogue: Catalogue,
    leave_out: frozenset[type] = frozenset(),
) -> str:
    parameters = chosen.get(collector.name) or collector.parameters()
    wanted = (*collector.needs, *(kind for kind in collector.wants if kind not in leave_out))
    inputs = {kind: _add(catalogue.collector_of(kind), chosen, tasks, catalogue, leave_out) for kind in wanted}
    same = [task for task in tasks.values() if task.collector is collector]
    for task in same:
        if task.parameters == parameters and task.inputs == inputs:
            return task.id
    task_id = collector.name if not same else f"{collector.name}#{len(same) + 1}"
    tasks[task_id] = Task(id=task_id, collector=collector, parameters=parameters, inputs=inputs)
    return task_id


@dataclass(slots=True)
class _Run:
    task: Task
    calls: CallLog
    started: float
    due: float


@dataclass(slots=True)
class Gathering:
    """One run over a set of tasks."""

    tasks: Mapping[str, Task]
    target: ClusterTarget
    question: Question
    sources: Sources
    deadline: Deadline
    started_at: datetime
    told: Callable[[Sequence[str], Sequence[str], Sequence[str]], None]
    """Called with the titles done, running and waiting whenever one starts or ends."""
    corefile_program: CorefileProgram | None = None
    remembered: Remembered = nothing_remembered
    recent: RecentLists | None = None
    _reads: SharedReads = field(init=False)
    _nodes: OneNodeRun = field(init=False)
    _logs: dict[str, CallLog] = field(default_factory=dict)
    _results: dict[str, Collected] = field(default_factory=dict)
    _running: dict[str, _Run] = field(default_factory=dict)
    _inbox: queue.SimpleQueue[tuple[str, Collected]] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        """Prepare what its collectors share."""
        self._reads = SharedReads({task.id: task.collector.permissions for task in self.tasks.values()})
        self._nodes = OneNodeRun(self.sources)

    def run(self) -> dict[str, Collected]:
        """Return what every task gave, in the tasks' order; ends by the deadline.

        Pods that were made to see nodes are removed then, which takes some seconds more at worst.
        """
        try:
            while len(self._results) < len(self.tasks):
                self._start_ready()
                self._tell()
                if self._running:
                    self._wait()
                self._give_up_late()
        finally:
            self._nodes.close()
        self._tell()
        return {task_id: self._result(task_id) for task_id in self.tasks}

    def _result(self, task_id: str) -> Collected:
        """Return what a task gave, with the calls that it made until now: its pods are removed after it has ended."""
        found = self._results[task_id]
        return replace(found, calls=self._logs[task_id].calls()) if task_id in self._logs else found

    def _start_ready(self) -> None:
        progressed = True
        while progressed:
            progressed = False
            for task in self.tasks.values():
                if task.id in self._results or task.id in self._running:
                    continue
                if all(before in self._results for before in task.inputs.values()):
                    progressed = self._start(task) or progressed

    def _start(self, task: Task) -> bool:
        """Start the task; return True when it ended at once, for want of what it needs."""
        for needed in (task.inputs[kind] for kind in task.collector.needs):
            gap = self._results[needed].gap
            if gap is not None:
                reason = gap.reason if gap.reason.startswith(NEEDS) else f"{NEEDS}{needed}: {gap.reason}"
                self._end(task.id, _collected(task, gap=replace(gap, what=task.id, reason=reason)))
                return True
        deadline = self.deadline.sooner(task.collector.deadline_seconds)
        calls = CallLog(unit=task.collector.name, declared=task.collector.permissions)
        self._logs[task.id] = calls
        self._running[task.id] = _Run(task, calls, time.monotonic(), deadline.at)
        threading.Thread(
            target=self._work, args=(task, calls, deadline), name=f"collect {task.id}", daemon=True
        ).start()
        return False

    def _work(self, task: Task, calls: CallLog, deadline: Deadline) -> None:
        started = time.monotonic()
        value: object | None = None
        document: JsonObject | None = None
        gap: Gap | None = None
        files: list[KeptFile] = []
        try:
            value, document = stored(_collect(task.collector, self._opening(task, calls, deadline, files.append)))
        except EvidenceUnavailable as error:
            gap = replace(Gap.of(task.id, error), reason=redact_and_cap(error.reason, 600))
        except Exception as error:
            log.exception("collector failed", extra={"collector": task.id})
            reason = f"the collector itself failed ({type(error).__name__}: {redact_and_cap(str(error), 300)})"
            gap = Gap(what=task.id, reason=reason)
        took_ms = round((time.monotonic() - started) * 1000)
        collected = _collected(task, value=value, gap=gap, calls=calls.calls(), took_ms=took_ms)
        self._inbox.put((task.id, replace(collected, document=document, files=tuple(files))))

    def _opening(self, task: Task, calls: CallLog, deadline: Deadline, keep: Callable[[KeptFile], None]) -> Opening:
        return Opening(
            sources=self.sources,
            nodes=self._nodes,
            deadline=deadline,
            calls=calls,
            reads=self._reads,
            target=self.target,
            question=self.question,
            parameters=task.parameters,
            started_at=self.started_at,
            needed={
                kind: self._results[task_id].value
                for kind, task_id in task.inputs.items()
                if self._results[task_id].gap is None
            },
            keep=keep,
            corefile_program=self.corefile_program,
            remembered=self.remembered,
            recent=self.recent,
        )

    def _wait(self) -> None:
        """Take one result, or return when the next deadline has passed."""
        next_due = min(run.due for run in self._running.values()) + LATE_GRACE_SECONDS
        try:
            task_id, collected = self._inbox.get(timeout=max(0.0, next_due - time.monotonic()))
        except queue.Empty:
            return
        if task_id in self._running:
            del self._running[task_id]
            self._end(task_id, collected)

    def _end(self, task_id: str, collected: Collected) -> None:
        self._results[task_id] = collected
        self._reads.leave(task_id)

    def _give_up_late(self) -> None:
        now = time.monotonic()
        for task_id, run in list(self._running.items()):
            if now < run.due + LATE_GRACE_SECONDS:
                continue
            del self._running[task_id]
            seconds = now - run.started
            gap = Gap(what=task_id, reason=f"{run.task.collector.title}: no answer within {seconds:.0f} s")
            took_ms = round(seconds * 1000)
            self._end(task_id, _collected(run.task, gap=gap, calls=run.calls.calls(), took_ms=took_ms))

    def _tell(self) -> None:
        waiting = [task for task in self.tasks if task not in self._results and task not in self._running]
        self.told(self._titles(self._results), self._titles(self._running), self._titles(waiting))

    def _titles(self, task_ids: Sequence[str] | Mapping[str, object]) -> tuple[str, ...]:
        return tuple(self.tasks[task_id].collector.title for task_id in task_ids)


def _collect(collector: Collector[Any, Any], opening: Opening) -> object:
    value: object = collector.collect(open_view(collector.view, opening))
    if not isinstance(value, collector.evidence):
        raise UnitError(f"{collector.name} gave {type(value).__name__}, not {collector.evidence.__name__}.")
    return value


def _collected(
    task: Task,
    *,
    value: object | None = None,
    gap: Gap | None = None,
    calls: tuple[SourceCall, ...] = (),
    took_ms: int = 0,
) -> Collected:
    return Collected(
        id=task.id,
        collector=task.collector.name,
        parameters=parameters_document(task.parameters),
        value=value,
        gap=gap,
        calls=calls,
        collected_at=datetime.now(UTC),
        took_ms=took_ms,
        summary=task.collector.summarise(value) if gap is None else f"could not look: {gap.reason}",
    )
