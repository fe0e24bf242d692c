"""Apply an approved plan: its steps in order, until one fails, the world has changed or the repair is no longer ours.

Before the first write the state behind every step is read again, and right before each write its
own; where it is no longer what the plan was made from, nothing further is written. Each step owns
the state it reads, so a plan's earlier steps do not count as a change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.approvals import StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.history import History
from bot.domain.json_values import JsonObject
from bot.domain.plans import ApprovedPlan, FixPlan, Step, When
from bot.errors import HistoryUnavailable, Refused, WorldChanged
from bot.workflow.run_step import Ended, StepRunner, Turn

STOPPED = "Not run: the plan had stopped."
"""The note of a step that another step's end kept from running."""

LookupsAnswer = Callable[[], bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How far a plan came."""

    stopped: str = ""
    """Why later steps were not run; empty when every step ran, or waited in vain for lookups."""
    wrote: bool
    """Whether anything was written, or may have been."""
    repaired: bool = False
    """It stopped at a step that had waited for lookups to answer: what was done before works."""
    unsettled: bool = False
    """A change was sent and is not complete, and this process may not wait for it: another is to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applier:
    """Applies plans. Made once, by the composition root."""

    history: History
    runner: StepRunner

    def apply(self, approved: ApprovedPlan, turn: Turn, *, lookups_answer: LookupsAnswer) -> Applied:
        """Run the steps in order."""
        plan = approved.plan
        why = self._changed_before_the_first(plan, turn.target)
        if why:
            return Applied(stopped=why, wrote=False)
        wrote, answer = False, None
        made: dict[int, JsonObject] = {}
        for index, step in enumerate(plan.steps):
            waits = step.when is When.LOOKUPS_ANSWER
            if waits and answer is not True:
                answer = lookups_answer()
                if answer is not True:
                    self._skip(turn, plan, index, _WHY_SKIPPED[answer])
                    break
            ended = self._run(step, index, made, turn)
            made[index] = ended.effects or {}
            wrote = wrote or ended.wrote
            if ended.unsettled:
                return Applied(stopped=ended.stopped, wrote=True, unsettled=True)
            if ended.stopped and not (ended.done and index + 1 == len(plan.steps)):
                self._skip(turn, plan, index + ended.begun, STOPPED)
                return Applied(stopped=ended.stopped, wrote=wrote, repaired=waits)
        return Applied(wrote=wrote)

    def _changed_before_the_first(self, plan: FixPlan, target: ClusterTarget) -> str:
        """Return why nothing may be written; a step that refers to another's result is read when its turn comes."""
        return next((why for step in plan.steps if not step.refers and (why := self.runner.changed(step, target))), "")

    def _run(self, step: Step, index: int, made: dict[int, JsonObject], turn: Turn) -> Ended:
        try:
            ready = step.with_made(made)
        except WorldChanged as error:
            stopped = f"Step {index + 1} ({step.target}) was not begun: {error}"
            return Ended(stopped=stopped, begun=False, wrote=False)
        return self.runner.run(ready, index, turn)

    def _skip(self, turn: Turn, plan: FixPlan, first: int, note: str) -> None:
        """Say in the journal which steps are not run; the outcome says so too if the database is down."""
        for index in range(first, len(plan.steps)):
            try:
                turn.told(self.history.journal(turn.holding.lease, index=index, state=StepState.SKIPPED, note=note))
            except (HistoryUnavailable, Refused):
                return


_WHY_SKIPPED = {
    False: "Not run: lookups still did not answer.",
    None: "Not run: it could not be seen whether lookups answer.",
}
