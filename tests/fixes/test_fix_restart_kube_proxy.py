from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.collectors.kube_proxy_configuration import ConfiguredBy, KubeProxyConfiguration
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.domain.settling import Progressing
from bot.fixes.restart_kube_proxy import FIX, Parameters
from bot.kubernetes.owners import Owner
from bot.kubernetes.pods import Container, Pod
from tests.fixes.far_ends import NOW, TARGET, BothEnds

STARTED = NOW - timedelta(hours=2)
DAEMON_SET = Owner(kind="DaemonSet", name="kube-proxy", uid="u-1")
CHANGED = ConfiguredBy(name="kube-proxy", changed_at=NOW - timedelta(hours=1), managers=("kubectl-edit",))
OLD = replace(CHANGED, changed_at=NOW - timedelta(days=9))
UNREAD = Gap(what="ConfigMap kube-system/kube-proxy", reason="403 Forbidden", grant="configmaps: get")


def pod(name: str, owner: Owner = DAEMON_SET) -> Pod:
    """Return a kube-proxy that runs for two hours."""
    container = Container(name="kube-proxy", ready=True, running_since=STARTED)
    return Pod(
        namespace="kube-system", name=name, node=f"node-{name[-1]}", phase="Running", ready=True, created_at=STARTED,
        container=container, owner=owner,
    )  # fmt: skip


def case(
    *config_maps: ConfiguredBy,
    rule: str = "kube_proxy_api_timeout",
    details: Mapping[str, Any] | None = None,
    owner: Owner = DAEMON_SET,
    proxy: str = "",
    gaps: tuple[Gap, ...] = (),
) -> PlanCase:
    """Return what is planned from: two kube-proxies of one DaemonSet, and when their ConfigMaps changed."""
    judgement = Judgement(verdict=Verdict.PROBLEM, summary="", details=details or {"nodes": ["node-a"], "pods": ["x"]})
    finding = Finding(
        rule=rule, title="", kind=Kind.CAUSE, playbook="kube-proxy", severity=Severity.CRITICAL, judgement=judgement
    )
    pods = KubeProxyPods(
        daemon_set_exists=True, desired=2, scheduled=2, pods=(pod("kube-proxy-a", owner), pod("kube-proxy-b")),
        nodes_total=2, exempt_nodes=0, uncovered=(),
    )  # fmt: skip
    dns = KubeDns(
        service_exists=True, cluster_ip="172.20.0.10", cluster_ips=(), selector="", ports=(), endpoints=(),
        proxy=proxy,
    )  # fmt: skip
    return PlanCase(
        plan_id="plan1",
        target=TARGET,
        finding=finding,
        parameters=Parameters(timeout=timedelta(minutes=3)),
        evidence={
            KubeProxyPods: pods,
            KubeProxyConfiguration: KubeProxyConfiguration(config_maps=config_maps, gaps=gaps),
            KubeDns: dns,
        },
    )


@dataclass
class Far(BothEnds):
    """The API server: the DaemonSet, and what was written."""

    annotations: dict[str, str] = field(default_factory=dict)
    ready: int = 2
    sent: list[Any] = field(default_factory=list)

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return the DaemonSet."""
        assert (resource.plural, name, namespace) == ("daemonsets", "kube-proxy", "kube-system")
        status = {
            "observedGeneration": 1,
            "desiredNumberScheduled": 2,
            "updatedNumberScheduled": 2,
            "numberReady": self.ready,
            "numberAvailable": self.ready,
        }
        return {
            "metadata": {"uid": "u-1", "generation": 1},
            "spec": {"template": {"metadata": {"annotations": self.annotations}}},
            "status": status,
        }

    def patch(self, resource: Any, name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Note a patch and bear its annotations."""
        self.sent.append((resource.plural, namespace, name, body["metadata"]))
        self.annotations |= body["spec"]["template"]["metadata"]["annotations"]
        return {"metadata": {"generation": 2}}


def planned(found: PlanCase) -> tuple[Step, str]:
    """Return the one step of the plan, and what else it touches."""
    plan = FIX.plan(found)
    assert isinstance(plan, Planned), plan
    (step,) = plan.steps
    return step, plan.blast_radius


def test_what_changed_after_the_pods_started_is_the_reason() -> None:
    """It is named with its time, and the pods that go on without it are counted."""
    step, radius = planned(case(CHANGED, replace(OLD, name="kube-proxy-config")))

    assert "ConfigMap kube-system/kube-proxy changed 2026-11-21T08:00:00Z, after 2 kube-proxy pods started" in radius
    assert "kube-proxy-config" not in radius
    assert step.command == (
        "kubectl -n kube-system rollout restart daemonset/kube-proxy && kubectl -n kube-system rollout status "
        "daemonset/kube-proxy --timeout 180s"
    )


SILENT = {"nodes": ["node-a", "node-b"], "pods": []}


def test_rules_that_are_gone_without_a_word_are_written_again() -> None:
    """Where kube-proxy says that it cannot write, it would say so again."""
    _, radius = planned(case(OLD, rule="kube_proxy_rules_missing", details=SILENT))

    assert "Its rules are gone from node-a, node-b, and it says nothing of it" in radius


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (case(OLD), "a restarted one would meet the same again"),
        (case(gaps=(UNREAD,)), "meet the same again (403 Forbidden)"),
        (case(OLD, rule="kube_proxy_rules_missing"), "meet the same again"),
        (case(OLD, rule="kube_proxy_api_timeout", details=SILENT), "meet the same again"),
        (
            case(OLD, rule="kube_proxy_rules_missing", details=SILENT, proxy="mesh"),
            "leaves the DNS Service to the proxy",
        ),
        (case(CHANGED, owner=replace(DAEMON_SET, name="kube-proxy-arm")), "(kube-proxy, kube-proxy-arm)"),
    ],
)
def test_a_restart_that_would_not_help_is_advice(found: PlanCase, reason: str) -> None:
    """Nothing changed, what changed is not known, another proxy is to lead the Service, or whose pods they are."""
    advice = FIX.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text


def test_it_restarts_once_and_waits_for_all_pods() -> None:
    """The same plan does not restart twice; a restart leaves nothing to take back."""
    far = Far()
    step, _ = planned(case(CHANGED))
    assert FIX.read(step, far.reading()) == step.before

    effects = FIX.apply(step, far.writing())
    FIX.apply(step, far.writing())

    assert far.sent == [("daemonsets", "kube-system", "kube-proxy", {"uid": "u-1"})]
    assert FIX.settled(step, effects, far.reading()).progress is Progressing.DONE
    assert "1 of 2" in FIX.settled(step, effects, Far(ready=1).reading()).text
    assert FIX.inverse(step, effects) is None
