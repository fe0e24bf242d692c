"""How a repair ends: verified, not verified, stopped or interrupted; recorded once, its inverse offered.

The inverse of a measure is offered in any case: what was switched on to be read is switched off again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.approvals import Outcome, ProposalState, Result, StepRecord, StepState
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import History, Lease, until_recorded
from bot.domain.plans import ApprovedPlan, Fix, FixPlan
from bot.errors import HistoryUnavailable, RecordUnreadable, Refused
from bot.workflow.apply import Applied
from bot.workflow.propose import Proposer
from bot.workflow.undo import UndoVerifier, inverse_plan
from bot.workflow.verify import Verifier

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluder:
    """Ends repairs. Made once, by the composition root."""

    history: History
    verifier: Verifier
    undo_verifier: UndoVerifier
    proposer: Proposer
    fixes: Mapping[str, Fix]
    sleep: Callable[[float], None]

    def question(self, plan: FixPlan) -> Question:
        """Return what was asked in the first place: the same pod and names are looked at again, if that can be read."""
        try:
            diagnosis = self.history.diagnosis(plan.diagnosis_id)
        except RecordUnreadable:
            diagnosis = None
        return diagnosis.question if diagnosis else Question(cluster=plan.cluster)

    def stopped(self, lease: Lease, approved: ApprovedPlan, target: ClusterTarget, applied: Applied) -> Outcome | None:
        """End a repair that did not run to its end; what it changed is offered to be taken back."""
        plan = approved.plan
        if not applied.wrote:
            return self.finish(lease, Result.REFUSED, f"Nothing was written. {applied.stopped}")
        steps = self._steps(plan.id)
        done = sum(line.state is StepState.DONE for line in steps)
        summary = f"{done} of {len(plan.steps)} steps were done. {applied.stopped}"
        inverse_id = "" if applied.repaired else self._offer_inverse(approved, target, plan.diagnosis_id, steps)
        return self.finish(lease, Result.STOPPED, summary, inverse_id=inverse_id)

    def verified(self, lease: Lease, approved: ApprovedPlan, target: ClusterTarget) -> Outcome | None:
        """End a repair that ran to its end: look again whether it helped."""
        plan = approved.plan
        if plan.undoes:
            undone = self.history.proposal(plan.undoes)
            result, summary = self.undo_verifier.verify(undone.plan, self.history.steps(undone.id), target)
            return self.finish(lease, result, summary)
        seen = self.verifier.verify(plan, self.question(plan), approved.requested_by)
        steps = self._steps(plan.id)
        skipped = [f"Step {line.index + 1}: {line.note}" for line in steps if line.state is StepState.SKIPPED]
        verification_id = self._record(seen.diagnosis)
        inverse_id = ""
        if seen.result is Result.NOT_VERIFIED or plan.yields:  # a measure is to be taken back once it has been read
            inverse_id = self._offer_inverse(approved, target, verification_id or plan.diagnosis_id, steps)
        return self.finish(
            lease,
            seen.result,
            " ".join([seen.summary, *skipped]),
            verification_id=verification_id,
            inverse_id=inverse_id,
        )

    def finish(
        self,
        lease: Lease,
        result: Result,
        summary: str,
        *,
        state: ProposalState = ProposalState.DONE,
        verification_id: str = "",
        inverse_id: str = "",
    ) -> Outcome | None:
        """Record the outcome and let the cluster go; None where another process holds the repair now."""
        outcome = Outcome(
            proposal_id=lease.proposal_id,
            result=result,
            summary=summary,
            steps=(),
            verification_diagnosis_id=verification_id,
            inverse_proposal_id=inverse_id,
        )
        try:
            ended = until_recorded(lambda: self.history.finish(lease, outcome, state), self.sleep)
        except Refused as refusal:
            log.warning("repair is another's now", extra={"proposal": lease.proposal_id, "reason": str(refusal)})
            return None
        log.info("repair ends", extra={"proposal": lease.proposal_id, "result": ended.result.value})
        return ended

    def _steps(self, proposal_id: str) -> tuple[StepRecord, ...]:
        return until_recorded(lambda: self.history.steps(proposal_id), self.sleep)

    def _offer_inverse(
        self, approved: ApprovedPlan, target: ClusterTarget, diagnosis_id: str, steps: Sequence[StepRecord]
    ) -> str:
        """Store the recorded inverse as a proposal, asked for by whom the repair was; return its id."""
        plan = inverse_plan(
            approved.plan, steps, self.fixes, plan_id=self.proposer.make_id(), diagnosis_id=diagnosis_id
        )
        if plan is None:
            return ""
        return until_recorded(lambda: self.proposer.offer((plan,), target, approved.requested_by), self.sleep).id

    def _record(self, diagnosis: Diagnosis | None) -> str:
        if diagnosis is None:
            return ""
        try:
            self.history.record(diagnosis)
        except HistoryUnavailable:
            log.warning("verification is not recorded", extra={"diagnosis": diagnosis.id})
            return ""
        return diagnosis.id
