from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.coredns_placement import CorednsPlacement, PlacedPod, SpreadDeployment
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.kubernetes.spreading import Apart
from bot.rules.coredns_pods_co_located import RULE

DEPLOYMENT = SpreadDeployment(
    namespace="kube-system",
    name="coredns",
    uid="u-1",
    replicas=2,
    manager="",
    labels=(("k8s-app", "kube-dns"),),
    apart=Apart.PREFERRED,
    held_apart=False,
    over_zones=False,
    affinity="",
    constraints="",
    restarted_at="",
    rollout="",
)
ZONES = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}


def placed(on: str, free: str = "", *, rollout: str = "", gaps: tuple[Gap, ...] = ()) -> CorednsPlacement:
    """Return a pod for each node that `on` names; `free` names further nodes that take one."""
    nodes = {*on.split(), *free.split()}
    return CorednsPlacement(
        pods=tuple(
            PlacedPod(name=f"coredns-{number}", node=node, zone=ZONES[node]) for number, node in enumerate(on.split())
        ),
        deployments=(replace(DEPLOYMENT, rollout=rollout),),
        nodes=len(nodes),
        zones=tuple(sorted({ZONES[node] for node in nodes})),
        gaps=gaps,
    )


GAP = Gap(what="Deployment", reason="403 Forbidden", grant="deployments: get")
CASES = {
    "two nodes, two zones": (placed("a1 b1"), Verdict.HEALTHY, "2 CoreDNS pods are on 2 nodes in 2 zones"),
    "one node of two": (placed("a1 a1", "b1"), Verdict.PROBLEM, "2 of 2 CoreDNS pods share a1; 1 further node"),
    "one node, no other": (placed("a1 a1"), Verdict.HEALTHY, "are on a1: no other node takes one"),
    "one pod": (placed("a1", "b1"), Verdict.HEALTHY, "One CoreDNS pod"),
    "no pod has a node": (placed("", "a1 b1"), Verdict.HEALTHY, "Nothing to check: no CoreDNS pod is on a node"),
    "as even as can be": (placed("a1 a1 b1"), Verdict.HEALTHY, "no node has more than 2"),
    "uneven": (placed("a1 a1 b1", "c1"), Verdict.PROBLEM, "2 of 3 CoreDNS pods share a1"),
    "full, uneven": (placed("a1 a1 a1 b1"), Verdict.PROBLEM, "other nodes have fewer"),
    "one zone of two": (placed("a1 a2", "b1"), Verdict.PROBLEM, "are in a; nodes in b would take one"),
    "one zone, no other": (placed("a1 a2"), Verdict.HEALTHY, "in 1 zone"),
    "while it is rolled": (
        placed("a1 a1", "b1", rollout="1 of 2 pods are new"),
        Verdict.UNKNOWN,
        "1 of 2 pods are new",
    ),
    "apart while it is rolled": (placed("a1 b1", rollout="1 of 2 pods are new"), Verdict.HEALTHY, "2 nodes"),
    "apart, and not all was read": (placed("a1 b1", gaps=(GAP,)), Verdict.UNKNOWN, "403 Forbidden"),
    "together, and not all was read": (placed("a1 a1", "b1", gaps=(GAP,)), Verdict.PROBLEM, "share a1"),
}


@pytest.mark.parametrize(("placement", "verdict", "said"), CASES.values(), ids=CASES)
def test_pods_are_as_far_apart_as_nodes_allow(
    judge: Any, placement: CorednsPlacement, verdict: Verdict, said: str
) -> None:
    """What is somebody's choice is no fault, and what a rollout passes through is none yet."""
    found = judge(RULE, placement)

    assert found.verdict is verdict, found.summary
    assert said in found.summary


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (Apart.NOT, "no podAntiAffinity on kubernetes.io/hostname"),
        (Apart.PREFERRED, "a preferred podAntiAffinity on kubernetes.io/hostname, which counts when a pod is placed"),
        (Apart.REQUIRED, "set after these pods were placed"),
    ],
)
def test_what_the_deployment_says_of_it_is_shown(judge: Any, apart: Apart, said: str) -> None:
    """With where the pods are, and how many packets they share."""
    found = placed("a1 a1", "b1")
    told = judge(RULE, replace(found, deployments=(replace(DEPLOYMENT, apart=apart),)))

    assert told.proof[0] == "a1 (a): coredns-0, coredns-1"
    assert said in told.proof[1]
    assert "1,024 packets a second" in told.summary
    assert told.details["pods"] == ["coredns-0", "coredns-1"]
    assert "rollout restart deployment/coredns" in told.advice[0]
