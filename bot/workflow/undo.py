"""The inverse of a repair: a plan of its own, made from what the journal says was done, for its own approval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.approvals import Result, StepRecord, StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.json_values import canonical
from bot.domain.plans import Fix, FixPlan, Reading, Step
from bot.domain.ports import Sources
from bot.domain.redaction import redact
from bot.errors import DnsBotError


def inverse_plan(
    plan: FixPlan, steps: Sequence[StepRecord], fixes: Mapping[str, Fix], *, plan_id: str, diagnosis_id: str
) -> FixPlan | None:
    """Return the plan that takes back every DONE step, last first; None where nothing can be taken back."""
    taken_back = tuple(back for _, back in undoable(plan, steps, fixes))
    if plan.undoes or not taken_back:
        return None
    changes = "1 change" if len(taken_back) == 1 else f"{len(taken_back)} changes"
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
        blast_radius=f"Takes back {changes} that plan {plan.id} made; what it repaired, if anything, breaks again.",
        steps=taken_back,
        verify_rules=(),
        undoes=plan.id,
    )


def undoable(plan: FixPlan, steps: Sequence[StepRecord], fixes: Mapping[str, Fix]) -> Iterator[tuple[Step, Step]]:
    """Yield each DONE step that has an inverse, with it; last first."""
    done = {line.index: line for line in steps if line.state is StepState.DONE}
    for index in sorted(done, reverse=True):
        step = plan.steps[index]
        back = fixes[step.fix].inverse(step, done[index].effects)
        if back is not None:
            yield step, back


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoVerifier:
    """Checks an undo: the problem is back by design, so what counts is the state from before the plan."""

    fixes: Mapping[str, Fix]
    open_sources: Callable[[ClusterTarget], Sources]
    read_seconds: float = 30.0

    def verify(self, undone: FixPlan, steps: Sequence[StepRecord], target: ClusterTarget) -> tuple[Result, str]:
        """Compare, for each step taken back, the state now with the state before the plan that was undone."""
        for step, _ in undoable(undone, steps, self.fixes):
            sources, deadline = self.open_sources(target), Deadline.after(self.read_seconds)
            reading = Reading(cluster=sources.cluster(deadline), aws=sources.aws(deadline), target=target)
            try:
                now = self.fixes[step.fix].read(step, reading)
            except DnsBotError as error:
                return Result.UNVERIFIABLE, f"Taken back, not verified: {step.target}: {redact(str(error))}"
            if canonical(now) != canonical(step.before):
                return Result.NOT_VERIFIED, f"Taken back, but {step.target} is not as it was before plan {undone.id}."
        return Result.VERIFIED, f"Verified: all that plan {undone.id} changed is as it was before."
