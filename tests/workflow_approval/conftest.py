"""A world in memory with a door that can be open or shut, a fix for it, and the use cases in front of it all."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from bot.domain.approvals import ApprovalPolicy, Decided, Outcome, Proposal
from bot.domain.askers import AskerPolicy
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis, Progress
from bot.domain.evidence import Collected, Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.history import Press
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.people import Person, Standing
from bot.domain.places import HOME, Place
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, When, WriterKind, Writing
from bot.domain.playbooks import FindingUse, FixUse, Gather, Playbook
from bot.domain.ports import Sources, Writers
from bot.errors import EvidenceUnavailable, HistoryUnavailable, Refused
from bot.history import SqlHistory
from bot.workflow.apply import Applier
from bot.workflow.approve import Gate
from bot.workflow.conclude import Concluder
from bot.workflow.end_changes import Ender
from bot.workflow.holding import Holder
from bot.workflow.may_ask import Door
from bot.workflow.propose import Proposer
from bot.workflow.repair import Repairer
from bot.workflow.run_step import OnStep, StepRunner
from bot.workflow.settle import Settler
from bot.workflow.undo import UndoVerifier
from bot.workflow.use_cases import UseCases
from bot.workflow.verify import Verifier
from tests.emptied_history import EmptiedHistory
from tests.workflow_approval.breaking import approve_both_doors

BINDING = Binding(
    account="123456789012", cluster_arn="arn:aws:eks:eu-west-1:123456789012:cluster/p", kube_system_uid="u1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Evidence: which doors are open."""

    open: tuple[tuple[str, bool], ...]


