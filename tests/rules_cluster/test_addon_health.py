from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.eks_addons import AddonIssue, EksAddon, EksAddons
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.rules import addon_conflict, addon_degraded

CONFLICT = AddonIssue(
    code="ConfigurationConflict",
    message=(
        "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\n"
        "ConfigMap coredns - .data.Corefile\nDeployment.apps coredns - .spec.replicas"
    ),
)
REWORDED = AddonIssue(code="ConfigurationConflict", message="The add-on is in conflict.")
DENIED = AddonIssue(code="AccessDenied", message='deployments.apps "coredns" is forbidden')
REPLICAS = AddonIssue(
    code="InsufficientNumberOfReplicas",
    message="The add-on is unhealthy because it doesn't have the desired number of replicas.",
)
STRANGE = AddonIssue(code="SomethingNew", message="Nobody has seen it yet.")
GAP = Gap(what="add-on coredns", reason="403 Forbidden", grant="eks:DescribeAddon")


def addons(status: str = "ACTIVE", *issues: AddonIssue, gaps: tuple[Gap, ...] = ()) -> EksAddons:
    """Return the add-on coredns in this state, beside kube-proxy, which is well."""
    coredns = EksAddon(name="coredns", owner="EKS add-on", status=status, version="v1.11.4", issues=issues)
    other = EksAddon(name="kube-proxy", owner="EKS add-on", status="ACTIVE", version="v1.32.0")
    return EksAddons(cluster="cluster-prod", addons=(coredns, other), gaps=gaps)


@pytest.mark.parametrize(
    ("found", "conflict", "degraded"),
    [
        (addons(), Verdict.HEALTHY, Verdict.HEALTHY),
        (EksAddons(cluster="cluster-prod", addons=()), Verdict.HEALTHY, Verdict.HEALTHY),
        (addons("UPDATE_FAILED", CONFLICT), Verdict.PROBLEM, Verdict.HEALTHY),
        (addons("CREATE_FAILED", CONFLICT), Verdict.PROBLEM, Verdict.HEALTHY),
        (addons("DEGRADED", CONFLICT, DENIED), Verdict.PROBLEM, Verdict.PROBLEM),
        (addons("UPDATE_FAILED", REWORDED), Verdict.PROBLEM, Verdict.HEALTHY),
        (addons("DEGRADED", DENIED), Verdict.HEALTHY, Verdict.PROBLEM),
        (addons("DEGRADED", REPLICAS), Verdict.HEALTHY, Verdict.PROBLEM),
        (addons("ACTIVE", STRANGE), Verdict.HEALTHY, Verdict.PROBLEM),
        (addons("CREATE_FAILED"), Verdict.HEALTHY, Verdict.PROBLEM),
        (addons("UPDATING"), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (addons("UPDATING", CONFLICT, DENIED), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (addons("HIBERNATING"), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (addons("HIBERNATING", DENIED, CONFLICT), Verdict.PROBLEM, Verdict.PROBLEM),
        (addons("", gaps=(GAP,)), Verdict.UNKNOWN, Verdict.UNKNOWN),
        (EksAddons(cluster="cluster-prod", addons=(), gaps=(GAP,)), Verdict.UNKNOWN, Verdict.UNKNOWN),
    ],
)
def test_each_issue_is_one_rules_own(
    make: Any, judge: Any, found: EksAddons, conflict: Verdict, degraded: Verdict
) -> None:
    """A conflict is no illness, an illness no conflict, and what EKS is at work on is neither yet."""
    verdicts = judge(addon_conflict.RULE, found).verdict, judge(addon_degraded.RULE, found, pods(make)).verdict

    assert verdicts == (conflict, degraded)


def pods(make: Any, **changes: Any) -> CorednsPods:
    """Return two CoreDNS pods; changes are the second one's."""
    first, second = make.coredns_pod("coredns-a", "10.0.1.1"), make.coredns_pod("coredns-b", "10.0.1.2")
    found: CorednsPods = make.coredns_pods(first, replace(second, **changes))
    return found


def test_a_conflict_names_add_on_fields_and_both_ways_out(judge: Any) -> None:
    """Nothing of the update has taken effect, and either side's values may be kept."""
    found = judge(addon_conflict.RULE, addons("UPDATE_FAILED", CONFLICT))

    assert "add-on coredns (UPDATE_FAILED) because of 2 fields others had set" in found.summary
    assert found.proof == (
        "coredns: ConfigMap coredns .data.Corefile",
        "coredns: Deployment.apps coredns .spec.replicas",
    )
    assert [one.title for one in found.objects] == ["EKS add-on coredns"]
    assert {way for way in ("OVERWRITE", "PRESERVE") if any(way in line for line in found.advice)} == {
        "OVERWRITE",
        "PRESERVE",
    }


def test_a_conflict_in_other_words_is_shown_as_eks_words_it(judge: Any) -> None:
    """Where no field can be read from the message, the message stands in their place."""
    found = judge(addon_conflict.RULE, addons("UPDATE_FAILED", REWORDED))

    assert found.proof == ("coredns v1.11.4 UPDATE_FAILED: ConfigurationConflict: The add-on is in conflict.",)


@pytest.mark.parametrize(
    ("issues", "said", "advised"),
    [
        (
            (DENIED,),
            "AccessDenied: EKS may not change its objects",
            "create clusterrolebinding eks:addon-cluster-admin",
        ),
        ((REPLICAS,), "fewer of its pods are ready", "get pods -o wide"),
        ((STRANGE,), "SomethingNew: a reason that is not known here", "--query addon.health"),
        ((), "It gives no reason", "--query addon.health"),
    ],
)
def test_each_reason_has_its_meaning_and_its_advice(
    make: Any, judge: Any, issues: tuple[AddonIssue, ...], said: str, advised: str
) -> None:
    """A reason that nobody here knows is shown as EKS words it."""
    found = judge(addon_degraded.RULE, addons("DEGRADED", *issues), pods(make))

    assert said in found.summary
    assert any(advised in line for line in found.advice), found.advice
    assert all(issue.message in found.proof[0] for issue in issues)


def test_pods_that_are_not_ready_are_named_and_ready_ones_contradict_eks(make: Any, judge: Any) -> None:
    """So that what keeps these pods from being ready explains it; where all are ready EKS's word is older."""
    degraded = addons("DEGRADED", REPLICAS)

    down, up = (judge(addon_degraded.RULE, degraded, pods(make, ready=ready)) for ready in (False, True))

    assert (down.pods, up.pods) == (("coredns-b",), ())
    assert ["ready now" in line for line in (*down.proof, *up.proof)] == [False, False, True]
