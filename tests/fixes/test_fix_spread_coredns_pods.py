from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling, RefusedMember
from bot.collectors.coredns_placement import CorednsPlacement, PlacedPod, SpreadDeployment
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import digest_of_text
from bot.domain.plans import Advice, PlanCase, Planned, Step, WriterKind
from bot.domain.settling import Progressing
from bot.errors import EvidenceUnavailable, NotFound
from bot.fixes.spread_coredns_pods import FIX, Parameters
from bot.kubernetes.spreading import Apart, with_anti_affinity, with_constraint
from tests.fixes.far_ends import TARGET, BothEnds

LABELS = {"k8s-app": "kube-dns"}
AFFINITY: dict[str, Any] = {
    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
}
DEPLOYMENT = SpreadDeployment(
    namespace="kube-system",
    name="coredns",
    uid="u-1",
    replicas=2,
    manager="",
    labels=tuple(LABELS.items()),
    apart=Apart.NOT,
    held_apart=False,
    over_zones=False,
    affinity=json.dumps(AFFINITY),
    constraints="",
    restarted_at="",
    rollout="",
)
VALUES = '{"corefile": ".:53 {}"}'
ADDON = CorednsAddon(
    version="v1.11.4-eksbuild.2",
    status="ACTIVE",
    issues=(),
    configuration=VALUES,
    digest=digest_of_text(VALUES),
    autoscaling=False,
)


def case(
    addon: CorednsAddon | None = None,
    *,
    nodes: int = 3,
    one_zone: bool = False,
    gap: Gap | None = None,
    **deployment: Any,
) -> PlanCase:
    """Return what is planned from: two pods on one node of so many, or on two nodes of one zone."""
    judgement = Judgement(verdict=Verdict.PROBLEM, summary="")
    finding = Finding(
        rule="coredns_pods_co_located",
        title="",
        kind=Kind.CAUSE,
        playbook="load",
        severity=Severity.WARNING,
        judgement=judgement,
    )
    placement = CorednsPlacement(
        pods=tuple(PlacedPod(name=f"coredns-{at}", node=f"a{at if one_zone else 0}", zone="a") for at in range(2)),
        deployments=(replace(DEPLOYMENT, **deployment),),
        nodes=nodes,
        zones=("a", "b"),
    )
    owner = gap or CorednsAddonScheduling(addon=addon)
    return PlanCase(
        plan_id="plan1",
        target=TARGET,
        finding=finding,
        parameters=Parameters(),
        evidence={CorednsPlacement: placement, CorednsAddonScheduling: owner},
    )


def planned(*arguments: Any, **named: Any) -> Step:
    """Return the one step of the plan."""
    found = FIX.plan(case(*arguments, **named))
    assert isinstance(found, Planned)
    (step,) = found.steps
    return step


