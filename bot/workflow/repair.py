"""One repair from begin to outcome: authorise again, apply, verify, offer the inverse where that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bot.domain.approvals import Outcome, Proposal, ProposalState, Result, StepRecord, StepState
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.history import Begun, History
from bot.domain.plans import ApprovedPlan, Fix, FixPlan
from bot.domain.redaction import redact
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.workflow.apply import Applied, Applier
from bot.workflow.approve import Gate
from bot.workflow.insist import insist
from bot.workflow.interrupted import interrupt
from bot.workflow.propose import Proposer
from bot.workflow.undo import UndoVerifier, inverse_plan
from bot.workflow.verify import Verifier

log = logging.getLogger(__name__)

Told = Callable[[StepRecord], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairer:
    """Runs approved plans. Made once, by the composition root."""

    history: History
    gate: Gate
    applier: Applier
    verifier: Verifier
    undo_verifier: UndoVerifier
    proposer: Proposer
    fixes: Mapping[str, Fix]
    targets: Mapping[str, ClusterTarget]
    read_binding: Callable[[ClusterTarget], Binding]
    """Which cluster this is now. Raises `EvidenceUnavailable` or `ClusterMismatch`."""
    sleep: Callable[[float], None]

    def repair(self, proposal_id: str, told: Told) -> Outcome:
        """Apply an approved plan once. Raises `Refused` when there is nothing approved to begin."""
        begun = self.history.begin(proposal_id)
        if begun is Begun.BUSY:
            return self._finish(proposal_id, Result.REFUSED, _BUSY)
        if begun is not Begun.BEGUN:
            raise Refused(self._not_begun(proposal_id, begun))
        with self._interrupted_unless_finished(proposal_id):
            proposal = self._stored(proposal_id)
            try:
                approved = self.gate.approved_plan(proposal)
                target = self.targets[approved.plan.cluster]
                self._check_binding(approved.plan, target)
            except HistoryUnavailable:
                raise
            except DnsBotError as error:
                return self._finish(proposal_id, Result.REFUSED, f"Nothing was written. {redact(str(error))}")
            return self._run(approved, target, told)

    def _run(self, approved: ApprovedPlan, target: ClusterTarget, told: Told) -> Outcome:
        plan, asked = approved.plan, self._question(approved.plan)
        log.info("repair begins", extra={"proposal": plan.id, "cluster": plan.cluster})
        applied = self.applier.apply(
            approved,
            target,
            lookups_answer=lambda: self.verifier.lookups_answer(asked, target, approved.requested_by),
            told=told,
        )
        if applied.stopped:
            return self._stopped(approved, target, applied)
        return self._verified(approved, target, asked)

    def _stopped(self, approved: ApprovedPlan, target: ClusterTarget, applied: Applied) -> Outcome:
        plan = approved.plan
        if not applied.wrote:
            return self._finish(plan.id, Result.REFUSED, f"Nothing was written. {applied.stopped}")
        steps = insist(lambda: self.history.steps(plan.id), self.sleep)
        summary = f"{_done(steps, len(plan.steps))} {applied.stopped}"
        inverse_id = "" if applied.repaired else self._offer_inverse(approved, target, plan.diagnosis_id)
        return self._finish(plan.id, Result.STOPPED, summary, inverse_id=inverse_id)

    def _verified(self, approved: ApprovedPlan, target: ClusterTarget, asked: Question) -> Outcome:
        plan = approved.plan
        if plan.undoes:
            undone = self._stored(plan.undoes)
            result, summary = self.undo_verifier.verify(undone.plan, self.history.steps(undone.id), target)
            return self._finish(plan.id, result, summary)
        seen = self.verifier.verify(plan, asked, target, approved.requested_by)
        skipped = [line for line in self.history.steps(plan.id) if line.state is StepState.SKIPPED]
        summary = " ".join([seen.summary, *(f"Step {line.index + 1}: {line.note}" for line in skipped)])
        verification_id = self._record(seen.diagnosis)
        inverse_id = ""
        if seen.result is Result.NOT_VERIFIED:
            inverse_id = self._offer_inverse(approved, target, verification_id or plan.diagnosis_id)
        return self._finish(plan.id, seen.result, summary, verification_id=verification_id, inverse_id=inverse_id)

    def _offer_inverse(self, approved: ApprovedPlan, target: ClusterTarget, diagnosis_id: str) -> str:
        """Store the recorded inverse as a proposal, asked for by whom the repair was; return its id."""
        steps = insist(lambda: self.history.steps(approved.plan.id), self.sleep)
        plan = inverse_plan(
            approved.plan, steps, self.fixes, plan_id=self.proposer.make_id(), diagnosis_id=diagnosis_id
        )
        if plan is None:
            return ""
        return insist(lambda: self.proposer.offer(plan, target, approved.requested_by), self.sleep).id

    def _record(self, diagnosis: Diagnosis | None) -> str:
        if diagnosis is None:
            return ""
        try:
            self.history.record(diagnosis)
        except HistoryUnavailable:
            log.warning("verification is not recorded", extra={"diagnosis": diagnosis.id})
            return ""
        return diagnosis.id

    def _finish(
        self, proposal_id: str, result: Result, summary: str, *, verification_id: str = "", inverse_id: str = ""
    ) -> Outcome:
        outcome = Outcome(
            proposal_id=proposal_id,
            result=result,
            summary=summary,
            steps=(),
            verification_diagnosis_id=verification_id,
            inverse_proposal_id=inverse_id,
        )
        log.info("repair ends", extra={"proposal": proposal_id, "result": result.value})
        return insist(lambda: self.history.finish(outcome, ProposalState.DONE), self.sleep)

    @contextmanager
    def _interrupted_unless_finished(self, proposal_id: str) -> Iterator[None]:
        """Whatever goes wrong within: the repair is marked, its cluster let go, and the error goes on."""
        finished = False
        try:
            yield
            finished = True
        finally:
            if not finished:
                with suppress(HistoryUnavailable):
                    interrupt(self.history, self._stored(proposal_id))

    def _check_binding(self, plan: FixPlan, target: ClusterTarget) -> None:
        now = self.read_binding(target)
        if now != plan.binding:
            raise Refused(
                f"{plan.cluster} now leads to another cluster than the plan was made for: {now.cluster_arn} "
                f"(kube-system {now.kube_system_uid}), not {plan.binding.cluster_arn} "
                f"(kube-system {plan.binding.kube_system_uid}). Diagnose again."
            )

    def _question(self, plan: FixPlan) -> Question:
        """Return what was asked in the first place: the same pod and names are looked at again."""
        diagnosis = self.history.diagnosis(plan.diagnosis_id)
        return diagnosis.question if diagnosis else Question(cluster=plan.cluster)

    def _stored(self, proposal_id: str) -> Proposal:
        proposal = self.history.proposal(proposal_id)
        if proposal is None:
            raise Refused(f"There is no plan {proposal_id[:64]} in the history. Diagnose again.")
        return proposal

    def _not_begun(self, proposal_id: str, begun: Begun) -> str:
        proposal = self._stored(proposal_id)
        if begun is Begun.TOO_LATE:
            return f"Plan {proposal.id} was approved too long ago to be applied now. Diagnose again."
        return f"Plan {proposal.id} is {proposal.state.value}: a plan is applied once, after its approval."


_BUSY = "Nothing was written. Another repair of this cluster is running. Diagnose again when it has ended."


def _done(steps: tuple[StepRecord, ...], total: int) -> str:
    done = sum(line.state is StepState.DONE for line in steps)
    return f"{done} of {total} steps were done."