@dataclass
class World:
    """The state that fixes change and diagnoses see."""

    doors: dict[str, bool] = field(default_factory=lambda: {"front": False})
    writes: list[str] = field(default_factory=list)
    reads: int = 0
    on_write: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Called when this door is written, before the effect; may raise."""
    on_read: Callable[[str], None] = lambda _: None
    heals: bool = True
    """Whether open doors make the cluster healthy."""
    lookups: bool | None = True
    """What lookups say once the front door is open."""
    symptom: str = "dns_lookups_fail"
    """The rule that judges them."""
    selector: bool = True
    """Whether there are pods to look from; without them lookups say nothing."""
    binding: Binding | None = BINDING
    unseen: bool = False
    """Diagnoses cannot see the doors."""
    waits_for: str = ""
    """Once the front door is open: what the rule about doors waits for."""
    explains: bool = True
    """Whether failing lookups follow from the doors then."""
    asked: list[Question] = field(default_factory=list)

    def read(self, step: Step, reading: Reading) -> JsonValue:
        del reading
        self.reads += 1
        door = str(step.parameters["door"])
        self.on_read(door)
        return {"open": self.doors[door]}

    def apply(self, step: Step, writing: Writing) -> JsonObject:
        assert writing.plan_id
        door = str(step.parameters["door"])
        self.on_write.get(door, lambda: None)()
        self.doors[door] = step.action == "open"
        self.writes.append(f"{step.action} {door}")
        return {"id": f"change-{len(self.writes)}", "was": not self.doors[door]}

    def inverse(self, step: Step, effects: JsonObject) -> Step | None:
        if "id" not in effects:
            return None
        action = "shut" if step.action == "open" else "open"
        parameters = {**step.parameters, "takes_back": effects["id"]}
        return replace(step, action=action, parameters=parameters, before={"open": step.action == "open"})

    def plan(self, case: PlanCase) -> Planned | Advice:
        shut = [door for door, is_open in case.need(Doors).open if not is_open]
        return Planned(steps=tuple(step_for(door, case.plan_id) for door in shut), blast_radius=f"{len(shut)} doors")

    def fix(self, name: str, **changes: Any) -> Fix:
        values: dict[str, Any] = {"plan": self.plan, "title": f"Fix: {name}", "does": "Opens doors.", "needs": (Doors,)}
        functions = {"read": self.read, "apply": self.apply, "inverse": self.inverse}
        return Fix(name=name, permissions=(), **functions, **{**values, **changes})  # type: ignore[arg-type]

    def diagnose(
        self, question: Question, asked_by: Person | None, progress: Callable[[Progress], None] | None
    ) -> Diagnosis:
        del progress
        self.asked.append(question)
        well = all(self.doors.values()) and self.heals
        seen = Verdict.UNKNOWN if self.unseen else (Verdict.HEALTHY if well else Verdict.PROBLEM)
        answer = self.lookups if self.doors["front"] else False
        door, symptom = finding_for("door_shut", seen), self.symptom_finding(answer if self.selector else None)
        if self.waits_for and self.doors["front"]:
            judgement = replace(door.judgement, waits_for=self.waits_for, proof=("hq: Oil the hinges.",))
            door = replace(door, judgement=judgement)
            symptom = replace(symptom, explained_by=("door_shut",) if self.explains else ())
        return diagnosis_with(
            [door, symptom],
            target=TARGETS[question.cluster],
            question=question,
            asked_by=asked_by,
            binding=self.binding,
            lookups_all_answer=answer,
            evidence=(collected("doors", Doors(open=tuple(self.doors.items()))),),
        )

    def symptom_finding(self, answer: bool | None) -> Finding:  # noqa: FBT001  # three values
        verdict = {True: Verdict.HEALTHY, False: Verdict.PROBLEM, None: Verdict.UNKNOWN}[answer]
        gap = Gap(what="pods", reason="could not look", setting="" if self.selector else "workload_selector")
        missing = (gap,) if answer is None else ()
        judgement = Judgement(verdict=verdict, summary="", missing=missing)
        return finding_for(self.symptom, verdict, kind=Kind.SYMPTOM, judgement=judgement)


def step_for(
    door: str,
    plan_id: str,
    writer: WriterKind = WriterKind.AWS,
    fix: str = "open_door",
    place: Place = HOME,
) -> Step:
    return Step(
        fix=fix,
        action="open",
        target=f"door {door}",
        parameters={"door": door, "tag": plan_id},
        before={"open": False},
        diff=(f"+ {door} open",),
        undo="Shut it.",
        command=f"aws door open --name {door} --tag {plan_id}",
        writer=writer,
        place=place,
    )


def finding_for(rule: str, verdict: Verdict, **changes: Any) -> Finding:
    missing = (Gap(what=rule, reason="could not look"),) if verdict is Verdict.UNKNOWN else ()
    values: dict[str, Any] = {
        "title": rule,
        "kind": Kind.CAUSE,
        "playbook": "doors",
        "severity": Severity.CRITICAL,
        "evidence": ("doors",),
        "judgement": Judgement(verdict=verdict, summary=f"{rule}: {verdict}", missing=missing),
    }
    return Finding(rule=rule, **{**values, **changes})


def collected(name: str, value: object, *, gap: Gap | None = None) -> Collected:
    return Collected(
        id=name,
        collector=name.partition("#")[0],
        parameters={},
        value=value,
        gap=gap,
        calls=(),
        collected_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        took_ms=1,
        summary="",
    )


def diagnosis_with(findings: Collection[Finding], **changes: Any) -> Diagnosis:
    values: dict[str, Any] = {
        "id": uuid4().hex,
        "question": Question(cluster="cluster-prod"),
        "target": TARGETS["cluster-prod"],
        "asked_by": Person(team_id="T01", user_id="U01"),
        "started_at": datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        "took_ms": 5,
        "evidence": (collected("doors", Doors(open=(("front", False),))),),
        "findings": tuple(findings),
        "binding": BINDING,
        "looked_from": "looked from 2 of 2 nodes",
        "lookups_all_answer": False,
    }
    return Diagnosis(**{**values, **changes})


@dataclass
class FakeDirectory:
    """Slack's people, as far as the gate asks."""

    standings: dict[str, Standing] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=lambda: {"S01": frozenset({"U02", "U03", "U05", "U06"})})
    down: bool = False
    groups_down: bool = False

    def standing(self, person: Person) -> Standing:
        if self.down:
            raise Refused("Slack could not say who this is (users.info: ratelimited). Try again later.")
        return self.standings[person.user_id]

    def channel_members(self, channel: str, *, at_most: int) -> frozenset[str]:
        """Return nobody."""
        del channel, at_most
        return frozenset()

    def group_members(self, group_ids: Collection[str]) -> frozenset[str]:
        if self.groups_down:
            raise EvidenceUnavailable("usergroups.users.list: time-out")
        return frozenset().union(*(self.groups[group] for group in group_ids))


