from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.kubernetes.owners import Owner
from bot.rules.coredns_duplicate_deployments import RULE

FIRST = Owner(kind="Deployment", name="coredns")
SECOND = Owner(kind="Deployment", name="coredns-chart")
GAP = Gap(what="pods", reason="403 Forbidden", grant="pods: list")


def pods_of(make: Any, *owners: Owner, **changes: Any) -> Any:
    """Return a CoreDNS pod of each of these owners; changes are the last pod's."""
    pods = [
        replace(make.coredns_pod(f"coredns-{at}", f"10.0.1.{at}"), owner=owner) for at, owner in enumerate(owners, 1)
    ]
    pods[-1] = replace(pods[-1], **changes)
    return make.coredns_pods(*pods)


def test_two_that_stay_are_a_problem_with_both_named(make: Any, judge: Any) -> None:
    """Which pods are whose, since when, and how to remove either."""
    found = judge(RULE, pods_of(make, FIRST, FIRST, SECOND))

    assert found.verdict is Verdict.PROBLEM
    assert "3 pods of Deployment coredns and Deployment coredns-chart are behind the DNS Service" in found.summary
    assert found.details["pods"] == {
        "Deployment coredns": ["coredns-1", "coredns-2"],
        "Deployment coredns-chart": ["coredns-3"],
    }
    assert any("delete deployment coredns-chart" in line for line in found.advice)


@pytest.mark.parametrize(
    ("owners", "changes", "verdict", "said"),
    [
        ((FIRST, FIRST), {}, Verdict.HEALTHY, "All 2 CoreDNS pods are of Deployment coredns"),
        ((FIRST, SECOND), {"terminating": True}, Verdict.HEALTHY, "are of Deployment coredns"),
        ((FIRST, Owner(kind="ReplicaSet", name="coredns-old")), {}, Verdict.PROBLEM, "ReplicaSet coredns-old"),
        ((FIRST, Owner()), {}, Verdict.HEALTHY, "are of Deployment coredns"),
    ],
)
def test_pods_that_go_and_pods_of_nobody_are_no_second_one(
    make: Any, judge: Any, owners: tuple[Owner, ...], changes: dict[str, Any], verdict: Verdict, said: str
) -> None:
    """A ReplicaSet that no Deployment owns makes its pods anew, a bare pod does not."""
    found = judge(RULE, pods_of(make, *owners, **changes))

    assert (found.verdict, said in found.summary) == (verdict, True), found.summary


def test_a_move_from_one_to_the_other_is_given_time(make: Any, judge: Any) -> None:
    """The younger of the two is too young to tell."""
    found = judge(RULE, pods_of(make, FIRST, SECOND, created_at=make.now - timedelta(minutes=5)))

    assert found.verdict is Verdict.UNKNOWN
    assert "too early to tell: pods of Deployment coredns-chart" in found.missing[0].reason


@pytest.mark.parametrize("changes", [{"pods": (), "desired_replicas": 2}, {"gaps": (GAP,)}])
def test_pods_that_were_not_seen_leave_it_open(make: Any, judge: Any, changes: dict[str, Any]) -> None:
    """None where some are wanted, or a part that could not be read."""
    found = judge(RULE, replace(pods_of(make, FIRST), **changes))

    assert found.verdict is Verdict.UNKNOWN
