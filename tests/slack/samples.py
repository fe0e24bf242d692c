"""Values of the security-group story: a diagnosis, its plan, its proposal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.approvals import ApprovalPolicy, Proposal, ProposalState
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.people import Person
from bot.domain.plans import FixPlan, Step, WriterKind

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TARGET = ClusterTarget(
    name="cluster-prod",
    eks_name="cluster-prod",
    region="eu-west-1",
    environment="production",
    channel="C0123456789",
    aws_writer=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Evidence: how many rules there are, in how many security groups."""

    rules: int
    groups: int


def finding(rule: str, verdict: Verdict, summary: str, **more: Any) -> Finding:
    """Return a finding; further keywords go to the judgement, those that a judgement lacks to the finding."""
    placed = {
        key: more.pop(key) for key in ("explains", "explained_by", "evidence", "measures", "check") if key in more
    }
    return Finding(
        rule=rule,
        title=more.pop("title", rule.replace("_", " ").capitalize()),
        kind=more.pop("kind", Kind.CAUSE),
        playbook=more.pop("playbook", "security-groups"),
        severity=more.pop("severity", Severity.CRITICAL),
        judgement=Judgement(verdict=verdict, summary=summary, **more),
        **placed,
    )


def lookup(node: str, transport: Transport, answer: Answer, *, service: bool = True, external: bool = False) -> Lookup:
    """Return one lookup."""
    return Lookup(
        client=Client(node=node, kind=ClientKind.POD, pod="shop/web"),
        server="172.20.0.10" if service else "10.0.1.7",
        through_service=service,
        transport=transport,
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
        "4 of 6 lookups failed.",
        title="Lookups fail",
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
        check="Network ACLs",
        missing=(Gap(what="network ACLs", reason="EC2 refused the call", grant="ec2:DescribeNetworkAcls"),),
        playbook="network-acls",
    )
    asked = (
        lookup("ip-10-0-1-1.eu-west-1.compute.internal", Transport.UDP, Answer.TIMED_OUT),
        lookup("ip-10-0-1-1.eu-west-1.compute.internal", Transport.TCP, Answer.ANSWERED),
        lookup("ip-10-0-1-2.eu-west-1.compute.internal", Transport.UDP, Answer.ANSWERED),
    )
    rules = Collected(
        id="security_group_rules",
        collector="security_group_rules",
        parameters={},
        value=Groups(rules=12, groups=2),
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
        value=LookupMatrix(nodes_total=3, nodes_looked=2, lookups=asked, resolvers=()),
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
        symptoms=("dns_lookups_fail",),
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
