from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.lookups import EVERYTHING, Answer, Client, ClientKind, Lookup, Reach, Transport


def failed(node: str) -> Lookup:
    """Return a lookup from this node that timed out."""
    return Lookup(
        client=Client(node=node, kind=ClientKind.POD, pod="shop/web"),
        server="10.0.1.5",
        through_service=False,
        transport=Transport.UDP,
        external=False,
        name="kubernetes.default.svc.cluster.local.",
        answer=Answer.TIMED_OUT,
    )


def finding(kind: Kind, judgement: Judgement) -> Finding:
    """Return a rule's finding."""
    return Finding(
        rule=kind.value, title="", kind=kind, playbook="lookups", severity=Severity.CRITICAL, judgement=judgement
    )


@pytest.mark.parametrize(
    ("verdict", "reach", "left"),
    [
        pytest.param(Verdict.PROBLEM, (Reach(nodes=frozenset({"a"})),), ["b"], id="one node"),
        pytest.param(Verdict.PROBLEM, (Reach(nodes=frozenset({"a"})), EVERYTHING), [], id="any of several reaches"),
        pytest.param(Verdict.PROBLEM, (), ["a", "b"], id="a problem that makes no lookup fail"),
        pytest.param(Verdict.HEALTHY, (EVERYTHING,), ["a", "b"], id="no problem"),
    ],
)
def test_failing_look_ups_outside_every_problems_reach_are_unexplained(
    verdict: Verdict, reach: tuple[Reach, ...], left: list[str]
) -> None:
    """They are what a report must not hide behind the cause it found."""
    symptom = Judgement(verdict=Verdict.PROBLEM, summary="", failing=(failed("a"), failed("b")))
    diagnosis = Diagnosis(
        id="d",
        question=Question(cluster="c"),
        target=ClusterTarget(name="c", eks_name="c", region="eu-west-1"),
        asked_by=None,
        started_at=datetime(2026, 11, 21, tzinfo=UTC),
        took_ms=1,
        evidence=(),
        findings=(
            finding(Kind.CAUSE, Judgement(verdict=verdict, summary="", reach=reach)),
            finding(Kind.SYMPTOM, symptom),
        ),
    )

    assert [lookup.client.node for lookup in diagnosis.unexplained] == left


@pytest.mark.parametrize(
    ("verdict", "left"), [(Verdict.PROBLEM, ("b",)), (Verdict.HEALTHY, ("a", "b"))], ids=["named by a cause", "by none"]
)
def test_pods_that_no_cause_names_are_unexplained(verdict: Verdict, left: tuple[str, ...]) -> None:
    """The cause of one pod's state is not that of another's."""
    diagnosis = Diagnosis(
        id="d",
        question=Question(cluster="c"),
        target=ClusterTarget(name="c", eks_name="c", region="eu-west-1"),
        asked_by=None,
        started_at=datetime(2026, 11, 21, tzinfo=UTC),
        took_ms=1,
        evidence=(),
        findings=(
            finding(Kind.CAUSE, Judgement(verdict=verdict, summary="", pods=("a",))),
            finding(Kind.SYMPTOM, Judgement(verdict=Verdict.PROBLEM, summary="", pods=("a", "b"))),
        ),
    )

    assert diagnosis.unexplained_pods == left
