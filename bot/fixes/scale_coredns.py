"""Scale CoreDNS up: through EKS's own scaling where the add-on's version knows it, else their number (C13).

Each pod on a node of its own has an interface's 1,024 packets a second to the VPC's resolver. Where the EKS add-on
coredns owns the Deployment its configurationValues are changed, with all else kept: `autoScaling` with a least number
of pods where the version takes it, else `replicaCount`. Cost: one write, then reads every 2 s until all pods are Ready.
Playbook:

    fixes:
      - fix: scale_coredns
        with: {least: 2, factor: 2.0, most: 20, timeout: 10m}
        risk: low
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_addon_scheduling import AUTOSCALING, CorednsAddon, CorednsAddonScheduling
from bot.collectors.coredns_placement import CorednsPlacement, SpreadDeployment
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import NotEditable, NotFound
from bot.fixes import _addon_update as addon_update
from bot.fixes import _coredns_addon_members as coredns_addon
from bot.kubernetes.addon_members import member, with_member
from bot.kubernetes.members import optional_number, part
from bot.kubernetes.resources import DEPLOYMENTS
from bot.kubernetes.rollouts import unfinished

NAME = "scale_coredns"
_ACTION, _REPLICAS = "scale", "replicaCount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    least: int = 2
    """So many pods at least, whatever there were."""
    factor: float = 2.0
    """How many times more pods than there are."""
    most: int = 20
    """No more than so many, and no more than nodes take one each."""
    addon_timeout: timedelta = timedelta(minutes=15)
    """How long an update of the add-on that is under way may take before this one is sent."""
    timeout: timedelta = timedelta(minutes=10)
    """How long the new pods may take until all are Ready; then later steps are not run."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan the one step that gives CoreDNS more pods."""
    placement, addon = case.need(CorednsPlacement), case.need(CorednsAddonScheduling).addon
    if len(placement.deployments) != 1:
        named = ", ".join(f"{one.namespace}/{one.name}" for one in placement.deployments) or "none"
        return Advice(reason=f"The pods of the DNS service are not one Deployment's ({named}).")
    one, parameters = placement.deployments[0], case.parameters
    if case.finding.judgement.details.get("desired_replicas"):
        return Advice(reason=f"{one.replicas} CoreDNS pods are wanted, and none serves: more pods would not, either.")
    asked = max(parameters.least, math.ceil(one.replicas * parameters.factor))
    wanted = min(asked, parameters.most, max(placement.nodes, parameters.least))
    if wanted <= one.replicas:
        return Advice(
            reason=f"{count(placement.nodes, 'node')} would take a CoreDNS pod, and {one.replicas} are wanted already: "
            "more pods would share interfaces.",
            text=("Add nodes, or let CoreDNS ask less: ndots:1, a longer cache, NodeLocal DNSCache.",),
        )
    seconds = int(parameters.timeout.total_seconds())
    by_addon = addon is not None and (one.replicas > 0 or _asks_for_none(addon))
    steps = (
        _by_addon(one, addon, wanted, case, settles_within_seconds=seconds)
        if addon and by_addon
        else (_scale(one, one.replicas, wanted, settles_within_seconds=seconds),)
    )
    if isinstance(steps, Advice):
        return steps
    by = "" if addon or not one.manager else f" {one.manager} manages the Deployment: change its values as well."
    return Planned(
        steps=steps,
        blast_radius=f"{count(wanted - one.replicas, 'CoreDNS pod')} more of {one.namespace}/{one.name} will be made; "
        f"{count(placement.nodes, 'node')} would take one. Those that run stay as they are.{by}",
    )


def _asks_for_none(addon: CorednsAddon) -> bool:
    """Return whether the add-on's configuration wants no pod; else somebody scaled its Deployment by hand."""
    try:
        return bool(member(addon.configuration, _REPLICAS) == 0)
    except NotEditable:
        return True


def _by_addon(
    one: SpreadDeployment, addon: CorednsAddon, wanted: int, case: PlanCase, *, settles_within_seconds: int
) -> tuple[Step, ...] | Advice:
    name = _REPLICAS if addon.refuses(AUTOSCALING) else AUTOSCALING
    change = coredns_addon.Change(
        names=(name,),
        edited=lambda configuration: with_member(configuration, name, _value(addon, name, wanted)),
        by_hand=_REPLICAS,
        undo="Sends the former configuration, byte for byte; the pods beyond it end.",
        further={"namespace": one.namespace, "name": one.name, "uid": one.uid, "replicas": wanted},
        settles_within_seconds=settles_within_seconds,
    )
    return coredns_addon.steps_to(
        NAME,
        change,
        addon,
        workload=one.what,
        cluster=case.target.eks_name,
        addon_timeout=case.parameters.addon_timeout,
    )


