"""CoreDNS that is not well in ways that lookups do not show: one lab for all, set right after each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.sandbox.scenarios.coredns_pods_pending import taint_all
from bot.sandbox.world.editing import edit_pod_template
from lab.contract.far_end import eventually
from lab.kubernetes_api import Json
from lab.observing import diagnose
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(300)
DNS = "k8s-app=kube-dns"
AFTER_SECONDS = 3.0
"""Sooner than any grace ends."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """A lab in which nothing is wrong."""
    with RunningLab(scenario="healthy", seed=1) as running:
        yield running


@pytest.fixture
def coredns(lab: RunningLab) -> Iterator[RunningLab]:
    """The same; its CoreDNS Deployment is put back afterwards and has come up again."""
    found = [one for one in lab.operator.get("deployments.apps") if one["metadata"]["name"] == "coredns"]
    yield lab
    (before,) = found
    edit_pod_template(
        lab.operator, "deployments.apps", "coredns", lambda _: before["spec"]["template"], namespace="kube-system"
    )
    eventually(lambda: diagnose(lab)[0], lambda code: code == 0, seconds=90)


def change_container(lab: RunningLab, **changes: Any) -> None:
    """Change CoreDNS's container in the Deployment; None takes a member away."""

    def changed(template: Json) -> Json:
        (container,) = template["spec"]["containers"]
        made = {key: value for key, value in {**container, **changes}.items() if value is not None}
        return {**template, "spec": {**template["spec"], "containers": [made]}}

    edit_pod_template(lab.operator, "deployments.apps", "coredns", changed, namespace="kube-system")


def verdicts(report: Json) -> dict[str, str]:
    """Return each rule's verdict."""
    return {finding["rule"]: finding["verdict"] for finding in report["findings"]}


def test_a_crash_loop_beside_a_ready_pod_is_seen(coredns: RunningLab) -> None:
    """A rollout of pods that end at once: the old one answers every lookup, and the cause of the others is named."""
    change_container(coredns, args=["-conf", "/etc/coredns/none"])

    code, report = eventually(lambda: diagnose(coredns), lambda seen: bool(seen[1]["root_causes"]), seconds=60)

    assert (code, report["root_causes"]) == (2, ["coredns_crash_corefile"])
    assert verdicts(report)["coredns_pods_not_ready"] == "problem"
    assert report["unexplained_pods"] == []


def test_a_restart_with_other_arguments_is_no_crash_loop(coredns: RunningLab) -> None:
    """The look-alike: pods were made anew with the same file named otherwise, and every one of them came up."""
    change_container(coredns, args=["-conf", "/etc/coredns/../coredns/Corefile"])

    code, report = eventually(lambda: diagnose(coredns), lambda seen: seen[0] == 0, seconds=90)

    assert (code, report["root_causes"], report["unexplained_pods"]) == (0, [], [])
    assert verdicts(report)["coredns_pods_not_ready"] == "healthy"


def test_coredns_without_a_readiness_probe_is_healthy(coredns: RunningLab) -> None:
    """What failed while it started is contradicted by the names that it answers; nothing else would say so."""
    change_container(coredns, readinessProbe=None)

    code, report = eventually(lambda: diagnose(coredns), lambda seen: seen[0] == 0, seconds=90)

    assert (code, report["root_causes"]) == (0, [])


@contextmanager
def tainted(lab: RunningLab) -> Iterator[None]:
    """Let every node bear a taint that CoreDNS does not tolerate."""
    before = {node["metadata"]["name"]: node.get("spec", {}).get("taints") or [] for node in lab.operator.get("nodes")}
    taint_all(lab.operator, "dedicated", "batch")
    try:
        yield
    finally:
        for node in lab.operator.get("nodes"):
            lab.operator.apply({**node, "spec": {**node["spec"], "taints": before[node["metadata"]["name"]]}})
        lab.operator.settle()


def test_a_taint_that_met_no_pod_is_not_blamed_three_seconds_later(lab: RunningLab) -> None:
    """The look-alike: nodes are tainted and no pod was made anew, so all run on and answer."""
    with tainted(lab):
        time.sleep(AFTER_SECONDS)
        code, report = diagnose(lab)

    assert (code, report["root_causes"], report["unexplained_pods"]) == (0, [], [])
    assert verdicts(report)["coredns_pods_pending"] == "healthy"


def test_a_taint_is_named_three_seconds_after_the_restart(lab: RunningLab) -> None:
    """The scheduler has said that no node takes the pods, and nobody serves: nothing is gained by waiting."""
    with tainted(lab):
        lab.operator.delete_pods(namespace="kube-system", labels=DNS)
        time.sleep(AFTER_SECONDS)
        code, report = diagnose(lab)

    (pending,) = [one for one in report["findings"] if one["rule"] == "coredns_pods_pending"]
    assert (code, report["root_causes"]) == (2, ["coredns_pods_pending"])
    assert "dedicated=batch:NoSchedule" in pending["summary"]
