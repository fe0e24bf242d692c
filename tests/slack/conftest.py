"""A bot on a desk that answers from memory, in front of the local Slack, over real signed HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.collectors.lookups import Lookups
from bot.domain.approvals import (
    ApprovalPolicy,
    Choice,
    Decision,
    MessageRef,
    Outcome,
    Proposal,
    ProposalState,
    Result,
    StepRecord,
    StepState,
)
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import Answer, Cell, Finding, Judgement, Kind, Protocol, Severity, Verdict
from bot.domain.jobs import Lane
from bot.domain.people import Person
from bot.domain.plans import Advice, FixPlan, Step, WriterKind
from bot.errors import ConfigurationError, Refused
from bot.jobs.in_process import InProcessJobs
from bot.sandbox.slack import Clicked, Seen, SlackFarEnd, as_text
from bot.slack.app import SlackBot, build_app
from bot.slack.connection import SlackConnection, SlackSettings, connect
from bot.slack.http_server import HttpServer, serve_http
from bot.workflow.desk import Decided, HistoryLine, NotOffered, Progress, Proposed

TEMPLATES = Path(__file__).parents[2] / "templates"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TARGET = ClusterTarget(
    name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", environment="production", channel="C0123456789"
)
APPROVERS = frozenset({"U02", "U03"})


def finding(rule: str, verdict: Verdict, summary: str, **more: Any) -> Finding:
    """Return a finding; further keywords go to the judgement, `kind`, `explained_by` and `playbook` to the finding."""
    placed = {key: more.pop(key) for key in ("explains", "explained_by", "evidence") if key in more}
    return Finding(
        rule=rule,
        title=more.pop("title", rule.replace("_", " ").capitalize()),
        kind=more.pop("kind", Kind.CAUSE),
        playbook=more.pop("playbook", "security-groups"),
        severity=more.pop("severity", Severity.CRITICAL),
        judgement=Judgement(verdict=verdict, summary=summary, **more),
        **placed,
    )


def cell(node: str, protocol: Protocol, answer: Answer, *, service: bool = True, external: bool = False) -> Cell:
    """Return one look-up."""
    return Cell(
        node=node,
        pod="shop/web",
        server="172.20.0.10" if service else "10.0.1.7",
        through_service=service,
        protocol=protocol,
        external=external,
        name="example.com." if external else "kubernetes.default.svc.cluster.local.",
        answer=answer,
    )


def sample_diagnosis(question: Question, asked_by: Person | None, **changes: Any) -> Diagnosis:
    """Return the security-group story: one cause, one symptom, one healthy and one unknown check."""
    blocked = finding(
        "dns_blocked_by_security_group",
        Verdict.PROBLEM,
        "sg-0abc lets udp/53 in from nobody; pods on 2 of 3 nodes cannot ask CoreDNS.",
        title="DNS is blocked by a security group",
        proof=("sg-0abc: no inbound rule covers udp/53 from sg-0abc", "sgr-1: tcp 443 from sg-0abc"),
        explains=("dns_lookups_fail",),
        evidence=("security_group_rules",),
        last_failure_at=NOW - timedelta(minutes=2),
    )
    symptom = finding(
        "dns_lookups_fail",
        Verdict.PROBLEM,
        "4 of 6 look-ups failed.",
        title="Look-ups fail",
        kind=Kind.SYMPTOM,
        explained_by=("dns_blocked_by_security_group",),
        evidence=("lookups",),
    )
    healthy = finding("kube_dns_service_missing", Verdict.HEALTHY, "Service kube-dns is 172.20.0.10.")
    unknown = finding(
        "dns_blocked_by_network_acl",
        Verdict.UNKNOWN,
        "The network ACLs could not be read.",
        title="DNS is blocked by a network ACL",
        missing=(Gap(what="network ACLs", reason="EC2 refused the call", grant="ec2:DescribeNetworkAcls"),),
        playbook="network-acls",
    )
    cells = (
        cell("ip-10-0-1-1.eu-west-1.compute.internal", Protocol.UDP, Answer.TIMED_OUT),
        cell("ip-10-0-1-1.eu-west-1.compute.internal", Protocol.TCP, Answer.ANSWERED),
        cell("ip-10-0-1-2.eu-west-1.compute.internal", Protocol.UDP, Answer.ANSWERED),
    )
    rules = Collected(
        id="security_group_rules",
        collector="security_group_rules",
        parameters={},
        value=object(),
        gap=None,
        calls=(SourceCall(name="ec2:DescribeSecurityGroupRules"),),
        collected_at=NOW,
        took_ms=210,
        summary="12 rules of 2 groups",
    )
    lookups = replace(
        rules,
        id="lookups",
        collector="lookups",
        value=Lookups(nodes_total=3, nodes_looked=2, cells=cells, resolvers=()),
        summary="looked from 2 of 3 nodes",
    )
    made = Diagnosis(
        id="d-1",
        question=question,
        target=TARGET,
        asked_by=asked_by,
        started_at=NOW,
        took_ms=1830,
        evidence=(rules, lookups),
        findings=(blocked, symptom, unknown, healthy),
        binding=Binding(account="123456789012", cluster_arn="arn:aws:eks:…", kube_system_uid="u-1"),
        looked_from="looked from 2 of 3 nodes",
        lookups_all_answer=False,
    )
    return replace(made, **changes)


def sample_plan(**changes: Any) -> FixPlan:
    """Return a plan of one step."""
    step = Step(
        fix="authorize_security_group_self_ingress",
        action="authorize",
        target="security group sg-0abc (eks-cluster-sg-prod)",
        parameters={"group_id": "sg-0abc"},
        before=[],
        diff=("+ inbound: all traffic from sg-0abc",),
        undo="Revoke the rule that this plan created.",
        command="aws ec2 authorize-security-group-ingress --group-id sg-0abc --source-group sg-0abc --protocol -1",
        writer=WriterKind.AWS,
    )
    plan = FixPlan(
        id="p-1",
        diagnosis_id="d-1",
        cluster="cluster-prod",
        region="eu-west-1",
        binding=Binding(account="123456789012", cluster_arn="arn:aws:eks:…", kube_system_uid="u-1"),
        fix="authorize_security_group_self_ingress",
        title="Let members of sg-0abc talk to one another",
        finding="dns_blocked_by_security_group",
        playbook="security-groups",
        risk="medium",
        blast_radius="3 interfaces carry sg-0abc.",
        steps=(step,),
        verify_rules=("dns_blocked_by_security_group",),
    )
    return replace(plan, **changes)


def sample_proposal(**changes: Any) -> Proposal:
    """Return a pending proposal asked for by ana."""
    plan = changes.pop("plan", None) or sample_plan()
    made = Proposal(
        id=plan.id,
        plan=plan,
        plan_hash=plan.hash,
        policy=ApprovalPolicy(environment="production", users=("U03",), user_groups=("S01",)),
        requested_by=Person(team_id="T01", user_id="U01"),
        state=ProposalState.PENDING,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )
    return replace(made, **changes)


@dataclass
class MemoryDesk:
    """A desk that answers from memory; what it is to say is set by the test."""

    make: Callable[..., Diagnosis] = sample_diagnosis
    proposals: dict[str, Proposal] = field(default_factory=dict)
    offered: tuple[Proposal, ...] = ()
    not_offered: tuple[NotOffered, ...] = ()
    outcome: Outcome | None = None
    repair_error: Exception | None = None
    history_error: Exception | None = None
    place_error: Exception | None = None
    progress: tuple[Progress, ...] = ()
    hold: threading.Event | None = None
    diagnosed: list[Question] = field(default_factory=list)
    asked: list[Person | None] = field(default_factory=list)
    decided: list[tuple[str, Person, Choice, str]] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    overdue: tuple[str, ...] = ()
    left_running: tuple[str, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clusters(self) -> Mapping[str, ClusterTarget]:
        """Two clusters."""
        return {"cluster-prod": TARGET, "cluster-staging": replace(TARGET, name="cluster-staging")}

    def playbooks(self) -> Mapping[str, Any]:
        """Two playbooks, by name alone."""
        return {"security-groups": None, "coredns": None}

    def diagnose(
        self,
        question: Question,
        *,
        asked_by: Person | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Diagnosis:
        """Report the scripted progress, wait where told so, and answer."""
        with self._lock:
            self.diagnosed.append(question)
            self.asked.append(asked_by)
        for state in self.progress:
            if progress is not None:
                progress(state)
        if self.hold is not None:
            self.hold.wait(120)
        if question.cluster == "cluster-staging":
            message = "cluster-staging: its kubeconfig cannot be read"
            raise ConfigurationError(message)
        return self.make(question, asked_by)

    def propose(self, diagnosis: Diagnosis) -> Proposed:
        """Offer what was scripted."""
        del diagnosis
        if self.history_error is not None:
            raise self.history_error
        self.proposals |= {proposal.id: proposal for proposal in self.offered}
        return Proposed(proposals=self.offered, not_offered=self.not_offered)

    def reported(self, proposal_id: str, report_url: str) -> None:
        """Remember."""
        self.proposals[proposal_id] = replace(self.proposals[proposal_id], report_url=report_url)

    def posted(self, proposal_id: str, message: MessageRef) -> None:
        """Remember, unless that is to fail."""
        if self.place_error is not None:
            raise self.place_error
        self.proposals[proposal_id] = replace(self.proposals[proposal_id], message=message)

    def proposal(self, proposal_id: str) -> Proposal:
        """Look up."""
        if proposal_id not in self.proposals:
            message = f"There is no proposal {proposal_id}."
            raise Refused(message)
        return self.proposals[proposal_id]

    def decide(self, *, proposal_id: str, plan_hash: str, person: Person, choice: Choice, reason: str = "") -> Decided:
        """Take a press of ben or chloe, once."""
        if self.history_error is not None:
            raise self.history_error
        with self._lock:
            proposal = self.proposal(proposal_id)
            if plan_hash != proposal.plan_hash:
                message = "The plan is not the one that was shown."
                raise Refused(message)
            if person.team_id != "T01" or person.user_id not in APPROVERS:
                message = f"{person} is not among the approvers."
                raise Refused(message)
            if proposal.state is not ProposalState.PENDING:
                message = f"Already {proposal.state.value}."
                raise Refused(message)
            if any(decision.person == person for decision in proposal.decisions):
                message = "You have approved already."
                raise Refused(message)
            decision = Decision(
                proposal_id=proposal_id, person=person, choice=choice, accepted=True, reason=reason, decided_at=NOW
            )
            decisions = (*proposal.decisions, decision)
            left = proposal.policy.required - len(decisions)
            state: ProposalState = ProposalState.REJECTED if choice is Choice.REJECT else proposal.state
            if choice is Choice.APPROVE and left <= 0:
                state = ProposalState.APPROVED
            self.proposals[proposal_id] = replace(proposal, decisions=decisions, state=state)
            self.decided.append((proposal_id, person, choice, reason))
            return Decided(decision=decision, proposal=self.proposals[proposal_id], still_needed=max(0, left))

    def repair(self, proposal_id: str, *, told: Callable[[StepRecord], None] | None = None) -> Outcome:
        """Tell one step and end as scripted."""
        self.repaired.append(proposal_id)
        if self.repair_error is not None:
            raise self.repair_error
        record = StepRecord(
            proposal_id=proposal_id, index=0, state=StepState.DONE, effects={}, note="created sgr-9", at=NOW
        )
        if told is not None:
            told(replace(record, state=StepState.STARTED, note=""))
            told(record)
        self.proposals[proposal_id] = replace(self.proposals[proposal_id], state=ProposalState.DONE)
        return self.outcome or Outcome(
            proposal_id=proposal_id, result=Result.VERIFIED, summary="All look-ups answer.", steps=(record,)
        )

    def expire(self) -> tuple[Proposal, ...]:
        """Expire what was scripted."""
        return self._leave(self.overdue, ProposalState.EXPIRED)

    def interrupted(self) -> tuple[Proposal, ...]:
        """Interrupt what was scripted."""
        return self._leave(self.left_running, ProposalState.INTERRUPTED)

    def history(self, cluster: str = "", *, limit: int = 20) -> tuple[HistoryLine, ...]:
        """One line."""
        if self.history_error is not None:
            raise self.history_error
        del limit
        return (
            HistoryLine(
                diagnosis_id="d-1",
                cluster=cluster or "cluster-prod",
                asked_by="T01/U01",
                started_at="2026-11-21T09:00:00Z",
                verdict="problem",
                root_causes=("dns_blocked_by_security_group",),
                proposals=tuple(self.proposals.values()),
                outcomes=(),
            ),
        )

    def once(self, key: str) -> bool:
        """Remember."""
        if self.history_error is not None:
            raise self.history_error
        with self._lock:
            first = key not in self.keys
            self.keys.add(key)
            return first

    def _leave(self, ids: tuple[str, ...], state: ProposalState) -> tuple[Proposal, ...]:
        for proposal_id in ids:
            self.proposals[proposal_id] = replace(self.proposals[proposal_id], state=state)
        return tuple(self.proposals[proposal_id] for proposal_id in ids)


@dataclass
class Stage:
    """The local Slack, the bot, and the desk behind it."""

    slack: SlackFarEnd
    desk: MemoryDesk
    bot: SlackBot
    jobs: InProcessJobs
    settings: SlackSettings
    connection: SlackConnection
    server: HttpServer | None = None

    @property
    def address(self) -> str:
        """Where Slack delivers to."""
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.port}/slack/events"

    def card(self, proposal_id: str = "p-1") -> Seen:
        """Return the proposal's card as it is now."""
        ref = self.desk.proposals[proposal_id].message
        assert ref is not None
        return next(message for message in self.slack.person("ben").sees(ref.channel) if message.ts == ref.ts)

    def card_text(self, proposal_id: str = "p-1") -> str:
        """Return what the card says now."""
        return as_text(self.card(proposal_id))

    def post_card(self) -> Seen:
        """Let ana diagnose, and return the card that follows."""
        self.slack.person("ana").types("/dns-diagnose cluster-prod")
        self.quiet()
        return self.card()

    def press(self, name: str, button: str, on: Seen | None = None) -> Clicked:
        """Let someone press a button of the card, and wait for what follows."""
        card = on or self.card()
        block = next(block for block in card.blocks if block["type"] == "actions")
        clicked = self.slack.person(name).clicks(card, button, block_id=block["block_id"])
        self.quiet()
        return clicked

    def mention(self, name: str, text: str, thread_ts: str = "") -> None:
        """Let someone mention the bot, and wait for what follows (Bolt answers an event before it is handled)."""
        before = len(self.desk.keys)
        assert self.slack.person(name).mentions(text, thread_ts=thread_ts).ok
        until = time.monotonic() + 5
        while len(self.desk.keys) == before:
            assert time.monotonic() < until, "the mention was not handled"
            time.sleep(0.005)
        self.quiet()

    def quiet(self, timeout_seconds: float = 10.0) -> None:
        """Wait until no job is queued or running."""
        until = time.monotonic() + timeout_seconds
        while self.jobs.running():
            assert time.monotonic() < until, self.jobs.running()
            time.sleep(0.005)


