from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.rules.coredns_pods_not_ready import RULE

RECENT = timedelta(seconds=20)
LONG = timedelta(hours=2)
CRASH = {
    "ready": False,
    "ready_since": None,
    "container_running_since": None,
    "container_waiting_reason": "CrashLoopBackOff",
    "container_last_terminated_reason": "Error",
    "container_last_exit_code": 2,
    "container_restarts": 12,
}


def unready(make: Any, since: timedelta, **more: Any) -> dict[str, Any]:
    """Return the changes of a pod that runs and is not ready for so long."""
    return {"ready": False, "ready_since": None, "unready_since": make.now - since, **more}


def ended(make: Any, ago: timedelta, **more: Any) -> dict[str, Any]:
    """Return the changes of a ready pod whose container ended so long ago."""
    return {
        "container_last_terminated_at": make.now - ago,
        "container_last_terminated_reason": "Error",
        "container_last_exit_code": 137,
        **more,
    }


CASES = {
    "two ready": (lambda _: {}, Verdict.HEALTHY),
    "crash loop": (lambda _: CRASH, Verdict.PROBLEM),
    "never ready, for long": (lambda make: unready(make, LONG), Verdict.PROBLEM),
    "not ready, young": (lambda make: unready(make, RECENT), Verdict.UNKNOWN),
    "its first start": (
        lambda make: unready(make, RECENT, container_running_since=None, container_waiting_reason="ContainerCreating"),
        Verdict.UNKNOWN,
    ),
    "waits for its image": (
        lambda make: unready(make, RECENT, container_running_since=None, container_waiting_reason="ImagePullBackOff"),
        Verdict.PROBLEM,
    ),
    "no node, for long": (lambda make: unready(make, LONG, node="", phase="Pending"), Verdict.PROBLEM),
    "ends again and again": (lambda make: ended(make, RECENT, container_restarts=3), Verdict.PROBLEM),
    "ended once": (lambda make: ended(make, RECENT, container_restarts=1), Verdict.UNKNOWN),
    "ended twice": (lambda make: ended(make, RECENT, container_restarts=2), Verdict.UNKNOWN),
    "ended once, long ago": (lambda make: ended(make, LONG, container_restarts=1), Verdict.HEALTHY),
    "ended long ago": (lambda make: ended(make, LONG, container_restarts=40), Verdict.HEALTHY),
    "killed by its liveness probe": (
        lambda make: ended(
            make,
            RECENT,
            container_restarts=40,
            container_last_exit_code=0,
            container_last_terminated_reason="Completed",
        ),
        Verdict.PROBLEM,
    ),
    "going away": (lambda make: unready(make, LONG, terminating=True), Verdict.UNKNOWN),
}


@pytest.mark.parametrize(("changes", "verdict"), CASES.values(), ids=CASES)
def test_one_pod_beside_a_ready_one(judge: Any, make: Any, changes: Any, verdict: Verdict) -> None:
    """The other pod answers every lookup; this one is seen all the same, and what is too early is no health."""
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", **changes(make)), make.coredns_pod("coredns-b", "10.0.2.7")
    )

    judgement = judge(RULE, pods)

    assert judgement.verdict is verdict, judgement.summary
    assert judgement.pods == (("coredns-a",) if verdict is Verdict.PROBLEM else ())
    assert ("too early to tell" in judgement.summary) is (verdict is Verdict.UNKNOWN)


def test_nothing_is_gained_by_waiting_where_no_pod_is_ready(judge: Any, make: Any) -> None:
    """Both are 20 s old and not ready: whatever comes of it, nobody answers now."""
    both = [make.coredns_pod(name, "10.0.1.7", **unready(make, RECENT)) for name in ("coredns-a", "coredns-b")]

    assert judge(RULE, make.coredns_pods(*both)).verdict is Verdict.PROBLEM


@pytest.mark.parametrize(
    ("changes", "log"),
    [(lambda _: CRASH, "coredns --previous"), (lambda make: unready(make, LONG), "coredns")],
    ids=["crash loop", "never ended"],
)
def test_the_previous_log_is_advised_only_where_there_is_one(judge: Any, make: Any, changes: Any, log: str) -> None:
    """Kubectl refuses `--previous` for a container that never ended."""
    judgement = judge(RULE, make.coredns_pods(make.coredns_pod("coredns-a", "10.0.1.7", **changes(make))))

    assert judgement.advice[1] == f"kubectl -n kube-system logs coredns-a -c {log}"


