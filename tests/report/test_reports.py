from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.collectors.eks_addons import EksAddons
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import (
    Answer,
    Cell,
    Finding,
    FixOffer,
    Judgement,
    Kind,
    Protocol,
    Severity,
    Verdict,
    healthy,
    unknown,
)
from bot.report.json_report import json_report
from bot.report.text_report import text_report

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CELL = Cell(
    node="n2", pod="shop/ui", server="172.20.0.10", through_service=True, protocol=Protocol.UDP, external=False,
    name="kubernetes.default.svc.cluster.local.", answer=Answer.TIMED_OUT,
)  # fmt: skip
CAUSE = Finding(
    rule="dns_blocked_by_security_group", title="A security group blocks DNS", kind=Kind.CAUSE,
    playbook="security-groups", severity=Severity.CRITICAL, explains=("dns_lookups_fail",),
    evidence=("security_group_rules",),
    judgement=Judgement(
        verdict=Verdict.PROBLEM, summary="4 of 6 pairs are blocked.", proof=("sg-1 has no rule for 53",),
        details={"security_group_id": "sg-1"}, last_failure_at=NOON,
    ),
    fixes=(FixOffer(fix="authorize_security_group_self_ingress", parameters={"scope": "all"}, risk="medium"),),
)  # fmt: skip
SYMPTOM = Finding(
    rule="dns_lookups_fail", title="Look-ups fail", kind=Kind.SYMPTOM, playbook="lookups", severity=Severity.CRITICAL,
    explained_by=("dns_blocked_by_security_group",),
    judgement=Judgement(verdict=Verdict.PROBLEM, summary="12 of 36 failed.", proof=("n2  x x",), cells=(CELL,)),
)  # fmt: skip
WELL = Finding(
    rule="kube_dns_no_endpoints", title="t", kind=Kind.CAUSE, playbook="coredns", severity=Severity.CRITICAL,
    judgement=healthy("2 of 2 endpoints are ready."),
)  # fmt: skip
BLIND = Finding(
    rule="kube_proxy_forbidden", title="t", kind=Kind.CAUSE, playbook="kube-proxy", severity=Severity.CRITICAL,
    judgement=unknown(
        "Could not be checked.",
        Gap(what="logs", reason="403 Forbidden", grant="pods/log: get in namespace kube-system"),
    ),
)  # fmt: skip


def diagnosis(*findings: Finding) -> Diagnosis:
    """Return a diagnosis of these findings, all look-ups answered from 3 of 3 nodes."""
    return Diagnosis(
        id="d1", question=Question(cluster="cluster-prod"),
        target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"), asked_by=None,
        started_at=NOON, took_ms=1830, findings=findings, looked_from="looked from 3 of 3 nodes",
        binding=Binding(account="1", cluster_arn="arn:aws:eks:eu-west-1:1:cluster/p", kube_system_uid="u"),
        evidence=(
            Collected(
                id="security_group_rules", collector="security_group_rules", parameters={}, value=None, gap=None,
                calls=(SourceCall(name="ec2:DescribeSecurityGroupRules"),), collected_at=NOON, took_ms=210,
                summary="4 rules",
            ),
        ),
    )  # fmt: skip


def test_json_report_has_the_contract_s_names() -> None:
    """Every name of the contract's example stands where scripts look for it."""
    report = json.loads(json.dumps(json_report(diagnosis(CAUSE, SYMPTOM, BLIND, WELL))))

    assert report["schema"] == 1
    assert report["verdict"] == "problem"
    assert report["started_at"] == "2026-11-21T12:00:00Z"
    assert report["root_causes"] == ["dns_blocked_by_security_group"]
    assert report["coverage"] == {
        "ran": 4, "total": 5,
        "unknown": [{
            "rule": "kube_proxy_forbidden", "reason": "403 Forbidden",
            "grant": "pods/log: get in namespace kube-system",
        }],
    }  # fmt: skip
    finding = report["findings"][0]
    assert finding["details"] == {"security_group_id": "sg-1"}
    assert finding["fixes"] == [
        {"fix": "authorize_security_group_self_ingress", "with": {"scope": "all"}, "risk": "medium"}
    ]
    assert report["evidence"][0]["calls"] == ["ec2:DescribeSecurityGroupRules"]