@pytest.fixture
def slack() -> Iterator[SlackFarEnd]:
    """A local Slack that repeats events at once."""
    with SlackFarEnd(event_retry_seconds=(0.0, 0.0, 0.0)) as far_end:
        yield far_end


@pytest.fixture
def desk() -> MemoryDesk:
    """A desk that answers from memory."""
    return MemoryDesk(offered=(sample_proposal(),))


@pytest.fixture
def bench_stage(slack: SlackFarEnd, desk: MemoryDesk) -> Iterator[Stage]:
    """The bot, listening to nobody yet."""
    settings = SlackSettings(bot_token=slack.bot_token, signing_secret=slack.signing_secret, api_url=slack.url)
    connection = connect(settings)
    jobs = InProcessJobs(threads={Lane.QUICK: 8, Lane.DIAGNOSE: 16, Lane.REPAIR: 4})
    bot = build_app(settings, connection=connection, desk=desk, jobs=jobs, templates=TEMPLATES)
    yield Stage(slack=slack, desk=desk, bot=bot, jobs=jobs, settings=settings, connection=connection)
    if desk.hold is not None:
        desk.hold.set()
    jobs.stop(grace_seconds=5)
    bot.stop()


@pytest.fixture
def stage(bench_stage: Stage) -> Iterator[Stage]:
    """The bot in HTTP mode, with the local Slack delivering to it."""
    server = serve_http(
        bench_stage.bot.bolt,
        signing_secret=bench_stage.slack.signing_secret,
        port=0,
        state=lambda: {"jobs": len(bench_stage.jobs.running())},
    )
    bench_stage.server = server
    bench_stage.slack.deliver_to(bench_stage.address)
    yield bench_stage
    server.stop()


@pytest.fixture
def diagnosis_of() -> Callable[..., Diagnosis]:
    """Make diagnoses that differ from the sample in the fields given."""

    def make(**changes: Any) -> Diagnosis:
        return sample_diagnosis(Question(cluster="cluster-prod"), Person(team_id="T01", user_id="U01"), **changes)

    return make


@pytest.fixture
def proposal_of() -> Callable[..., Proposal]:
    """Make proposals that differ from the sample in the fields given."""
    return sample_proposal


@pytest.fixture
def plan_of() -> Callable[..., FixPlan]:
    """Make plans that differ from the sample in the fields given."""
    return sample_plan


@pytest.fixture
def finding_of() -> Callable[..., Finding]:
    """Make findings."""
    return finding


@pytest.fixture
def advice_of() -> Callable[..., NotOffered]:
    """Make fixes that are not offered."""

    def make(reason: str, *text: str) -> NotOffered:
        return NotOffered(finding="f", fix="allow_dns_in_network_acl", advice=Advice(reason=reason, text=text))

    return make
