"""The inverse of a repair: a plan of its own, made from what the journal says was done, for its own approval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.approvals import Result, StepRecord, StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.json_values import JsonObject, canonical
from bot.domain.phrases import count
from bot.domain.plans import Fix, FixPlan, Step
from bot.domain.ports import Sources
from bot.domain.redaction import redact
from bot.errors import DnsBotError
from bot.workflow.writers import open_reading

MOST_ATTEMPTS = 3
"""So often an end is begun of which it is known that it was not made."""


def inverse_plan(
    plan: FixPlan, steps: Sequence[StepRecord], fixes: Mapping[str, Fix], *, plan_id: str, diagnosis_id: str
) -> FixPlan | None:
    """Return the plan that takes back every DONE step, last first; None where nothing can be taken back."""
    taken_back = tuple(back for _, back in undoable(plan, steps, fixes))
    if plan.undoes or not taken_back:
        return None
    changes = count(len(taken_back), "change")
    return FixPlan(
        id=plan_id,
        diagnosis_id=diagnosis_id,
        cluster=plan.cluster,
        region=plan.region,
        binding=plan.binding,
        fix=plan.fix,
        title=f"Take back: {plan.title}",
        finding=plan.finding,
        playbook=plan.playbook,
        risk=plan.risk,
        blast_radius=f"Takes back {changes} that plan {plan.id} made; {_lost(plan)}.",
        steps=taken_back,
        verify_rules=(),
        undoes=plan.id,
    )


def _lost(plan: FixPlan) -> str:
    """Return what is lost with a plan that is taken back."""
    if plan.yields:
        return f"the evidence that it got ({', '.join(plan.yields)}) can no longer be read"
    return "what it repaired, if anything, breaks again"


def with_what_was_made(plan: FixPlan, steps: Sequence[StepRecord]) -> tuple[Step, ...]:
    """Return the plan's steps, those that were begun with what earlier ones made in their parameters."""
    made = {line.index: line.effects for line in steps if line.state is not StepState.SKIPPED}
    return tuple(
        step.with_made(made) if step.refers and index in made else step for index, step in enumerate(plan.steps)
    )


def places_of_ends(total: int, index: int) -> range:
    """Return where the journal of a plan with so many steps keeps the attempts to end the change of one of them."""
    return range(total + index, total * (MOST_ATTEMPTS + 1), total)


def undoable(plan: FixPlan, steps: Sequence[StepRecord], fixes: Mapping[str, Fix]) -> Iterator[tuple[Step, Step]]:
    """Yield each step that was made and has an inverse, with it; last first. It is taken back at its place.

    Made is what is DONE, and what was sent and failed afterwards: the journal holds its effects. What an end has
    taken back already stands behind the plan's steps in the journal.
    """
    made = {line.index: line for line in steps if line.state is StepState.DONE or line.effects}
    total = len(plan.steps)
    ready = with_what_was_made(plan, steps)
    for index in sorted(made, reverse=True):
        ended = any(at in made for at in places_of_ends(total, index))
        if index >= total or ended:  # the end of a change, and a change that its end took back
            continue
        back = inverse_of(ready[index], made[index].effects, fixes)
        if back is not None:
            yield ready[index], back


def inverse_of(step: Step, effects: JsonObject, fixes: Mapping[str, Fix]) -> Step | None:
    """Return the step that takes back what `effects` says was made; it lasts, and it is done at the same place."""
    back = fixes[step.fix].inverse(step, effects)
    return back and replace(back, place=step.place, ends_after_seconds=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoVerifier:
    """Checks an undo: the problem is back by design, so what counts is the state from before the plan."""

    fixes: Mapping[str, Fix]
    open_sources: Callable[[ClusterTarget], Sources]
    read_seconds: float = 30.0

    def verify(self, undone: FixPlan, steps: Sequence[StepRecord], target: ClusterTarget) -> tuple[Result, str]:
        """Compare, for each step taken back, the state now with the state before the plan that was undone."""
        for step, _ in undoable(undone, steps, self.fixes):
            try:
                reading = open_reading(step, target, self.open_sources(target), self.read_seconds)
                now = self.fixes[step.fix].read(step, reading)
            except DnsBotError as error:
                return Result.UNVERIFIABLE, f"Taken back, not verified: {step.target}: {redact(str(error))}"
            if canonical(now) != canonical(step.before):
                return Result.NOT_VERIFIED, f"Taken back, but {step.target} is not as it was before plan {undone.id}."
        return Result.VERIFIED, f"Verified: all that plan {undone.id} changed is as it was before."
