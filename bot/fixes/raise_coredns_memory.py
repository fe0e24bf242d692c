"""Raise CoreDNS's memory limit: the kernel killed it at its limit, and queries were lost until it was back.

By hand: `kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide` shows restarts, `kubectl describe pod` the last
state OOMKilled with the limit. CoreDNS wants about (pods + services) / 1000 + 54 MB, more under bursts
(coredns/deployment, "Scaling CoreDNS in Kubernetes Clusters"); EKS gives it 170Mi. The limit is raised in the EKS
add-on's configurationValues where the add-on set the present one, else in the Deployment; the request stays, so that
each pod still finds its node. At low load a growing memory is a forwarding loop, and no limit is enough.
Undo: the former limit, which replaces the pods once more. Cost: one write, then a GET every 2 s. Playbook:

    fixes:
      - fix: raise_coredns_memory
        with: {factor: 2.0, least: 170Mi, most: 2Gi, timeout: 10m, addon_timeout: 15m}
        risk: medium
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bot.collectors.coredns_addon_scheduling import ADDON, CorednsAddon, CorednsAddonScheduling
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
from bot.kubernetes.quantities import MEBIBYTE, in_bytes, same_amount
from bot.kubernetes.resources import DEPLOYMENTS
from bot.kubernetes.rollouts import unfinished
from bot.kubernetes.workloads import memory_limit

NAME = "raise_coredns_memory"
_ACTION, _RESOURCES = "limit_memory", "resources"
_EKS_LIMIT = "170Mi"
"""What the add-on gives where its configuration says nothing (EKS's manifest of coredns)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    factor: float = 2.0
    """How many times the present limit."""
    least: str = _EKS_LIMIT
    """No less than this, as Kubernetes writes quantities."""
    most: str = "2Gi"
    """No more than this: what needs more is no matter of a limit."""
    timeout: timedelta = timedelta(minutes=10)
    """How long CoreDNS's rollout may take until all pods are new and Ready; then later steps are not run."""
    addon_timeout: timedelta = timedelta(minutes=15)
    """How long an update of the add-on that is under way may take before this one is sent."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan what raises the limit: one step, after an update of the add-on that is under way."""
    placement, addon, parameters = case.need(CorednsPlacement), case.need(CorednsAddonScheduling).addon, case.parameters
    if len(placement.deployments) != 1:
        named = ", ".join(f"{one.namespace}/{one.name}" for one in placement.deployments) or "none"
        return Advice(reason=f"The pods of the DNS service are not one Deployment's ({named}).")
    one = placement.deployments[0]
    if not one.memory_limit:
        return Advice(
            reason=f"{one.what} sets no memory limit: the node ran out of memory, and a limit would not give it more.",
            text=("kubectl top nodes; give CoreDNS a memory request, so that it is placed where there is room.",),
        )
    wanted = _wanted(one.memory_limit, parameters)
    if in_bytes(wanted) <= in_bytes(one.memory_limit):
        return Advice(
            reason=f"The limit is {one.memory_limit} already, and no more than {parameters.most} is given.",
            text=(
                "Look for what fills the memory: a forwarding loop without the plugin loop, a cache without bounds.",
            ),
        )
    seconds = int(parameters.timeout.total_seconds())
    through_addon = addon is not None and _by_addon(addon, one.memory_limit)
    steps = (
        _addon_steps(one, addon, wanted, case, settles_within_seconds=seconds)
        if addon and through_addon
        else (_step(one, one.memory_limit, wanted, settles_within_seconds=seconds),)
    )
    if isinstance(steps, Advice):
        return steps
    by = f"EKS add-on {ADDON}" if addon else one.manager
    back = f" {by} may set it back at its next update: change its values as well." if by and not through_addon else ""
    return Planned(
        steps=steps,
        blast_radius=f"{count(one.replicas, 'CoreDNS pod')} of {one.namespace}/{one.name} are replaced within the "
        f"rollout's limits; each may then hold {wanted} instead of {one.memory_limit}.{back}",
    )


def _wanted(limit: str, parameters: Parameters) -> str:
    """Return the new limit in whole mebibytes."""
    asked = max(math.ceil(in_bytes(limit) * parameters.factor), in_bytes(parameters.least))
    return f"{math.ceil(min(asked, in_bytes(parameters.most)) / MEBIBYTE)}Mi"


def _by_addon(addon: CorednsAddon, limit: str) -> bool:
    """Return whether the present limit is the add-on's: else somebody set it by hand, and EKS calls that a conflict."""
    try:
        held = member(addon.configuration, _RESOURCES)
    except NotEditable:
        return True
    limits = held.get("limits") if isinstance(held, Mapping) else None
    own = limits.get("memory") if isinstance(limits, Mapping) else None
    return same_amount(str(own or _EKS_LIMIT), limit)


def _addon_steps(
    one: SpreadDeployment, addon: CorednsAddon, wanted: str, case: PlanCase, *, settles_within_seconds: int
) -> tuple[Step, ...] | Advice:
    change = coredns_addon.Change(
        names=(_RESOURCES,),
        edited=partial(_with_limit, limit=wanted),
        by_hand=f"{_RESOURCES}.limits.memory",
        undo="Sends the former configuration, byte for byte; that replaces CoreDNS's pods once more.",
        further=_deployment(one) | {"limit": wanted},
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


def _with_limit(configuration: str, *, limit: str) -> str:
    """Return the configuration with this memory limit, other limits and requests as they stand."""
    held = member(configuration, _RESOURCES)
    kept: dict[str, JsonValue] = dict(held) if isinstance(held, Mapping) else {}
    limits = kept.get("limits")
    limits = {**(limits if isinstance(limits, Mapping) else {}), "memory": limit}
    return with_member(configuration, _RESOURCES, {**kept, "limits": limits})


def _deployment(one: SpreadDeployment) -> dict[str, JsonValue]:
    return {"namespace": one.namespace, "name": one.name, "uid": one.uid, "container": one.container}


def _step(one: SpreadDeployment, former: str, wanted: str, *, settles_within_seconds: int) -> Step:
    return Step(
        fix=NAME,
        action=_ACTION,
        target=f"{one.what} in namespace {one.namespace}, container {one.container}, memory limit",
        parameters=_deployment(one) | {"limit": wanted},
        before={"uid": one.uid, "limit": former},
        diff=("  resources.limits.memory:", f"- {former}", f"+ {wanted}"),
        undo=f"Sets the limit back to {former}, which replaces the pods once more.",
        command=_command(one.namespace, one.name, one.container, wanted, settles_within_seconds),
        writer=WriterKind.KUBERNETES,
        owner=one.manager,
        settles_within_seconds=settles_within_seconds,
    )


def _command(namespace: str, name: str, container: str, limit: str, seconds: int) -> str:
    return (
        f"kubectl -n {namespace} set resources deployment/{name} -c {container} --limits=memory={limit} && "
        f"kubectl -n {namespace} rollout status deployment/{name} --timeout {seconds}s"
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the limit that the step changes, as it is now; no uid: the Deployment is gone."""
    if step.action in addon_update.ACTIONS:
        return addon_update.read(step, look)
    try:
        found = look.cluster.get(DEPLOYMENTS, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
    except NotFound:
        return {"uid": "", "limit": ""}
    with reading(f"get {step.target}"):
        limit = memory_limit(found, str(step.parameters["container"]))
        return {"uid": str(found["metadata"]["uid"]), "limit": limit}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the change; a patch is held to the Deployment's uid."""
    if step.action in addon_update.ACTIONS:
        return addon_update.apply(step, writing)
    container = {"name": step.parameters["container"], "resources": {"limits": {"memory": step.parameters["limit"]}}}
    body: JsonObject = {
        "metadata": {"uid": step.parameters["uid"]},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    found = writing.cluster_writer.patch(DEPLOYMENTS, name, body, namespace=namespace)
    return {"generation": int(found.get("metadata", {}).get("generation", 0))}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the Deployment says so and all its pods are new and Ready."""
    if (told := addon_update.not_yet(step, effects, look)) is not None:
        return told
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    found = look.cluster.get(DEPLOYMENTS, name, namespace=namespace)
    with reading(f"get {step.target}"):
        held, wanted = memory_limit(found, str(step.parameters["container"])), str(step.parameters["limit"])
        missing = unfinished("Deployment", found)
    if wanted and not same_amount(held, wanted):
        return waiting_for(f"{name} says {held or 'no limit'}, not {wanted} yet")
    return waiting_for(f"{name}: {missing}") if missing else COMPLETE


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that gives the former limit back."""
    del effects
    if step.action in addon_update.ACTIONS:
        named = ("namespace", "name", "uid", "container")
        return addon_update.inverse(step, {key: step.parameters.get(key, "") for key in named} | {"limit": ""})
    before = step.before if isinstance(step.before, Mapping) else {}
    former, wanted = str(before.get("limit", "")), str(step.parameters["limit"])
    namespace, name, container = (str(step.parameters[key]) for key in ("namespace", "name", "container"))
    return Step(
        fix=NAME,
        action=_ACTION,
        target=step.target,
        parameters={**step.parameters, "limit": former},
        before={"uid": step.parameters["uid"], "limit": wanted},
        diff=("  resources.limits.memory:", f"- {wanted}", f"+ {former}"),
        undo=f"Sets the limit to {wanted} again.",
        command=_command(namespace, name, container, former, step.settles_within_seconds),
        writer=WriterKind.KUBERNETES,
        owner=step.owner,
        settles_within_seconds=step.settles_within_seconds,
    )


FIX = Fix(
    name=NAME,
    title="Raise CoreDNS's memory limit",
    does=(
        "Raises the memory limit of CoreDNS's container: through the configurationValues of the EKS add-on coredns "
        "where the add-on set the present one, else in the Deployment. Waits until all pods are new and Ready. The "
        "undo gives the former limit back, which replaces the pods once more."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=coredns_addon.permissions(
        "raise CoreDNS's memory limit where the add-on owns its Deployment",
        "raise CoreDNS's memory limit and see its rollout",
    ),
    needs=(CorednsPlacement, CorednsAddonScheduling),
    parameters=Parameters,
    rehearse=coredns_addon.rehearsals,
)
