from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.diagnosis import Diagnosis
from bot.domain.lookups import ClientKind
from bot.domain.phrases import timestamp
from bot.report.diagnosis_words import diagnosis_words
from bot.report.json_report import json_report
from bot.report.lookup_table import lookup_table
from bot.report.terminal import diagnosis_text
from bot.sandbox.operator.pod_shell import dig
from bot.sandbox.running.running_world import RunningWorld

SCENARIO = "branch-pods-security-group"
INSIDE = "kubernetes.default.svc.cluster.local."


@pytest.fixture(scope="module")
def diagnosis(world: RunningWorld, run_here: Callable[[], Diagnosis]) -> Diagnosis:
    """Diagnose the world with two pods on each node, one of them with a branch interface whose lookups alone fail."""
    world.restart(scenario=SCENARIO, seed=1)
    return run_here()


@pytest.mark.slow
def test_pods_with_a_branch_interface_alone_get_no_answer(world: RunningWorld, diagnosis: Diagnosis) -> None:
    """Not even of a CoreDNS pod on their own node; the plain pods of the same nodes get theirs."""
    del diagnosis
    own = world.operator.get("pods", namespace="payments")
    plain = world.operator.get("pods", namespace="catalog")
    servers = [
        pod["status"]["podIP"] for pod in world.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    ]

    answers = {
        (pod["metadata"]["namespace"], "status: NOERROR" in dig(world.kubernetes_url, pod, server, INSIDE))
        for pod in (*own, *plain)
        for server in (*servers, "172.20.0.10")
    }

    assert {pod["spec"]["nodeName"] for pod in own} == {pod["spec"]["nodeName"] for pod in plain}
    assert answers == {("payments", False), ("catalog", True)}


@pytest.mark.slow
def test_reach_and_matrix_mean_these_pods(diagnosis: Diagnosis) -> None:
    """The cause covers all that failed and nothing that a plain pod asked."""
    matrix = diagnosis.matrix
    assert matrix is not None
    (cause,) = diagnosis.root_causes

    covered = [one for one in matrix.lookups if any(reach.covers(one) for reach in cause.judgement.reach)]

    (symptom,) = (finding for finding in diagnosis.findings if finding.rule == "dns_lookups_fail")
    assert set(covered) == set(symptom.judgement.failing)
    assert {one.client.kind for one in covered} == {ClientKind.BRANCH}
    assert {one.client.kind for one in matrix.lookups} == {ClientKind.BRANCH, ClientKind.POD}
    assert diagnosis.unexplained == ()


@pytest.mark.slow
def test_every_report_says_these_pods(diagnosis: Diagnosis) -> None:
    """In a terminal, as JSON and in Slack: who is cut off, from whom lookups fail, how much was looked at."""
    told = " ".join(diagnosis_text(diagnosis_words(diagnosis, at=timestamp)).split())
    report: Any = json_report(diagnosis)
    findings = {finding["rule"]: finding for finding in report["findings"]}
    table = lookup_table(diagnosis.matrix).splitlines()

    assert "Queries from 3 of 3 branch-interface pods (payments/" in told
    assert "only from branch-interface pods; looked from 3 of 3 nodes, from branch-interface pods on 3 of 3" in told
    assert findings["dns_lookups_fail"]["details"]["clients"] == ["branch"]
    blocked = findings["dns_blocked_by_security_group"]["details"]["blocked"]
    assert {item["client_pod"].partition("/")[0] for item in blocked} == {"payments"}
    assert ", branch-interface pods  " in table[1]
    assert {"timed out" in line for line in table if ", branch-interface pods" in line} == {True}
    assert {"timed out" in line for line in table if ", plain pods" in line} == {False}