def _value(addon: CorednsAddon, name: str, wanted: int) -> JsonValue:
    """Return the member's value: EKS's own scaling keeps its upper limit where that is high enough."""
    if name == _REPLICAS:
        return wanted
    held = member(addon.configuration, AUTOSCALING)
    held = held if isinstance(held, dict) else {}
    most = max(int(held.get("maxReplicas", 10)), wanted)
    return {**held, "enabled": True, "minReplicas": wanted, "maxReplicas": most}


def _scale(one: SpreadDeployment, former: int, wanted: int, *, settles_within_seconds: int) -> Step:
    return Step(
        fix=NAME,
        action=_ACTION,
        target=f"{one.what} in namespace {one.namespace}, replicas",
        parameters={"namespace": one.namespace, "name": one.name, "uid": one.uid, "replicas": wanted},
        before={"uid": one.uid, "replicas": former},
        diff=("  replicas:", f"- {former}", f"+ {wanted}"),
        undo=f"Scales it back to {former}.",
        command=(
            f"kubectl -n {one.namespace} scale {one.what} --replicas {wanted} && kubectl -n {one.namespace} rollout "
            f"status {one.what} --timeout {settles_within_seconds}s"
        ),
        writer=WriterKind.KUBERNETES,
        owner=one.manager,
        settles_within_seconds=settles_within_seconds,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return what the step changes, as it is now."""
    if step.action in addon_update.ACTIONS:
        return addon_update.read(step, look)
    try:
        found = look.cluster.get(DEPLOYMENTS, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
    except NotFound:
        return {"uid": "", "replicas": 0}
    with reading(f"get {step.target}"):
        return {"uid": str(found["metadata"]["uid"]), "replicas": optional_number(part(found, "spec"), "replicas", 1)}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the change; a patch is held to the Deployment's uid."""
    if step.action in addon_update.ACTIONS:
        return addon_update.apply(step, writing)
    body: JsonObject = {
        "metadata": {"uid": step.parameters["uid"]},
        "spec": {"replicas": step.parameters["replicas"]},
    }
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    found = writing.cluster_writer.patch(DEPLOYMENTS, name, body, namespace=namespace)
    return {"generation": int(found.get("metadata", {}).get("generation", 0))}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether so many pods are Ready; EKS's own scaling may want more."""
    if (told := addon_update.not_yet(step, effects, look)) is not None:
        return told
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    found = look.cluster.get(DEPLOYMENTS, name, namespace=namespace)
    least = step.parameters["replicas"]
    with reading(f"get {step.target}"):
        held = optional_number(part(found, "spec"), "replicas", 1)
        missing = unfinished("Deployment", found)
    if isinstance(least, int) and held < least:
        return waiting_for(f"{name} wants {held} of {least} pods")
    return waiting_for(f"{name}: {missing}") if missing else COMPLETE


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that takes the change back."""
    del effects
    before = step.before if isinstance(step.before, Mapping) else {}
    if step.action in addon_update.ACTIONS:
        further = {key: step.parameters.get(key, "") for key in ("namespace", "name", "uid")} | {"replicas": 0}
        return addon_update.inverse(step, further)
    former, wanted = before.get("replicas"), step.parameters["replicas"]
    what = f"deployment/{step.parameters['name']}"
    return Step(
        fix=NAME,
        action=_ACTION,
        target=step.target,
        parameters={**step.parameters, "replicas": former},
        before={"uid": step.parameters["uid"], "replicas": wanted},
        diff=("  replicas:", f"- {json.dumps(wanted)}", f"+ {json.dumps(former)}"),
        undo=f"Scales it to {wanted} again.",
        command=f"kubectl -n {step.parameters['namespace']} scale {what} --replicas {former}",
        writer=WriterKind.KUBERNETES,
        owner=step.owner,
        settles_within_seconds=step.settles_within_seconds,
    )


FIX = Fix(
    name=NAME,
    title="Scale CoreDNS up",
    does=(
        "Gives CoreDNS more pods, as many as nodes take one each: through autoScaling of the EKS add-on coredns where "
        "its version takes that, else its replicaCount, and without the add-on by the Deployment's replicas. Waits "
        "until all are Ready. The undo restores the former values."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=coredns_addon.permissions(
        "give CoreDNS more pods where the add-on owns its Deployment",
        "give CoreDNS more pods and see them become Ready",
    ),
    needs=(CorednsPlacement, CorednsAddonScheduling),
    parameters=Parameters,
    rule_parameters=("desired_replicas",),
    rehearse=coredns_addon.rehearsals,
)
