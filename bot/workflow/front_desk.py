"""`FrontDesk`: the use cases of `bot.workflow.desk.Desk`, on the parts that do the work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bot.domain.approvals import ApprovalPolicy, Choice, MessageRef, Outcome, Proposal, StepRecord
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.history import Entry, History, Press
from bot.domain.people import Directory, Person
from bot.domain.plans import Fix
from bot.domain.playbooks import Playbook
from bot.domain.ports import Sources, Writers
from bot.errors import HistoryUnavailable, Refused
from bot.workflow.apply import Applier
from bot.workflow.approve import Gate
from bot.workflow.desk import Decided, HistoryLine, Progress, Proposed
from bot.workflow.interrupted import interrupt_stranded
from bot.workflow.propose import Proposer
from bot.workflow.repair import Repairer
from bot.workflow.undo import UndoVerifier
from bot.workflow.verify import RunDiagnosis, Verifier

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDesk:
    """See `bot.workflow.desk.Desk`. Every argument is handed in by the composition root."""

    targets: Mapping[str, ClusterTarget]
    loaded: Mapping[str, Playbook]
    """The playbooks by name."""
    fixes: Mapping[str, Fix]
    evidence_classes: Mapping[str, type]
    """The evidence class of each collector, by the collector's name."""
    policies: Mapping[str, ApprovalPolicy]
    store: History
    directory: Directory
    team_id: str
    """Our own workspace; empty (no Slack): nobody can approve."""
    run_diagnosis: RunDiagnosis
    open_sources: Callable[[ClusterTarget], Sources]
    open_writers: Callable[[ClusterTarget, str], Writers]
    """Takes the plan's id, too: the writer's session bears it."""
    read_binding: Callable[[ClusterTarget], Binding]
    """Which cluster this is now. Raises `EvidenceUnavailable` or `ClusterMismatch`."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    lookups_limit_seconds: float = 60.0
    """How long look-ups are repeated after a fix until they answer."""
    lookups_pause_seconds: float = 3.0
    _gate: Gate = field(init=False)
    _proposer: Proposer = field(init=False)
    _repairer: Repairer = field(init=False)

    def __post_init__(self) -> None:
        """Put the parts together."""
        gate = Gate(
            history=self.store,
            directory=self.directory,
            team_id=self.team_id,
            policies=self.policies,
            targets=self.targets,
        )
        proposer = Proposer(
            history=self.store,
            playbooks=self.loaded,
            fixes=self.fixes,
            evidence_classes=self.evidence_classes,
            policies=self.policies,
        )
        object.__setattr__(self, "_gate", gate)
        object.__setattr__(self, "_proposer", proposer)
        object.__setattr__(self, "_repairer", self._make_repairer(gate, proposer))

    def _make_repairer(self, gate: Gate, proposer: Proposer) -> Repairer:
        return Repairer(
            history=self.store,
            gate=gate,
            applier=Applier(
                history=self.store,
                fixes=self.fixes,
                open_sources=self.open_sources,
                open_writers=self.open_writers,
                sleep=self.sleep,
            ),
            verifier=Verifier(
                run_diagnosis=self.run_diagnosis,
                playbooks=self.loaded,
                sleep=self.sleep,
                clock=self.clock,
                limit_seconds=self.lookups_limit_seconds,
                pause_seconds=self.lookups_pause_seconds,
            ),
            undo_verifier=UndoVerifier(fixes=self.fixes, open_sources=self.open_sources),
            proposer=proposer,
            fixes=self.fixes,
            targets=self.targets,
            read_binding=self.read_binding,
            sleep=self.sleep,
        )

    def clusters(self) -> Mapping[str, ClusterTarget]:
        """See `Desk.clusters`."""
        return self.targets

    def playbooks(self) -> Mapping[str, Playbook]:
        """See `Desk.playbooks`."""
        return self.loaded

    def diagnose(
        self,
        question: Question,
        *,
        asked_by: Person | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Diagnosis:
        """See `Desk.diagnose`; where the database is down `Diagnosis.unrecorded` says so."""
        diagnosis = self.run_diagnosis(question, asked_by, progress)
        try:
            self.store.record(diagnosis)
        except HistoryUnavailable as error:
            log.warning("diagnosis is not recorded", extra={"diagnosis": diagnosis.id, "reason": str(error)})
            return replace(diagnosis, unrecorded=str(error))
        return diagnosis

    def propose(self, diagnosis: Diagnosis) -> Proposed:
        """See `Desk.propose`."""
        return self._proposer.propose(diagnosis)

    def reported(self, proposal_id: str, report_url: str) -> None:
        """See `Desk.reported`."""
        self.store.reported(proposal_id, report_url)

    def posted(self, proposal_id: str, message: MessageRef) -> None:
        """See `Desk.posted`."""
        self.store.posted(proposal_id, message)

    def proposal(self, proposal_id: str) -> Proposal:
        """See `Desk.proposal`."""
        found = self.store.proposal(proposal_id)
        if found is None:
            raise Refused(f"There is no plan {proposal_id[:64]} in the history. Diagnose again.")
        return found

    def decide(self, *, proposal_id: str, plan_hash: str, person: Person, choice: Choice, reason: str = "") -> Decided:
        """See `Desk.decide`."""
        press = Press(proposal_id=proposal_id, plan_hash=plan_hash, person=person, choice=choice, reason=reason)
        return self._gate.decide(press)

    def repair(self, proposal_id: str, *, told: Callable[[StepRecord], None] | None = None) -> Outcome:
        """See `Desk.repair`. `told` must not raise: a chat that is down is no reason to stop half-way."""
        return self._repairer.repair(proposal_id, told or _nobody_is_told)

    def expire(self) -> tuple[Proposal, ...]:
        """See `Desk.expire`; a proposal that a newer one replaced is among them."""
        return self.store.expire()

    def interrupted(self) -> tuple[Proposal, ...]:
        """See `Desk.interrupted`."""
        return interrupt_stranded(self.store)

    def history(self, cluster: str = "", *, limit: int = 20) -> tuple[HistoryLine, ...]:
        """See `Desk.history`."""
        return tuple(_line(entry) for entry in self.store.recent(cluster, limit=limit))

    def once(self, key: str) -> bool:
        """See `Desk.once`."""
        return self.store.once(key)


def _nobody_is_told(record: StepRecord) -> None:
    del record


def _line(entry: Entry) -> HistoryLine:
    return HistoryLine(
        diagnosis_id=entry.diagnosis_id,
        cluster=entry.cluster,
        asked_by=str(entry.asked_by) if entry.asked_by else "",
        started_at=f"{entry.started_at:%Y-%m-%dT%H:%M:%SZ}",
        verdict=entry.verdict.value,
        root_causes=entry.root_causes,
        proposals=entry.proposals,
        outcomes=entry.outcomes,
    )