@dataclass
class Far(BothEnds):
    """Both far ends: the Deployment's pod template and rollout, the add-on, and what was written."""

    template: dict[str, Any] = field(default_factory=lambda: {"affinity": AFFINITY})
    ready: int = 2
    values: str = VALUES
    gone: bool = False
    sent: list[Any] = field(default_factory=list)

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return the Deployment."""
        assert (resource.plural, name, namespace) == ("deployments", "coredns", "kube-system")
        if self.gone:
            raise NotFound("there is none")
        status = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": self.ready}
        return {
            "metadata": {"uid": "u-1", "generation": 2},
            "spec": {"replicas": 2, "template": {"spec": self.template}},
            "status": status,
        }

    def read(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the add-on."""
        assert (service, operation) == ("eks", "DescribeAddon")
        assert parameters == {"clusterName": "cluster-prod", "addonName": "coredns"}
        return {"addon": {"addonVersion": ADDON.version, "status": "ACTIVE", "configurationValues": self.values}}

    def patch(self, _resource: Any, _name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Note a patch."""
        self.sent.append((namespace, body))
        return {"metadata": {"generation": 2}}

    def write(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Note an update."""
        self.sent.append((f"{service}:{operation}", parameters))
        return {"update": {"id": "up-1"}}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (case(nodes=1), "No other node takes a CoreDNS pod: spreading changes nothing"),
        (case(rollout="1 of 2 pods are new"), "is under way (1 of 2 pods are new)"),
        (case(replace(ADDON, status="CREATING")), "is CREATING, and takes no update until that has ended"),
        (case(replace(ADDON, status="DEGRADED", issues=("AccessDenied: role",))), "is DEGRADED"),
        (case(replace(ADDON, refused=(RefusedMember(member="affinity", reason="no"),))), "does not take affinity: no"),
        (case(replace(ADDON, configuration="")), "holds text that the bot does not store"),
        (case(replace(ADDON, configuration="- x", digest=digest_of_text("- x"))), "cannot be edited"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_what_to_do(found: PlanCase, reason: str) -> None:
    """No node to spare, a rollout, an add-on that takes no update or no such member, a secret in its values."""
    advice = FIX.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text


def test_pods_of_two_deployments_are_not_spread() -> None:
    """Whose members would be set is open."""
    found = case()
    two = replace(found.need(CorednsPlacement), deployments=(DEPLOYMENT, replace(DEPLOYMENT, name="dns")))

    advice = FIX.plan(replace(found, evidence={**found.evidence, CorednsPlacement: two}))

    assert isinstance(advice, Advice)
    assert "kube-system/coredns, kube-system/dns" in advice.reason


def test_without_knowing_who_owns_it_nothing_is_planned() -> None:
    """Where the add-on could not be read, the Deployment may be EKS's."""
    with pytest.raises(EvidenceUnavailable, match="eks:ListAddons was refused"):
        FIX.plan(case(gap=Gap(what="add-on", reason="eks:ListAddons was refused")))


WANTED = with_anti_affinity(AFFINITY, LABELS)
HELD = with_constraint([], LABELS, "kubernetes.io/hostname")
ZONED = with_constraint([], LABELS, "topology.kubernetes.io/zone")


@pytest.mark.parametrize(
    ("named", "members"),
    [
        ({}, {"affinity": WANTED}),
        ({"nodes": 2}, {"affinity": WANTED, "topologySpreadConstraints": HELD}),
        ({"nodes": 2, "apart": Apart.PREFERRED}, {"topologySpreadConstraints": HELD}),
        ({"one_zone": True, "apart": Apart.PREFERRED}, {"topologySpreadConstraints": ZONED}),
    ],
)
@pytest.mark.parametrize("addon", [None, ADDON])
def test_what_is_missing_is_added_and_no_more(
    addon: CorednsAddon | None, named: dict[str, Any], members: dict[str, Any]
) -> None:
    """C13's anti-affinity; where nodes are as few as pods a constraint; through the add-on with its other values."""
    step = planned(addon, **named)

    if addon:
        assert json.loads(str(step.parameters["configuration"])) == {**json.loads(VALUES), **members}
    wanted = step.parameters["members"]
    assert isinstance(wanted, dict)
    assert {name: json.loads(str(text)) for name, text in wanted.items()} == members
    assert step.writer is (WriterKind.AWS if addon else WriterKind.KUBERNETES)


@pytest.mark.parametrize(
    "named", [{"apart": Apart.PREFERRED}, {"nodes": 2, "apart": Apart.REQUIRED, "held_apart": True}]
)
@pytest.mark.parametrize("addon", [None, ADDON])
def test_where_all_is_there_already_a_restart_places_the_pods_anew(
    addon: CorednsAddon | None, named: dict[str, Any]
) -> None:
    """A plan that changes nothing of the template, and cannot be undone."""
    far, step = Far(), planned(addon, **named)

    FIX.apply(step, far.writing())

    assert (step.action, step.undo, FIX.inverse(step, {})) == ("restart", "", None)
    assert FIX.read(step, far.reading()) == step.before
    assert list(far.sent[0][1]["spec"]["template"]) == ["metadata"]
    assert FIX.settled(step, {}, far.reading()).progress is Progressing.DONE
    assert FIX.settled(step, {}, Far(ready=1).reading()).progress is Progressing.WAITING


def test_the_deployment_s_members_are_replaced_whole_and_given_back() -> None:
    """Held to the uid; the undo gives back what was there, or takes it away."""
    far, step = Far(), planned(nodes=2, manager="Helm release coredns")
    assert (FIX.read(step, far.reading()), step.owner) == (step.before, "Helm release coredns")
    assert FIX.settled(step, {}, far.reading()).text == "the pod template of coredns does not say so yet"

    FIX.apply(step, far.writing())

    template = {
        "affinity": {"$patch": "replace", **WANTED},
        "topologySpreadConstraints": HELD,
    }
    assert far.sent == [("kube-system", {"metadata": {"uid": "u-1"}, "spec": {"template": {"spec": template}}})]
    far.template = {"affinity": WANTED, "topologySpreadConstraints": HELD}
    assert FIX.settled(step, {}, far.reading()).progress is Progressing.DONE
    back = FIX.inverse(step, {})
    assert back is not None
    assert FIX.read(back, far.reading()) == back.before
    FIX.apply(back, far.writing())
    former = {"affinity": {"$patch": "replace", **AFFINITY}, "topologySpreadConstraints": None}
    assert far.sent[-1][1]["spec"]["template"]["spec"] == former


def test_the_add_on_s_whole_configuration_is_sent_and_given_back() -> None:
    """With resolveConflicts NONE; done when CoreDNS's pods are new and Ready; the undo sends the former text."""
    far, step = Far(), planned(ADDON)
    assert FIX.read(step, far.reading()) == step.before

    FIX.apply(step, far.writing())

    ((call, sent),) = far.sent
    assert (call, sent["addonName"], sent["resolveConflicts"]) == ("eks:UpdateAddon", "coredns", "NONE")
    assert json.loads(sent["configurationValues"]) == {**json.loads(VALUES), "affinity": WANTED}
    assert FIX.settled(step, {}, far.reading()).progress is Progressing.WAITING
    far.template, far.values = {"affinity": WANTED}, sent["configurationValues"]
    assert FIX.settled(step, {}, far.reading()).progress is Progressing.DONE
    far.ready = 1
    assert FIX.settled(step, {}, far.reading()).text == "coredns: 1 of 2 pods are Ready"
    back = FIX.inverse(step, {})
    assert back is not None
    assert (FIX.read(back, far.reading()), back.parameters["configuration"]) == (back.before, VALUES)


@pytest.mark.parametrize("named", [{}, {"nodes": 2}])
def test_the_blast_radius_says_what_is_replaced_and_who_else_manages_it(named: dict[str, Any]) -> None:
    """And that a strict constraint may leave a pod without a node."""
    found = FIX.plan(case(manager="Helm release coredns", **named))

    assert isinstance(found, Planned)
    assert "2 CoreDNS pods of kube-system/coredns are replaced within its rollout's limits" in found.blast_radius
    assert "Helm release coredns manages the Deployment and sets it back" in found.blast_radius
    assert ("stays Pending" in found.blast_radius) is bool(named)


def test_what_is_gone_is_no_longer_as_it_was() -> None:
    """Whoever deleted it since meant it."""
    step = planned()

    assert FIX.read(step, Far(gone=True).reading()) != step.before


@pytest.mark.parametrize(("addon", "rights"), [(None, []), (ADDON, ["eks:UpdateAddon"])])
def test_the_right_to_update_the_add_on_is_named_as_one_that_nobody_can_try(
    addon: CorednsAddon | None, rights: list[str]
) -> None:
    """EKS knows no dry run; without the add-on the right is not needed here."""
    tried = FIX.rehearse(case(addon).evidence)

    assert [right for one in tried for right in one.judges] == rights