ADDON = Gap(what="add-on coredns", reason="refused.", grant="eks:DescribeAddon")
PARTLY_READ = Collected(
    id="eks_addons", collector="eks_addons", parameters={}, gap=None, summary="coredns not readable",
    value=EksAddons(cluster="cluster-prod", addons=(), gaps=(ADDON,)), calls=(), collected_at=NOON, took_ms=1,
)  # fmt: skip
TWO_MISSING = replace(
    BLIND,
    judgement=unknown("Could not be checked.", Gap(what="logs", reason="403 Forbidden", grant="pods/log: get"), ADDON),
)


def test_what_no_check_misses_is_still_said_with_its_permission() -> None:
    """All checks ran; a part of the evidence was refused: text and JSON name the permission that it needs."""
    partly = replace(diagnosis(WELL), evidence=(PARTLY_READ,))

    assert "COULD NOT BE READ, though no check misses it  1\n  - add-on coredns: refused. Grant eks:DescribeAddon." in (
        text_report(partly)
    )
    assert json_report(partly)["verdict"] == "healthy"
    assert json.loads(json.dumps(json_report(partly)))["evidence"][0]["gaps"] == [
        {"what": "add-on coredns", "reason": "refused.", "grant": "eks:DescribeAddon"}
    ]


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(replace(diagnosis(WELL, TWO_MISSING), evidence=(PARTLY_READ,)), id="a check's second reason"),
        pytest.param(replace(diagnosis(WELL), evidence=(PARTLY_READ,), binding_gap=ADDON), id="the cluster's identity"),
        pytest.param(
            replace(
                diagnosis(WELL, BLIND), evidence=(replace(PARTLY_READ, value=None, gap=Gap(what="x", reason="403")),)
            ),
            id="the source of another",
        ),
    ],
)
def test_what_a_check_misses_is_said_there_alone(subject: Diagnosis) -> None:
    """A gap that some check names, as its reason or as one of several, is not told a second time."""
    assert "though no check misses it" not in text_report(subject)


def test_text_report_puts_the_cause_before_what_was_ruled_out() -> None:
    """Cause, proof, look-ups, what could not be checked, what was ruled out, what to do: in this order."""
    text = text_report(diagnosis(CAUSE, SYMPTOM, BLIND, WELL))

    marks = [
        "ROOT CAUSE  A security group blocks DNS", "sg-1 has no rule for 53", "last failure at 2026-11-21T12:00:00Z",
        "LOOK-UPS  looked from 3 of 3 nodes", "COULD NOT BE CHECKED  1 of 5",
        "Grant pods/log: get in namespace kube-system.", "RULED OUT  1", "WHAT TO DO",
    ]  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert "4 of 5 checks ran; 1 could not" in text


def test_latent_fault_is_said_plainly() -> None:
    """A cause without a failing look-up is a latent fault, and the report says so."""
    latent = replace(diagnosis(CAUSE), lookups_all_answer=True)

    assert "this is a latent fault" in text_report(latent)
    assert "latent" not in text_report(diagnosis(CAUSE, SYMPTOM))


def test_failing_lookups_without_a_cause_are_a_problem_without_a_name() -> None:
    """No rule explains it: "no known cause found", with what was ruled out, and no root cause."""
    unexplained = diagnosis(replace(SYMPTOM, explained_by=()), WELL)
    text = text_report(unexplained)

    assert json_report(unexplained)["root_causes"] == []
    assert json_report(unexplained)["verdict"] == "problem"
    assert "NO KNOWN CAUSE FOUND" in text
    assert "RULED OUT  1" in text


def test_what_a_cause_does_not_reach_stays_unexplained() -> None:
    """Failing look-ups outside the cause's reach are listed."""
    partly = replace(diagnosis(CAUSE, SYMPTOM), unexplained=(CELL,))

    assert "1 failing look-ups are explained by none of the causes above" in text_report(partly)


@pytest.mark.parametrize(
    ("subject", "verdict", "words"),
    [
        (diagnosis(WELL), "healthy", "DNS is healthy: all checks ran"),
        (diagnosis(WELL, BLIND), "unknown", "not an all-clear"),
        (replace(diagnosis(WELL), binding=None), "unknown", "cluster_binding"),
    ],
    ids=["healthy", "one check could not run", "cluster not confirmed"],
)
def test_unknown_never_reads_as_healthy(subject: Diagnosis, verdict: str, words: str) -> None:
    """Only a diagnosis of which every check ran is an all-clear."""
    assert json_report(subject)["verdict"] == verdict
    assert words in text_report(subject)
