"""Spread CoreDNS's pods over nodes: an anti-affinity, a stricter constraint, or a restart that places them anew (C13).

Where the Deployment has no podAntiAffinity on the node's name it gets C13's: preferred, weight 100. Where it has, the
pods are placed anew by a rolling restart if there are more nodes than pods; else a topology spread constraint with
DoNotSchedule, which counts the new pods alone, keeps the rollout from putting two on a node. Where the EKS add-on
coredns owns the Deployment, both are changed through its configurationValues, with all else that stands there kept.
Cost: one write, then reads every 2 s until the rollout is complete. Playbook:

    fixes:
      - fix: spread_coredns_pods
        with: {timeout: 10m, addon_timeout: 10m} # for CoreDNS's rollout; for an add-on that is UPDATING
        risk: medium
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling
from bot.collectors.coredns_placement import CorednsPlacement, SpreadDeployment
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, Writing
from bot.domain.settling import Settled
from bot.fixes import _addon_update as addon_update
from bot.fixes import _coredns_addon_members as coredns_addon
from bot.fixes import _pod_template as template
from bot.fixes import _rollouts as rollouts
from bot.kubernetes.addon_members import with_member
from bot.kubernetes.nodes import ZONE
from bot.kubernetes.spreading import HOSTNAME, Apart, with_anti_affinity, with_constraint

NAME = "spread_coredns_pods"
_AFFINITY, _CONSTRAINTS = "affinity", "topologySpreadConstraints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    timeout: timedelta = timedelta(minutes=10)
    """How long CoreDNS's rollout may take until all pods are new and Ready; then later steps are not run."""
    addon_timeout: timedelta = timedelta(minutes=10)
    """How long an update of the add-on that is under way may take until it is ACTIVE; then nothing is sent."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan what places the pods anew so that they do not share a node: one step, after an update under way."""
    placement, addon = case.need(CorednsPlacement), case.need(CorednsAddonScheduling).addon
    if len(placement.deployments) != 1:
        named = ", ".join(f"{one.namespace}/{one.name}" for one in placement.deployments) or "none"
        return Advice(
            reason=f"The pods of the DNS service are not one Deployment's ({named}).",
            text=("Say in whatever makes them that they keep apart: podAntiAffinity on kubernetes.io/hostname.",),
        )
    one = placement.deployments[0]
    if placement.nodes < 2:  # noqa: PLR2004  # a node beside the one
        return Advice(
            reason="No other node takes a CoreDNS pod: spreading changes nothing.",
            text=("Add a node, or let one take them (cordons, taints), and diagnose again.",),
        )
    if not placement.crowded and not placement.one_zone:
        return Advice(
            reason="CoreDNS's pods are as far apart as the nodes allow: spreading changes nothing.",
            text=("More pods on further nodes share the load: scale CoreDNS.",),
        )
    if one.rollout:
        return Advice(
            reason=f"A rollout of {one.what} is under way ({one.rollout}), and it places the pods anew.",
            text=("Wait until it has ended, and diagnose again.",),
        )
    seconds = int(case.parameters.timeout.total_seconds())
    wanted = _wanted(placement, one)
    steps: tuple[Step, ...]
    if not wanted:
        steps = (
            rollouts.restart_step(
                NAME,
                kind="Deployment",
                namespace=one.namespace,
                name=one.name,
                uid=one.uid,
                former=one.restarted_at,
                settles_within_seconds=seconds,
            ),
        )
    elif addon:
        sent = _by_addon(one, addon, wanted, case, settles_within_seconds=seconds)
        if isinstance(sent, Advice):
            return sent
        steps = sent
    else:
        step = template.step_to(
            NAME,
            template.Controller(namespace=one.namespace, name=one.name, uid=one.uid, manager=one.manager),
            former={name: _held(one, name) for name in wanted},
            wanted=wanted,
            settles_within_seconds=seconds,
        )
        steps = (step,)
    return Planned(steps=steps, blast_radius=_blast_radius(placement, one, wanted, through_addon=bool(addon)))


