"""Apply an approved plan, step by step, each with a journal line committed before its effect.

Before the first write the state behind every step is read again, and right before each write its
own; where it is no longer what the plan was made from, nothing further is written. Each step owns
the state it reads, so a plan's earlier steps do not count as a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.domain.approvals import StepRecord, StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.history import History
from bot.domain.json_values import JsonObject, canonical
from bot.domain.plans import ApprovedPlan, Fix, FixPlan, Reading, Step, Writing
from bot.domain.ports import Sources, Writers
from bot.domain.redaction import capped, redact
from bot.errors import DnsBotError, HistoryUnavailable, Refused, WorldChanged, WriteFailed
from bot.workflow.insist import insist
from bot.workflow.writers import open_writing

LookupsAnswer = Callable[[], bool | None]
Told = Callable[[StepRecord], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How far a plan came."""

    stopped: str = ""
    """Why later steps were not run; empty when every step ran, or waited in vain for look-ups."""
    wrote: bool
    """Whether anything was written, or may have been."""
    repaired: bool = False
    """It stopped at a step that had waited for look-ups to answer: what was done before works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How one step ended."""

    stopped: str
    """Why the plan stops here, or empty."""
    begun: bool
    wrote: bool
    """It wrote, or may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applier:
    """Applies plans. Made once, by the composition root."""

    history: History
    fixes: Mapping[str, Fix]
    open_sources: Callable[[ClusterTarget], Sources]
    open_writers: Callable[[ClusterTarget, str], Writers]
    """Takes the plan's id, too: the writer's session bears it, so that the cloud's own log joins ours."""
    sleep: Callable[[float], None]
    read_seconds: float = 30.0
    """For reading one step's state again."""
    write_seconds: float = 900.0
    """For one step; a fix that waits for a rollout has a shorter limit of its own."""

    def apply(
        self, approved: ApprovedPlan, target: ClusterTarget, *, lookups_answer: LookupsAnswer, told: Told
    ) -> Applied:
        """Run the steps in order until one fails or the world has changed."""
        plan = approved.plan
        for step in plan.steps:
            why = self._changed(step, target)
            if why:
                return Applied(stopped=why, wrote=False)
        wrote, answer = False, None
        for index, step in enumerate(plan.steps):
            if step.after_lookups_answer and answer is not True:
                answer = lookups_answer()
                if answer is not True:
                    self._skip(plan, index, _WHY_SKIPPED[answer], told)
                    break
            ended = self._run(plan, index, target, told)
            wrote = wrote or ended.wrote
            if ended.stopped:
                self._skip(plan, index + ended.begun, "Not run: the plan had stopped.", told)
                return Applied(stopped=ended.stopped, wrote=wrote, repaired=step.after_lookups_answer)
        return Applied(wrote=wrote)

    def _run(self, plan: FixPlan, index: int, target: ClusterTarget, told: Told) -> _Ended:
        step = plan.steps[index]
        why = self._changed(step, target)
        if why:
            return _Ended(stopped=why, begun=False, wrote=False)
        try:
            writing = open_writing(
                step, plan.id, target, self.open_sources(target), self.open_writers(target, plan.id), self.write_seconds
            )
            told(self.history.journal(proposal_id=plan.id, index=index, state=StepState.STARTED))
        except DnsBotError as error:
            why = f"Step {index + 1} ({step.target}) was not begun: {redact(str(error))}"
            return _Ended(stopped=why, begun=False, wrote=False)
        state, effects, note = self._effect(step, writing)
        stopped = "" if state is StepState.DONE else f"Step {index + 1} ({step.target}) {_ENDED[state]}: {note}"
        unkept = self._keep(plan, index, state, effects, note, told)
        return _Ended(stopped=unkept or stopped, begun=True, wrote=state is not StepState.FAILED)

    def _effect(self, step: Step, writing: Writing) -> tuple[StepState, JsonObject, str]:
        try:
            effects = self.fixes[step.fix].apply(step, writing)
            canonical(effects)
        except WriteFailed as error:
            return (StepState.UNKNOWN if error.ambiguous else StepState.FAILED), {}, _note(error)
        except WorldChanged as error:
            return StepState.FAILED, {}, _note(error)
        except (DnsBotError, TypeError, ValueError) as error:
            return StepState.UNKNOWN, {}, _note(error)
        return StepState.DONE, effects, ""

    def _keep(self, plan: FixPlan, index: int, state: StepState, effects: JsonObject, note: str, told: Told) -> str:
        """Write the step's end into the journal; return why the plan stops here, or nothing."""

        def write() -> StepRecord:
            return self.history.journal(proposal_id=plan.id, index=index, state=state, effects=effects, note=note)

        try:
            told(write())
        except HistoryUnavailable:
            told(insist(write, self.sleep))
            return f"The history database failed after step {index + 1} had run; nothing further was written."
        return ""

    def _skip(self, plan: FixPlan, first: int, note: str, told: Told) -> None:
        """Say in the journal which steps are not run; the outcome says so too if the database is down."""
        for index in range(first, len(plan.steps)):
            try:
                told(self.history.journal(proposal_id=plan.id, index=index, state=StepState.SKIPPED, note=note))
            except (HistoryUnavailable, Refused):
                return

    def _changed(self, step: Step, target: ClusterTarget) -> str:
        """Return why this step may not be written, or nothing: its state is as it was when planned."""
        sources, deadline = self.open_sources(target), Deadline.after(self.read_seconds)
        try:
            reading = Reading(cluster=sources.cluster(deadline), aws=sources.aws(deadline), target=target)
            now = self.fixes[step.fix].read(step, reading)
        except DnsBotError as error:
            return (
                f"The state of {step.target} could not be read again right before the write: {_note(error)} "
                "Nothing further was written."
            )
        if canonical(now) == canonical(step.before):
            return ""
        return (
            f"{step.target} is no longer as it was when the plan was made "
            f"(then {_short(step.before)}, now {_short(now)}). Nothing further was written. Diagnose again."
        )


_ENDED = {StepState.FAILED: "failed", StepState.UNKNOWN: "may or may not have happened"}
_WHY_SKIPPED = {
    False: "Not run: look-ups still did not answer.",
    None: "Not run: it could not be seen whether look-ups answer.",
}


def _note(error: Exception) -> str:
    return capped(redact(str(error)), 1_000)


def _short(state: object) -> str:
    return capped(redact(canonical(state)), 300)  # type: ignore[arg-type]  # what a fix read is JSON