def test_state_exit_code_and_last_words_are_told(judge: Any, make: Any) -> None:
    """What the container waits for, how it last ended, and what its log said before."""
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", **CRASH), make.coredns_pod("coredns-b", "10.0.2.7")
    )
    text = "2026-11-21T08:58:00Z goroutine 1 [running]:\n2026-11-21T08:58:01Z main.main()\n"

    judgement = judge(RULE, pods, make.coredns_logs({"coredns-a": text}, ended=("coredns-a",)))

    (line,) = judgement.proof
    assert "coredns-a on node-a: CrashLoopBackOff" in line
    assert "Error, exit code 2; 12 restarts" in line
    assert "last log lines: goroutine 1 [running]: | main.main()" in line
    assert judgement.details["exit_codes"] == [2]


def test_an_image_that_the_node_cannot_run_is_told_as_such(judge: Any, make: Any) -> None:
    """CoreDNS never began: the advice is to compare the image with the node, not to read a Corefile."""
    crash = {**CRASH, "container_last_exit_code": 1, "container_image": "registry/coredns:v1.11.4-arm64"}
    other = make.coredns_pod("coredns-b", "10.0.2.7")
    pods = make.coredns_pods(make.coredns_pod("coredns-a", "10.0.1.7", **crash), other)
    text = "2026-11-21T08:58:00Z exec /coredns: exec format error\n"

    judgement = judge(RULE, pods, make.coredns_logs({"coredns-a": text}, ended=("coredns-a",)))

    assert "last log lines: exec /coredns: exec format error" in judgement.proof[0]
    assert "image registry/coredns:v1.11.4-arm64" in judgement.advice[-1]
    assert "kubectl get node node-a" in judgement.advice[-1]


MISSING = {
    "changed long ago": (LONG, {}, Verdict.PROBLEM),
    "changed now": (RECENT, {}, Verdict.UNKNOWN),
    "made the other pod now": (LONG, {"created_at": RECENT}, Verdict.UNKNOWN),
    "another pod goes away": (LONG, {"terminating": True}, Verdict.UNKNOWN),
}


@pytest.mark.parametrize(("changed", "other", "verdict"), MISSING.values(), ids=MISSING)
def test_fewer_pods_than_are_wanted(judge: Any, make: Any, *, changed: Any, other: Any, verdict: Verdict) -> None:
    """A pod of three is missing and the others are ready: a symptom, unless one may be about to be made."""
    other = {name: make.now - value if name == "created_at" else value for name, value in other.items()}
    there = (make.coredns_pod("coredns-a", "10.0.1.7"), make.coredns_pod("coredns-b", "10.0.2.7", **other))
    quota = "FailedCreate: exceeded quota"
    found = make.coredns_pods(
        *there, desired_replicas=2 + (not other.get("terminating")), complaint=quota, last_change=make.now - changed
    )

    judgement = judge(RULE, found)

    assert judgement.verdict is verdict, judgement.summary
    assert "wanted pods are there (FailedCreate: exceeded quota)" in judgement.summary
    if verdict is Verdict.PROBLEM:
        assert judgement.pods == ("1 missing pod of Deployment coredns",)
        assert judgement.advice[0] == "kubectl -n kube-system describe deployment coredns"


def test_nothing_is_gained_by_waiting_where_no_pod_is_there(judge: Any, make: Any) -> None:
    """The Deployment was made 20 s ago and has made no pod."""
    found = replace(make.coredns_pods(last_change=make.now - RECENT), pods=())

    judgement = judge(RULE, found)

    assert judgement.verdict is Verdict.PROBLEM
    assert "0 of 2 wanted pods are there" in judgement.summary


def test_no_pod_at_all_is_never_all_ready(judge: Any, make: Any) -> None:
    """The Deployment is scaled to 0: "all 0 are ready" is no health."""
    judgement = judge(RULE, replace(make.coredns_pods(desired_replicas=0), pods=()))

    assert judgement.verdict is Verdict.UNKNOWN
    assert "there is no CoreDNS pod to look at" in judgement.summary


def test_a_cluster_without_coredns_has_nothing_to_check(judge: Any, make: Any) -> None:
    """Neither pods nor a Deployment (EKS Auto Mode)."""
    pods = replace(make.coredns_pods(desired_replicas=0, deployment_exists=False), pods=())

    assert judge(RULE, pods).verdict is Verdict.HEALTHY


def test_pods_are_seen_without_their_logs(judge: Any, make: Any) -> None:
    """Logs may not be read: the crash loop is named all the same."""
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", **CRASH), make.coredns_pod("coredns-b", "10.0.2.7")
    )
    logs = {type(make.coredns_logs()): Gap(what="logs", reason="403", grant="pods/log: get")}

    assert judge(RULE, pods, gaps=logs).verdict is Verdict.PROBLEM
    assert judge(RULE, gaps=logs).verdict is Verdict.HEALTHY
