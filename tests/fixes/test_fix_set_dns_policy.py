"""`ClusterFirstWithHostNet` in the pod templates of workloads on their nodes' network: planned, sent, taken back."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors.host_network_pods import HostNetworkPods, HostNetworkWorkload
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.plans import Advice, PlanCase, Planned
from bot.domain.settling import Progressing
from bot.fixes.set_dns_policy import FIX, Parameters
from bot.sandbox.kubernetes.patching import strategic_merge
from tests.fixes.far_ends import TARGET, BothEnds

AGENT = HostNetworkWorkload(
    namespace="shop",
    kind="DaemonSet",
    name="agent",
    dns_policy="ClusterFirst",
    pods=("shop/agent-a", "shop/agent-b"),
    nameservers=("10.0.0.2",),
    uid="uid-agent",
    template_policy="ClusterFirst",
)


def case(*workloads: HostNetworkWorkload, read: tuple[HostNetworkWorkload, ...] = (), **parameters: Any) -> PlanCase:
    """Return what is planned from: a finding that names these workloads, each read unless others were."""
    rows: Any = [{"namespace": one.namespace, "kind": one.kind, "name": one.name} for one in workloads]
    finding = Finding(
        rule="host_network_dns_policy",
        title="",
        kind=Kind.CAUSE,
        playbook="lookups",
        severity=Severity.WARNING,
        judgement=Judgement(verdict=Verdict.PROBLEM, summary="", details={"workloads": rows}),
    )
    return PlanCase(
        plan_id="plan1",
        target=TARGET,
        finding=finding,
        parameters=Parameters(**parameters),
        evidence={HostNetworkPods: HostNetworkPods(workloads=read or workloads)},
    )


@dataclass
class Cluster(BothEnds):
    """One DaemonSet in memory, patched as the API server does it."""

    spec: dict[str, Any] = field(default_factory=lambda: {"hostNetwork": True, "dnsPolicy": "ClusterFirst"})
    generation: int = 1
    observed: int = 1

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return it."""
        assert (resource.plural, name, namespace) == ("daemonsets", "agent", "shop")
        pods = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2}
        return {
            "metadata": {"name": name, "uid": "uid-agent", "generation": self.generation},
            "spec": {"template": {"spec": copy.deepcopy(self.spec)}},
            "status": {"observedGeneration": self.observed, **pods},
        }

    def patch(self, resource: Any, name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Merge a patch that is held to the uid."""
        found = self.get(resource, name, namespace=namespace)
        assert body["metadata"]["uid"] == found["metadata"]["uid"]
        self.generation += 1
        self.spec = strategic_merge(found, body)["spec"]["template"]["spec"]
        return {"metadata": {"generation": self.generation}}


@pytest.mark.parametrize("former", ["ClusterFirst", ""])
def test_the_policy_is_set_waited_for_and_taken_back(former: str) -> None:
    """Nothing else changes; the undo leaves what was there before, or nothing where there was nothing."""
    before = {"hostNetwork": True, **({"dnsPolicy": former} if former else {})}
    cluster = Cluster(spec=dict(before))
    planned = FIX.plan(case(replace(AGENT, template_policy=former)))
    assert isinstance(planned, Planned)
    (step,) = planned.steps
    assert FIX.read(step, cluster.reading()) == step.before

    FIX.apply(step, cluster.writing())

    assert cluster.spec == {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    assert FIX.settled(step, {}, cluster.reading()).progress is Progressing.WAITING
    cluster.observed = cluster.generation
    assert FIX.settled(step, {}, cluster.reading()).progress is Progressing.DONE
    back = FIX.inverse(step, {})
    assert back is not None
    assert FIX.read(back, cluster.reading()) == back.before
    FIX.apply(back, cluster.writing())
    assert cluster.spec == before
    assert '+ "ClusterFirstWithHostNet"' in step.diff


def test_a_few_workloads_at_once_and_their_managers_are_named() -> None:
    """The rest waits for a further plan; who manages one sets it back unless it says so there, too."""
    managed = replace(AGENT, name="proxy", manager="Argo CD application shop")

    planned = FIX.plan(case(AGENT, managed, replace(AGENT, name="third"), max_workloads=2))

    assert isinstance(planned, Planned)
    assert [step.target.split()[0] for step in planned.steps] == ["daemonset/agent", "daemonset/proxy"]
    assert [step.owner for step in planned.steps] == ["", "Argo CD application shop"]
    assert "1 more workload left" in planned.blast_radius
    assert "daemonset/proxy in shop (Argo CD application shop)" in planned.blast_radius


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (replace(AGENT, template_policy="ClusterFirstWithHostNet"), "say otherwise already"),
        (replace(AGENT, rollout="1 of 2 pods are new"), "rollout is under way"),
        (replace(AGENT, uid=""), "makes these pods: daemonset/agent"),
        (replace(AGENT, name="another"), "makes these pods: daemonset/agent"),
    ],
    ids=["set already", "rolling out", "of a controller that was not read", "gone meanwhile"],
)
def test_a_plan_that_changes_nothing_is_not_offered(read: HostNetworkWorkload, reason: str) -> None:
    """Advice says why, and what a person can do."""
    advice = FIX.plan(case(AGENT, read=(read,)))

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text
