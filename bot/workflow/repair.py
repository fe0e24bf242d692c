"""One repair from begin to outcome: hold the cluster, authorise again, apply, verify, offer the inverse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bot.domain.approvals import Outcome, Result
from bot.domain.cluster import ClusterTarget
from bot.domain.diagnosis import Binding
from bot.domain.history import History, NotBegun, until_recorded
from bot.domain.plans import ApprovedPlan, FixPlan
from bot.domain.redaction import redact
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.workflow.apply import Applier
from bot.workflow.approve import Gate
from bot.workflow.conclude import Concluder
from bot.workflow.holding import Holder, Holding
from bot.workflow.run_step import OnStep, Turn
from bot.workflow.settle import DATABASE_AWAY, OWN_FAULT, Settler

log = logging.getLogger(__name__)

BUSY = "Nothing was written. Another repair of this cluster is running. Diagnose again when it has ended."


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairer:
    """Runs approved plans. Made once, by the composition root."""

    history: History
    holder: Holder
    gate: Gate
    applier: Applier
    concluder: Concluder
    settler: Settler
    targets: Mapping[str, ClusterTarget]
    read_binding: Callable[[ClusterTarget], Binding]
    """Which cluster this is now. Raises `EvidenceUnavailable` or `ClusterMismatch`."""
    sleep: Callable[[float], None]

    def run(self, proposal_id: str, told: OnStep) -> Outcome | None:
        """Apply an approved plan, once. None: it was not approved, or another process runs it or is to settle it."""
        asked_at = self.holder.clock()
        begun = self.history.begin(proposal_id, self.holder.owner)
        if begun is NotBegun.BUSY and self.settler.settle_in_the_way(proposal_id):
            asked_at = self.holder.clock()
            begun = self.history.begin(proposal_id, self.holder.owner)
        if begun is NotBegun.BUSY:
            refused = Outcome(proposal_id=proposal_id, result=Result.REFUSED, summary=BUSY, steps=())
            self.history.refuse_repair(refused)
            return self.history.outcome(proposal_id)
        if isinstance(begun, NotBegun):
            log.info("repair not begun", extra={"proposal": proposal_id, "reason": begun.value})
            return None
        with self.holder.hold(begun, asked_at) as holding, self._settled_if_it_fails(holding, told):
            return self._run(holding, told)

    def _run(self, holding: Holding, told: OnStep) -> Outcome | None:
        lease = holding.lease
        try:
            proposal = until_recorded(lambda: self.history.proposal(lease.proposal_id), self.sleep)
            approved = self.gate.approved_plan(proposal)
            target = self.targets[approved.plan.cluster]
            self._check_binding(approved.plan, target)
        except HistoryUnavailable:
            raise
        except DnsBotError as error:
            return self.concluder.finish(lease, Result.REFUSED, f"Nothing was written. {redact(str(error))}")
        log.info("repair begins", extra={"proposal": lease.proposal_id, "cluster": approved.plan.cluster})
        return self._apply(approved, Turn(holding=holding, target=target, told=told))

    def _apply(self, approved: ApprovedPlan, turn: Turn) -> Outcome | None:
        lease, target = turn.holding.lease, turn.target
        asked = until_recorded(lambda: self.concluder.question(approved.plan), self.sleep)
        verifier = self.concluder.verifier
        applied = self.applier.apply(
            approved,
            turn,
            lookups_answer=lambda: verifier.lookups_answer(approved.plan, asked, approved.requested_by),
        )
        if applied.stopped and not applied.unsettled and not turn.holding.lost:
            return self.concluder.stopped(lease, approved, target, applied)
        if applied.unsettled or turn.holding.why_stop():
            turn.holding.end()
            self.history.release(lease)  # what is left is settled, and verified, by whichever process is there
            return None
        return self.concluder.verified(lease, approved, target)

    @contextmanager
    def _settled_if_it_fails(self, holding: Holding, told: OnStep) -> Iterator[None]:
        """Whatever goes wrong within: the repair is settled now, or, with the database down, once its lease ran out."""
        why = OWN_FAULT
        try:
            yield
            why = ""
        except HistoryUnavailable:
            why = DATABASE_AWAY
            raise
        finally:
            if why:
                with suppress(HistoryUnavailable, Refused):
                    self.settler.settle(holding, told, why)

    def _check_binding(self, plan: FixPlan, target: ClusterTarget) -> None:
        now = self.read_binding(target)
        if now != plan.binding:
            raise Refused(
                f"{plan.cluster} now leads to another cluster than the plan was made for: {now.cluster_arn} "
                f"(kube-system {now.kube_system_uid}), not {plan.binding.cluster_arn} "
                f"(kube-system {plan.binding.kube_system_uid}). Diagnose again."
            )
