from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.editing import find
from bot.sandbox.running import RunningWorld
from bot.sandbox.scenario_catalogue import all_look_alikes, find_scenario
from lab.observing import diagnose

ROOT_CAUSES = {
    "coredns-forwarding-loop": "coredns_forwarding_loop",
    "coredns-api-forbidden": "coredns_api_forbidden",
    "coredns-upstream-unreachable": "coredns_upstream_unreachable",
    "coredns-pods-pending": "coredns_pods_pending",
    "coredns-pods-pending-fargate": "coredns_pods_pending",
}
LOOK_ALIKES = [scenario.name for scenario in all_look_alikes()]
ON_ALL_NODES = 3
"""A seed with which coredns-forwarding-loop is about all nodes."""
REMOVES_THE_ANNOTATION = "eks.amazonaws.com~1compute-type"


Diagnose = Callable[[], dict[str, Any]]


def _verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {finding["rule"]: finding["verdict"] for finding in report["findings"]}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("scenario", ROOT_CAUSES)
def test_diagnosis_names_the_root_cause_and_no_look_alike(
    world: RunningWorld, diagnose_here: Diagnose, scenario: str, seed: int
) -> None:
    """The report names what the operator broke; what looks alike is ruled out, not merely unsaid."""
    world.restart(scenario=scenario, seed=seed)

    report = diagnose_here()

    verdicts = _verdicts(report)
    assert (report["root_causes"], report["verdict"]) == ([ROOT_CAUSES[scenario]], "problem")
    assert {rule: verdicts[rule] for rule in find_scenario(scenario).not_to_blame} == dict.fromkeys(
        find_scenario(scenario).not_to_blame, "healthy"
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_what_only_looks_like_the_fault_is_not_blamed(
    world: RunningWorld, diagnose_here: Diagnose, look_alike: str, seed: int
) -> None:
    """The operator did something that resembles the fault and breaks nothing: no root cause, all healthy."""
    world.restart(scenario=look_alike, seed=seed)

    report = diagnose_here()

    assert (report["root_causes"], report["verdict"]) == ([], "healthy")
    assert {_verdicts(report)[rule] for rule in find_scenario(look_alike).not_to_blame} == {"healthy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("look_alike", "rule", "shown"),
    [
        (
            "network-acl-look-alike",
            "dns_blocked_by_network_acl",
            r"no fault: .* closes udp/61000-65535 out to .* use 32768-60999 only",
        ),
        (
            "no-endpoints-look-alike",
            "coredns_crash_corefile",
            "no longer standing: .* Corefile changed but reload failed: .* since then: a configuration was loaded",
        ),
        (
            "kube-proxy-timeout-look-alike",
            "kube_proxy_api_timeout",
            "no longer standing: .* dial tcp .*:443: i/o timeout.* since then: the same was read",
        ),
        ("wrong-nameserver-look-alike", "wrong_nameserver", r"nameserver 172\.20\.0\.10, 10\.\d+\.0\.2$"),
    ],
    ids=["closed ports", "failed reload", "time-outs", "nameservers"],
)
def test_what_resembles_the_fault_is_seen_and_weighed(
    world: RunningWorld, diagnose_here: Diagnose, look_alike: str, rule: str, shown: str
) -> None:
    """The rule is not blind to what the operator left behind: it shows it, and why it is no fault."""
    world.restart(scenario=look_alike, seed=1)

    report = diagnose_here()

    finding = next(finding for finding in report["findings"] if finding["rule"] == rule)
    assert finding["verdict"] == "healthy"
    assert any(re.search(shown, line) for line in finding["proof"]), finding["proof"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "explained"),
    [
        ("coredns-forwarding-loop", ["dns_lookups_fail", "kube_dns_no_endpoints"]),
        ("coredns-api-forbidden", ["dns_lookups_fail", "kube_dns_no_endpoints"]),
        ("coredns-upstream-unreachable", ["dns_lookups_fail"]),
        ("coredns-pods-pending", ["dns_lookups_fail", "kube_dns_no_endpoints"]),
    ],
)
def test_consequences_stand_under_their_cause(
    world: RunningWorld, diagnose_here: Diagnose, scenario: str, explained: list[str]
) -> None:
    """Missing endpoints and failing look-ups are shown as explained by the cause."""
    world.restart(scenario=scenario, seed=ON_ALL_NODES)

    report = diagnose_here()

    found = [finding["rule"] for finding in report["findings"] if ROOT_CAUSES[scenario] in finding["explained_by"]]
    assert sorted(found) == explained


@pytest.mark.slow
def test_fargate_advice_is_given_and_its_healing_is_not_simulated(world: RunningWorld, diagnose_here: Diagnose) -> None:
    """The advice removes the annotation. No Fargate scheduler is simulated here: the pods stay pending after it."""
    world.restart(scenario="coredns-pods-pending-fargate", seed=1)
    report = diagnose_here()
    finding = next(item for item in report["findings"] if item["rule"] == "coredns_pods_pending")
    assert REMOVES_THE_ANNOTATION in json.dumps(finding)

    coredns = find(world.operator, "deployments.apps", "coredns", namespace="kube-system")
    del coredns["spec"]["template"]["metadata"]["annotations"]
    world.operator.apply(coredns)
    world.operator.settle()

    pods = world.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    assert {pod["status"]["phase"] for pod in pods} == {"Pending"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pod", "denied", "said"),
    [("catalog/none", [], "there is no pod catalog/none"), ("catalog/some", ["get pods"], "pods: get")],
    ids=["no such pod", "may not be read"],
)
def test_a_named_pod_that_cannot_be_read_is_not_healthy(
    world: RunningWorld, pod: str, denied: list[str], said: str
) -> None:
    """A person asked about one pod: that the others' look-ups work is no answer."""
    world.restart(scenario="healthy", seed=1)
    world.kubernetes_control("POST", "deny", {"actions": denied})

    code, report = diagnose(world, "lookups", "--pod", pod)

    unknown = {one["rule"]: one["reason"] + one["grant"] for one in report["coverage"]["unknown"]}
    assert (code, report["verdict"]) == (3, "unknown")
    assert said in unknown["dns_lookups_fail"]
