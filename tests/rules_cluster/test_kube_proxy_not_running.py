from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.kube_proxy_pods import UncoveredNode
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookups import Reach
from bot.rules.kube_proxy_not_running import RULE as NOT_RUNNING


def uncovered(node: str, **changes: Any) -> UncoveredNode:
    """Return a node without a ready kube-proxy."""
    return UncoveredNode(**{"node": node, "node_ready": True, "pod": "", "why": "no kube-proxy pod", **changes})


@pytest.mark.parametrize(
    ("pods", "verdict"),
    [
        ({"uncovered": (uncovered("node-b", pod="kube-proxy-b", why="ImagePullBackOff"),)}, Verdict.PROBLEM),
        ({"uncovered": (uncovered("node-b"),), "desired": 2, "scheduled": 1}, Verdict.PROBLEM),
        ({"uncovered": (uncovered("node-b"),), "desired": 1, "scheduled": 1}, Verdict.HEALTHY),
        ({"uncovered": (uncovered("node-b", node_ready=False, pod="kube-proxy-b"),)}, Verdict.UNKNOWN),
        ({"uncovered": (uncovered("node-a"), uncovered("node-b"))}, Verdict.UNKNOWN),
        ({"daemon_set_exists": False, "pods": (), "uncovered": (uncovered("node-b"),)}, Verdict.UNKNOWN),
        ({"daemon_set_exists": False, "pods": (), "replaced_by": "Cilium"}, Verdict.HEALTHY),
        ({"daemon_set_exists": False, "pods": (), "nodes_total": 0, "exempt_nodes": 3}, Verdict.HEALTHY),
        ({"gaps": (Gap(what="x", reason="403"),)}, Verdict.UNKNOWN),
    ],
    ids=[
        "image pull",
        "no pod though wanted",
        "not selected by the DaemonSet",
        "node not ready",
        "none ready though some are wanted",
        "no DaemonSet",
        "replaced",
        "fargate only",
        "part unread",
    ],
)
def test_nodes_without_kube_proxy(judge: Any, make: Any, pods: dict[str, Any], verdict: Verdict) -> None:
    """A covered node without a ready pod is a PROBLEM of that node's service path; the rest is told apart."""
    judgement: Judgement = judge(NOT_RUNNING, make.kube_proxy_pods(**pods))

    assert judgement.verdict is verdict
    if verdict is Verdict.PROBLEM:
        assert judgement.reach == (Reach(nodes=frozenset({"node-b"}), service_only=True),)
        assert judgement.details["nodes"] == ["node-b"]


def test_a_starting_kube_proxy_has_its_grace(judge: Any, make: Any) -> None:
    """A pod of 20 s is too early to tell; with no grace it counts."""
    young = uncovered("node-b", pod="kube-proxy-b", why="Pending", created_at=make.now - timedelta(seconds=20))
    pods = make.kube_proxy_pods(uncovered=(young,))

    assert judge(NOT_RUNNING, pods).verdict is Verdict.UNKNOWN
    assert "too early to tell" in judge(NOT_RUNNING, pods).summary
    assert judge(NOT_RUNNING, pods, grace=timedelta(0)).verdict is Verdict.PROBLEM


def test_kube_proxy_on_no_node_is_not_ready_on_all(judge: Any, make: Any) -> None:
    """There is no node at all: "ready on all 0 nodes" is no health."""
    pods = make.kube_proxy_pods(nodes_total=0, pods=(), desired=0, scheduled=0)

    assert judge(NOT_RUNNING, pods).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("restarts", "ended", "runs_for", "verdict"),
    [
        (12, 40, 5, Verdict.PROBLEM),
        (1, 40, 5, Verdict.UNKNOWN),
        (1, 400, 390, Verdict.HEALTHY),
        (12, 4_000, 3_990, Verdict.HEALTHY),
        (0, 40, 5, Verdict.HEALTHY),
    ],
    ids=["ends again and again", "has just ended", "runs since its node's reboot", "ended long ago", "a new pod"],
)
def test_one_that_ends_at_each_start_is_ready_for_a_moment(  # what is seen of one pod, and what it means
    judge: Any, make: Any, restarts: int, ended: int, runs_for: int, verdict: Verdict
) -> None:
    """EKS's kube-proxy has no readiness probe: its pod is Ready whenever its container runs."""
    first, second = make.kube_proxy_pods().pods
    container = replace(
        second.container,
        restarts=restarts,
        last_terminated_at=make.now - timedelta(seconds=ended),
        running_since=make.now - timedelta(seconds=runs_for),
    )

    judgement = judge(NOT_RUNNING, make.kube_proxy_pods(pods=(first, replace(second, container=container))))

    assert judgement.verdict is verdict
    if verdict is Verdict.PROBLEM:
        assert judgement.details["nodes"] == [second.node]
        assert "ready now, ends again and again (12 restarts" in judgement.proof[0]