def _standing(user_id: str, name: str, **changes: Any) -> Standing:
    values: dict[str, Any] = {
        "person": Person(team_id="T01", user_id=user_id),
        "name": name,
        "home_team_id": "T01",
        "is_bot": False,
        "is_guest": False,
        "is_deactivated": False,
        "is_stranger": False,
    }
    return Standing(**{**values, **changes})


@dataclass
class SwitchableHistory:
    """The real history behind a switch: down, every call fails as the database would."""

    real: SqlHistory
    down: bool = False
    fails: dict[str, int] = field(default_factory=dict)
    """How many further calls of this method fail."""
    calls: list[str] = field(default_factory=list)
    around: Callable[[str, Callable[[], Any]], Any] = lambda _, call: call()
    """Carries a call out, or does not."""

    def __getattr__(self, name: str) -> Any:
        """Return the real method, behind the switch."""
        method = getattr(self.real, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.down or self.fails.get(name, 0) > 0:
                self.fails[name] = self.fails.get(name, 0) - 1
                raise HistoryUnavailable("The history database did not do what was asked: connection refused.")
            return self.around(name, lambda: method(*arguments, **named))

        return call


TARGETS = {
    "cluster-prod": ClusterTarget(
        name="cluster-prod",
        eks_name="cluster-prod",
        region="eu-west-1",
        environment="production",
        workload_selector="app=shop",
        aws_writer=True,
        kubernetes_writer=True,
    ),
    "cluster-test": ClusterTarget(name="cluster-test", eks_name="t", region="eu-west-1", aws_writer=True),
    "cluster-read": ClusterTarget(name="cluster-read", eks_name="r", region="eu-west-1", environment="production"),
}

POLICIES = {
    "production": ApprovalPolicy(environment="production", users=("U01", "U09"), user_groups=("S01",)),
    "default": ApprovalPolicy(environment="default", requester_may_approve=True, users=("U01", "U02")),
}


def playbook(name: str, rule: str, *fixes: FixUse) -> Playbook:
    use = FindingUse(rule=rule, severity=Severity.CRITICAL, thresholds=None, fixes=fixes)
    gather = (Gather(collector="doors", parameters=None),)
    return Playbook(name=name, title=name, purpose="", commands=("diagnose",), gather=gather, findings=(use,))


def use_of(
    fix: str,
    *then: FixUse,
    risk: str = "low",
    verify: tuple[str, ...] = ("door_shut",),
    when: When = When.AT_ONCE,
) -> FixUse:
    return FixUse(fix=fix, parameters=None, risk=risk, then=then, verify_rules=verify, when=when)


_PARTS: dict[str, type[Any]] = {
    "gate": Gate,
    "door": Door,
    "proposer": Proposer,
    "runner": StepRunner,
    "applier": Applier,
    "verifier": Verifier,
    "undo_verifier": UndoVerifier,
    "concluder": Concluder,
    "settler": Settler,
    "repairer": Repairer,
    "ender": Ender,
}
"""In the order in which they need one another."""


@dataclass
class Setting:
    """Everything around one bot."""

    world: World
    directory: FakeDirectory
    history: SwitchableHistory
    fixes: dict[str, Fix]
    policies: dict[str, ApprovalPolicy]
    targets: dict[str, ClusterTarget]
    slept: list[float]
    playbooks: dict[str, Playbook]

    def use(self, **changes: Any) -> UseCases:
        """What people can ask for, as the setting is now; a second one is a restarted process.

        `changes` go to the parts that have such a field: `team_id`, `limit_seconds`, `make_id` …
        For AWS' reader and writer at a place stands the place itself.
        """
        ends = SimpleNamespace(cluster=lambda _: object(), aws=lambda _, place: place, pods=lambda _: object())
        values: dict[str, Any] = {
            "targets": self.targets,
            "playbooks": self.playbooks,
            "fixes": self.fixes,
            "evidence_classes": {"doors": Doors},
            "symptoms": ("dns_lookups_fail",),
            "policies": self.policies,
            "history": self.history,
            "directory": self.directory,
            "team_id": "T01",
            "run_diagnosis": self.world.diagnose,
            "open_sources": lambda _: cast("Sources", ends),
            "open_writers": lambda _target, _plan_id: cast("Writers", ends),
            "read_binding": self._binding,
            "sleep": self.slept.append,
            "clock": lambda: sum(self.slept),
            "holder": self.holder(),
            "policy": AskerPolicy(),
            **changes,
        }
        for name, kind in _PARTS.items():
            values[name] = kind(**{one.name: values[one.name] for one in fields(kind) if one.name in values})
        return UseCases(**{one.name: values[one.name] for one in fields(UseCases) if one.name in values})

    def holder(self, owner: str = "this", *, stopping: Callable[[], bool] = lambda: False) -> Holder:
        """What holds repairs for one process."""
        history: Any = self.history
        return Holder(history=history, owner=owner, clock=time.monotonic, stopping=stopping)

    def repair(self, proposal_id: str, told: OnStep = lambda _: None, **changes: Any) -> Outcome:
        """Run an approved plan to its outcome; nobody is told of its steps unless the test wants to be."""
        outcome = self.use(**changes).repairer.run(proposal_id, told)
        assert outcome is not None
        return outcome

    def settle(self, **changes: Any) -> list[Outcome | None]:
        """Do what is due as another process, after the leases of this one ran out."""
        with self.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")
        use = self.use(**{"holder": self.holder("another"), **changes})
        return [
            use.settler.run(job.ids["proposal_id"], lambda _: None)
            for job in self.history.due()
            if job.kind == "settle"
        ]

    def decide(self, **press: Any) -> Decided:
        """Press a button of a plan."""
        return self.use().gate.decide(Press(**press))

    def _binding(self, target: ClusterTarget) -> Binding:
        del target
        if self.world.binding is None:
            raise EvidenceUnavailable("eks:DescribeCluster was refused", grant="eks:DescribeCluster")
        return self.world.binding


@pytest.fixture
def setting(kept_history: EmptiedHistory) -> Setting:
    """A shut front door, people of every kind, a policy, an empty history."""
    return setting_of(World(), kept_history.emptied({"doors": Doors}))


def people() -> dict[str, Standing]:
    """People of every kind, by user id."""
    return {
        "U01": _standing("U01", "ana"),
        "U02": _standing("U02", "ben"),
        "U03": _standing("U03", "chloe"),
        "U04": _standing("U04", "dan"),
        "U05": _standing("U05", "guest", is_guest=True),
        "U06": _standing("U06", "robot", is_bot=True),
        "U07": _standing("U07", "gone", is_deactivated=True),
        "U08": _standing("U08", "foreign", home_team_id="T99", is_stranger=True),
        "U09": _standing("U09", "named"),
    }


def setting_of(world: World, real: SqlHistory) -> Setting:
    """Everything around a bot that works on this world and this history."""
    return Setting(
        world=world,
        directory=FakeDirectory(standings=people()),
        history=SwitchableHistory(real),
        fixes={"open_door": world.fix("open_door")},
        policies=dict(POLICIES),
        targets=dict(TARGETS),
        slept=[],
        playbooks={
            "doors": playbook("doors", "door_shut", use_of("open_door")),
            "lookups": playbook("lookups", "dns_lookups_fail"),
            "other": playbook("other", "window_shut"),
        },
    )


@dataclass(frozen=True)
class Kit:
    """Makers of values, for tests."""

    step_for: Callable[..., Step] = step_for
    finding_for: Callable[..., Finding] = finding_for
    diagnosis_with: Callable[..., Diagnosis] = diagnosis_with
    collected: Callable[..., Collected] = collected
    use_of: Callable[..., FixUse] = use_of
    playbook: Callable[..., Playbook] = playbook
    doors: type[Doors] = Doors
    binding: Binding = BINDING
    soon: timedelta = timedelta(milliseconds=40)


@pytest.fixture
def kit() -> Kit:
    """Makers of steps, findings, diagnoses and playbooks."""
    return Kit()


@pytest.fixture
def approved(setting: Setting, kit: Kit) -> Proposal:
    """An approved plan with two steps."""
    return approve_both_doors(setting, kit)
