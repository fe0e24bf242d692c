"""What stands behind Slack in these tests: the real gate, proposer and history, a scripted diagnosis and repair."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from bot.dns.coredns_growth import DnsHealth
from bot.domain.approvals import ApprovalPolicy, Outcome, ProposalState, Result, StepRecord, StepState
from bot.domain.askers import AskerPolicy
from bot.domain.changes import ChangePolicy
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis, Progress
from bot.domain.digests import DigestSchedule
from bot.domain.findings import Severity
from bot.domain.history import Lease, NotBegun
from bot.domain.people import Directory, Person
from bot.domain.plans import Fix, FixPlan, PlanCase, Planned, Step
from bot.domain.playbooks import FindingUse, FixUse, Playbook
from bot.errors import ConfigurationError, HistoryUnavailable
from bot.history import SqlHistory
from bot.history.health import SqlHealth
from bot.history.subscriptions import SqlSubscriptions
from bot.history.watches import SqlWatches
from bot.workflow.approve import Gate
from bot.workflow.conclude import Concluder
from bot.workflow.digest import Digester
from bot.workflow.end_changes import Ender
from bot.workflow.holding import Holder
from bot.workflow.light_rounds import LightRounds
from bot.workflow.may_ask import Door
from bot.workflow.propose import Proposer
from bot.workflow.run_step import OnStep, StepRunner
from bot.workflow.settle import Settler
from bot.workflow.undo import UndoVerifier
from bot.workflow.use_cases import UseCases
from bot.workflow.verify import Verifier
from bot.workflow.watch import Watcher
from tests.slack.samples import TARGET, sample_diagnosis, sample_plan

FIX = "authorize_security_group_self_ingress"
RULE = "dns_blocked_by_security_group"


@dataclass
class SwitchableHistory:
    """The real history behind a switch: while it is down, every call fails as the database would."""

    real: SqlHistory
    down: str = ""
    forgets_cards: bool = False
    """Where a card stands cannot be remembered."""
    keys: list[str] = field(default_factory=list)
    """The deliveries that were served, in order."""

    def __getattr__(self, name: str) -> Any:
        """Return the real method, behind the switch."""
        method = getattr(self.real, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if self.down or (self.forgets_cards and name == "sent" and arguments[0].startswith("card:")):
                raise HistoryUnavailable(self.down or "the database did not answer")
            if name == "once":
                self.keys.append(arguments[0])
            return method(*arguments, **named)

        return call


@dataclass
class Script:
    """What a diagnosis finds, what is proposed, and how a repair ends; and what was asked for."""

    history: SwitchableHistory
    make: Callable[..., Diagnosis] = sample_diagnosis
    plan: FixPlan = field(default_factory=sample_plan)
    """What is proposed; ids aside."""
    progress: tuple[Progress, ...] = ()
    hold: threading.Event | None = None
    result: Result = Result.VERIFIED
    summary: str = "All lookups answer."
    inverse: Step | None = None
    """What takes a step back, where somebody asks for that."""
    undo: FixPlan | None = None
    """The plan that takes the repair back, offered where it ends."""
    alternatives: tuple[FixPlan, ...] = ()
    """What may be approved instead of the plan."""
    undo_id: str = ""
    """Its id, where the history lost the plan."""
    repair_error: Exception | None = None
    before_the_end: Callable[[], None] = lambda: None
    """Called when the first step has been started."""
    policies: dict[str, ApprovalPolicy] = field(
        default_factory=lambda: {
            "production": ApprovalPolicy(environment="production", users=("U03",), user_groups=("S01",))
        }
    )
    targets: dict[str, ClusterTarget] = field(
        default_factory=lambda: {"cluster-prod": TARGET, "cluster-staging": replace(TARGET, name="cluster-staging")}
    )
    askers: AskerPolicy = field(default_factory=AskerPolicy)
    digests: tuple[DigestSchedule, ...] = ()
    changes: dict[str, ChangePolicy] = field(default_factory=dict)
    healths: dict[str, DnsHealth | Exception] = field(default_factory=dict)
    """What a light round sees of each cluster."""
    muted: frozenset[str] = frozenset()
    """Rules whose problems are muted."""
    diagnosed: list[Question] = field(default_factory=list)
    asked: list[Person | None] = field(default_factory=list)
    late: list[Callable[[Progress], None] | None] = field(default_factory=list)
    """Whom the diagnoses told of their progress."""
    repaired: list[str] = field(default_factory=list)
    proposer: Proposer = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def use_cases(self, directory: Directory) -> UseCases:
        """Return what Slack calls, around this script."""
        others = tuple(
            FixUse(
                fix=FIX,
                parameters=index,
                risk=plan.risk,
                verify_rules=(RULE,),
                title=plan.title,
                speaks_for=plan.speaks_for,
            )
            for index, plan in enumerate(self.alternatives)
        )
        use = FixUse(
            fix=FIX,
            parameters=None,
            risk="medium",
            verify_rules=(RULE,),
            speaks_for="It is the narrowest." if others else "",
            alternatives=others,
        )
        playbook = Playbook(
            name="security-groups",
            title="Security groups",
            purpose="",
            commands=("diagnose",),
            gather=(),
            findings=(
                FindingUse(rule=RULE, severity=Severity.CRITICAL, thresholds=None, fixes=(use,), measures=(use,)),
            ),
        )
        playbooks = {"security-groups": playbook, "coredns": replace(playbook, name="coredns", findings=())}
        ids = itertools.count(1)
        history: Any = self.history
        self.proposer = Proposer(
            history=history,
            playbooks=playbooks,
            fixes={FIX: self._fix()},
            evidence_classes={},
            policies=self.policies,
            symptoms=(),
            make_id=lambda: f"p-{next(ids)}",
        )
        gate = Gate(
            history=history,
            directory=directory,
            team_id="T01",
            policies=self.policies,
            targets=self.targets,
            changes=self.changes,
        )
        return UseCases(
            targets=self.targets,
            playbooks=playbooks,
            run_diagnosis=self.run_diagnosis,
            proposer=self.proposer,
            gate=gate,
            door=Door(directory=directory, team_id="T01", policy=self.askers),
            repairer=self,
            settler=self._settler(gate, playbooks),
            ender=self._ender(gate),
            history=history,
            digester=Digester(
                rounds=LightRounds(targets=self.targets, look=self.look, store=self.health, owner="this"),
                store=self.health,
                diagnose=self.diagnose_for_digest,
            ),
            watcher=Watcher(
                targets=self.targets,
                store=SqlWatches(database=self.history.real.database),
                history=history,
                run_diagnosis=self.run_diagnosis,
                muted=lambda _: self.muted,
                owner="this",
            ),
            subscriptions=SqlSubscriptions(database=self.history.real.database),
            digests=self.digests,
        )

    @property
    def health(self) -> SqlHealth:
        """What is kept of measurements and slots."""
        return SqlHealth(database=self.history.real.database)

    def look(self, target: ClusterTarget) -> DnsHealth:
        """Return how DNS of a cluster is, as scripted."""
        found = self.healths[target.name]
        if isinstance(found, Exception):
            raise found
        return found

    def diagnose_for_digest(self, question: Question) -> Diagnosis:
        """Diagnose as scripted, and record it."""
        found = self.run_diagnosis(question, None, None)
        diagnosis = replace(found, id=f"d-{len(self.diagnosed)}", started_at=self.health.now())
        self.history.record(diagnosis)
        return diagnosis

    def let_leases_run_out(self) -> None:
        """Let the time pass that makes a repair another process's to settle."""
        with self.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")

    def let_a_minute_pass(self) -> None:
        """Let the time pass after which what Slack did not take is sent again."""
        with self.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE notes SET send_at = NULL")
            connection.exec_driver_sql("UPDATE queues SET paused_until = NULL")

    def let_changes_end(self) -> None:
        """Let the time pass for which changes were approved."""
        with self.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE endings SET due_at = '2026-01-01 00:00:00.000000'")

    def _holder(self, gate: Gate) -> Holder:
        return Holder(history=gate.history, owner="another", clock=time.monotonic, stopping=lambda: False)

    def _runner(self, gate: Gate) -> StepRunner:
        return StepRunner(
            history=gate.history,
            fixes={FIX: self._fix()},
            open_sources=_ends,
            open_writers=_ends,
            sleep=time.sleep,
            clock=time.monotonic,
        )

    def _ender(self, gate: Gate) -> Ender:
        return Ender(
            history=gate.history,
            holder=self._holder(gate),
            runner=self._runner(gate),
            fixes={FIX: self._fix()},
            targets=self.targets,
        )

    def _settler(self, gate: Gate, playbooks: dict[str, Playbook]) -> Settler:
        fixes = {FIX: self._fix()}
        return Settler(
            history=gate.history,
            holder=self._holder(gate),
            gate=gate,
            runner=self._runner(gate),
            concluder=Concluder(
                history=gate.history,
                verifier=Verifier(
                    run_diagnosis=self.run_diagnosis, playbooks=playbooks, sleep=time.sleep, clock=time.monotonic
                ),
                undo_verifier=UndoVerifier(fixes=fixes, open_sources=_ends),
                proposer=self.proposer,
                fixes=fixes,
                sleep=time.sleep,
            ),
            targets=self.targets,
        )

    def _fix(self) -> Fix:
        return Fix(
            name=FIX,
            title=sample_plan().title,
            does="Adds a rule.",
            plan=self._planned,
            read=lambda step, _: step.before,
            apply=lambda _step, _writing: {},
            inverse=lambda _step, _effects: self.inverse,
            permissions=(),
        )

    def _planned(self, case: PlanCase) -> Planned:
        plan = self.plan if case.parameters is None else self.alternatives[case.parameters]
        return Planned(steps=plan.steps, blast_radius=plan.blast_radius)

    def run_diagnosis(
        self, question: Question, asked_by: Person | None, progress: Callable[[Progress], None] | None
    ) -> Diagnosis:
        """Report the scripted progress, wait where told so, and answer."""
        with self._lock:
            self.diagnosed.append(question)
            self.asked.append(asked_by)
            self.late.append(progress)
        for state in self.progress:
            if progress is not None:
                progress(state)
        if self.hold is not None:
            self.hold.wait(120)
        if question.cluster == "cluster-staging":
            message = "cluster-staging: its kubeconfig cannot be read"
            raise ConfigurationError(message)
        return self.make(question, asked_by)

    def run(self, proposal_id: str, told: OnStep) -> Outcome | None:
        """Begin in the history, tell one step, and end as scripted."""
        self.repaired.append(proposal_id)
        lease = self.history.begin(proposal_id, "this")
        if isinstance(lease, NotBegun):
            return None
        told(self._line(lease, StepState.STARTED))
        self.before_the_end()
        if self.repair_error is not None:
            raise self.repair_error
        told(self._line(lease, StepState.DONE, note="created sgr-9"))
        outcome = Outcome(
            proposal_id=proposal_id,
            result=self.result,
            summary=self.summary,
            steps=(),
            inverse_proposal_id=self._offer_undo() or self.undo_id,
        )
        ended: Outcome = self.history.finish(lease, outcome, ProposalState.DONE)
        return ended

    def _line(self, lease: Lease, state: StepState, note: str = "") -> StepRecord:
        line: StepRecord = self.history.journal(
            lease, index=0, state=state, note=note, ends_after_seconds=self.plan.steps[0].ends_after_seconds
        )
        return line

    def _offer_undo(self) -> str:
        if self.undo is None:
            return ""
        return self.proposer.offer((self.undo,), TARGET, Person(team_id="T01", user_id="U01")).id


def _ends(*_: object) -> Any:
    return SimpleNamespace(cluster=lambda _: object(), aws=lambda _deadline, _place: object())