def _wanted(placement: CorednsPlacement, one: SpreadDeployment) -> dict[str, str]:
    """Return the members of the pod template that are to change, as JSON; none where a restart is enough.

    Anti-affinity counts the old pods too while a rollout goes on: with no node to spare it cannot keep the new ones
    apart, and a constraint that counts these alone can.
    """
    wanted: dict[str, str] = {}
    if placement.crowded and one.apart is Apart.NOT:
        affinity = json.loads(one.affinity) if one.affinity else {}
        wanted[_AFFINITY] = json.dumps(with_anti_affinity(affinity, one.pod_labels), sort_keys=True)
    held = constraints = json.loads(one.constraints) if one.constraints else []
    if placement.crowded and placement.nodes <= len(placement.pods) and not one.held_apart:
        constraints = with_constraint(constraints, one.pod_labels, HOSTNAME)
    if placement.one_zone and not placement.crowded and not one.over_zones:
        constraints = with_constraint(constraints, one.pod_labels, ZONE)
    if constraints != held:
        wanted[_CONSTRAINTS] = json.dumps(constraints, sort_keys=True)
    return wanted


def _held(one: SpreadDeployment, member: str) -> str:
    return one.affinity if member == _AFFINITY else one.constraints


def _by_addon(
    one: SpreadDeployment,
    addon: CorednsAddon,
    wanted: Mapping[str, str],
    case: PlanCase,
    *,
    settles_within_seconds: int,
) -> tuple[Step, ...] | Advice:
    """Return the steps that send the add-on's configuration with these members, or why it cannot be sent."""

    def edited(configuration: str) -> str:
        for member, written in wanted.items():
            configuration = with_member(configuration, member, json.loads(written))
        return configuration

    change = coredns_addon.Change(
        names=tuple(wanted),
        edited=edited,
        by_hand=" and ".join(wanted),
        undo="Sends the former configuration, byte for byte; that replaces CoreDNS's pods once more.",
        further=_deployment(one) | {"members": dict(wanted)},
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


def _deployment(one: SpreadDeployment) -> dict[str, JsonValue]:
    return {"kind": "Deployment", "namespace": one.namespace, "name": one.name, "uid": one.uid}


def _blast_radius(
    placement: CorednsPlacement, one: SpreadDeployment, wanted: Mapping[str, str], *, through_addon: bool
) -> str:
    replaced = f"{count(len(placement.pods), 'CoreDNS pod')} of {one.namespace}/{one.name} {_are(placement)} replaced"
    said = [f"{replaced} within its rollout's limits; {count(placement.nodes, 'node')} would take one."]
    if '"DoNotSchedule"' in wanted.get(_CONSTRAINTS, ""):
        said.append("From then on a pod that would be the second on a node while others have none stays Pending.")
    if not wanted:
        said.append("Nothing else changes: what keeps them apart is there already. A restart cannot be undone.")
    elif one.manager and not through_addon:
        said.append(f"{one.manager} manages the Deployment and sets it back at its next run: change its values too.")
    return " ".join(said)


def _are(placement: CorednsPlacement) -> str:
    return "is" if len(placement.pods) == 1 else "are"


def read(step: Step, look: Reading) -> JsonValue:
    """Return what the step changes, as it is now."""
    if step.action in addon_update.ACTIONS:
        return addon_update.read(step, look)
    return template.read(step, look) if step.action == template.ACTION else rollouts.read(step, look)


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the change."""
    if step.action in addon_update.ACTIONS:
        return addon_update.apply(step, writing)
    return template.apply(step, writing) if step.action == template.ACTION else rollouts.restart(step, writing)


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether CoreDNS's pods are all new and Ready."""
    if (told := addon_update.not_yet(step, effects, look)) is not None:
        return told
    if step.action == rollouts.ACTION:
        return rollouts.settled(step, effects, look)
    return template.settled(step, effects, look)


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that takes the change back; a restart cannot be."""
    if step.action in addon_update.ACTIONS:
        named = ("kind", "namespace", "name", "uid")
        further = {key: step.parameters.get(key, "") for key in named} | {"members": {}}
        return addon_update.inverse(step, further)
    return template.inverse(step, effects) if step.action == template.ACTION else None


FIX = Fix(
    name=NAME,
    title="Spread the CoreDNS pods over nodes",
    does=(
        f"Gives CoreDNS's Deployment a preferred podAntiAffinity on {HOSTNAME} where it has none, a topology spread "
        "constraint with DoNotSchedule where nodes are as few as pods, one over zones where all pods are in one; where "
        "these are there already it restarts the Deployment, which places the pods anew. Through the EKS add-on "
        "coredns where it owns the Deployment. Waits until the rollout is complete. The undo gives back what stood "
        "there; a restart cannot be undone."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=coredns_addon.permissions(
        "spread CoreDNS's pods where the add-on owns its Deployment",
        "spread CoreDNS's pods and see their rollout",
    ),
    needs=(CorednsPlacement, CorednsAddonScheduling),
    parameters=Parameters,
    rehearse=coredns_addon.rehearsals,
)
