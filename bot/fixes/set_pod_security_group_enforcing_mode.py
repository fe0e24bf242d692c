"""Let the VPC CNI make pods with branch interfaces in standard mode, so that they see their node and its cache (B7).

Where the EKS add-on vpc-cni owns aws-node it is changed through the add-on, else in the DaemonSet. Pods keep the mode
that they were made under, so `recreate_pods` follows at once: lookups answer only afterwards. Refused below VPC CNI
1.11, while the add-on is neither ACTIVE nor UPDATING, and where its schema takes no such variable; an update that is
under way is waited for. Cost: one write, then reads every 2 s until aws-node's pods are all new and Ready. Playbook:

    fixes:
      - fix: set_pod_security_group_enforcing_mode
        with: {timeout: 15m, addon_timeout: 10m} # for aws-node's rollout; for an add-on that is UPDATING
        risk: high
        then:
          - fix: recreate_pods
            when: at_once
            with: {pods: finding, within_budgets: true}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.vpc_cni import VpcCni
from bot.collectors.vpc_cni_addon import ADDON, CniAddon, VpcCniAddon
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, Writing
from bot.domain.redaction import NOT_STORED
from bot.domain.settling import Settled
from bot.fixes import _addon_update as addon_update
from bot.fixes import _aws_node_environment as daemon_set
from bot.kubernetes.addon_configuration import variable, with_variable
from bot.kubernetes.resources import KUBE_SYSTEM
from bot.kubernetes.vpc_cni import AWS_NODE, EXTERNAL_SNAT, FIRST_WITH_MODES, AwsNode

NAME = "set_pod_security_group_enforcing_mode"
_FIRST = ".".join(map(str, FIRST_WITH_MODES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    timeout: timedelta = timedelta(minutes=15)
    """How long aws-node's pods may take until all are new and Ready; then later steps are not run."""
    addon_timeout: timedelta = timedelta(minutes=10)
    """How long an update of the add-on that is under way may take until it is ACTIVE; then nothing is sent."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan the change, through whoever owns aws-node, after an update under way; none where it is standard already."""
    cni, addon = case.need(VpcCni), case.need(VpcCniAddon).addon
    if cni.aws_node is None:
        return Advice(
            reason=f"There is no DaemonSet {AWS_NODE} in {KUBE_SYSTEM}: something else gives pods their network."
        )
    if cni.aws_node.enforces is EnforcingMode.STANDARD:
        return Planned(steps=(), blast_radius="", only_followed=True)
    refused = _refused(cni.aws_node) or (_addon_refused(addon) if addon else None)
    if refused:
        return refused
    seconds = int(case.parameters.timeout.total_seconds())
    steps = (
        _addon_steps(addon, case, settles_within_seconds=seconds)
        if addon
        else (daemon_set.step_to(NAME, EnforcingMode.STANDARD, cni.aws_node, settles_within_seconds=seconds),)
    )
    managed = "" if addon else daemon_set.managed(cni)
    return Planned(steps=steps, blast_radius=" ".join(filter(None, (_blast_radius(cni, cni.aws_node), managed))))


def _addon_steps(addon: CniAddon, case: PlanCase, *, settles_within_seconds: int) -> tuple[Step, ...]:
    """Return the steps that set the mode. Raises `NotEditable` where the configuration has no place for it."""
    wanted = with_variable(addon.configuration, ENFORCING_MODE, EnforcingMode.STANDARD.value)
    update = addon_update.step_to(
        NAME,
        addon_update.Sent(addon=ADDON, cluster=case.target.eks_name, version=addon.version),
        former=addon.configuration,
        wanted=wanted,
        undo=(
            "Sends the former configuration, byte for byte; pods that were made meanwhile keep their mode until they "
            "are replaced."
        ),
        settles_within_seconds=settles_within_seconds,
        further=_mode_in(wanted),
    )
    within_seconds = int(case.parameters.addon_timeout.total_seconds())
    return addon_update.after_the_present(update, addon, within_seconds=within_seconds)


def _mode_in(configuration: str) -> JsonObject:
    """Return the mode that a configuration sets, as the DaemonSet's variable shows it."""
    return {"value": variable(configuration, ENFORCING_MODE) or ""}


def _refused(aws_node: AwsNode) -> Advice | None:
    """Say why this VPC CNI takes no other mode; None: it does."""
    if not aws_node.version:
        return Advice(
            reason=f"The image of {AWS_NODE} ({aws_node.image}) names no version, and below VPC CNI {_FIRST} "
            f"{ENFORCING_MODE} has no effect.",
            text=(f"Find out which version it is; from {_FIRST} on set {ENFORCING_MODE}={EnforcingMode.STANDARD}.",),
        )
    if aws_node.version < FIRST_WITH_MODES:
        version = ".".join(map(str, aws_node.version))
        return Advice(
            reason=f"VPC CNI {version} does not know {ENFORCING_MODE}: {_FIRST} is the first that does.",
            text=(f"Update the VPC CNI to {_FIRST} or later, one minor version after the other, and diagnose again.",),
        )
    if aws_node.mode_from:
        return Advice(
            reason=f"{ENFORCING_MODE} of {AWS_NODE} comes from a {aws_node.mode_from}, which this fix does not change.",
            text=(f"Set it to {EnforcingMode.STANDARD} there, restart {AWS_NODE}, and diagnose again.",),
        )
    return None


def _addon_refused(addon: CniAddon) -> Advice | None:
    """Say why the add-on cannot be updated as it is; None: it can."""
    stands = addon_update.not_active(ADDON, addon, AWS_NODE)
    if stands:
        return stands
    if addon.refused:
        return Advice(
            reason=f"The EKS add-on {ADDON} does not take {ENFORCING_MODE}: {addon.refused}.",
            text=(f"Set it by hand: configurationValues with {ENFORCING_MODE} under env.",),
        )
    if not addon.whole:
        return Advice(
            reason=f"The configuration of the EKS add-on {ADDON} holds {NOT_STORED}, and an update has to send all of "
            "it.",
            text=(
                f'Add "{ENFORCING_MODE}": "{EnforcingMode.STANDARD}" under "env" of its configurationValues by hand.',
                "Send it with aws eks update-addon --resolve-conflicts NONE, and diagnose again.",
            ),
        )
    return None


def _blast_radius(cni: VpcCni, aws_node: AwsNode) -> str:
    """Say what restarts, and what standard mode changes (B9)."""
    outside = (
        f"out of the VPC as before the branch interface's ({EXTERNAL_SNAT} is true)"
        if aws_node.external_snat
        else "out of the VPC those of the node's primary interface alone, and leaves with the node's address"
    )
    return (
        f"{AWS_NODE} restarts on {count(len(cni.pods), 'node')}; no new pod gets a network on a node meanwhile. For "
        "pods with a branch interface that are made from then on: traffic within the node (the kubelet, the node's "
        "cache, other pods) passes no security group; to another host in the VPC it passes the branch interface's "
        f"groups, as before; {outside}."
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return what the step changes, as it is now."""
    return addon_update.read(step, look) if step.action in addon_update.ACTIONS else daemon_set.read(step, look)


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the change."""
    return addon_update.apply(step, writing) if step.action in addon_update.ACTIONS else daemon_set.apply(step, writing)


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether aws-node runs everywhere with the change; where the step waits, whether the add-on is ACTIVE."""
    if (told := addon_update.not_yet(step, effects, look)) is not None:
        return told
    return daemon_set.settled(step, look)


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that takes the change back."""
    del effects
    if step.action not in addon_update.ACTIONS:
        return daemon_set.inverse(step)
    before = step.before if isinstance(step.before, dict) else {}
    return addon_update.inverse(step, _mode_in(str(before.get("configuration", ""))))


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its AWS write where an add-on would get it; EKS judges none beforehand."""
    owner = evidence.get(VpcCniAddon)
    return addon_update.rehearsals(ADDON, owns=isinstance(owner, VpcCniAddon) and owner.addon is not None)


FIX = Fix(
    name=NAME,
    title="Set the enforcing mode of pod security groups to standard",
    does=(
        f"Sets {ENFORCING_MODE}=standard: in the configuration of the EKS add-on vpc-cni where it owns aws-node, with "
        "nothing else of it changed and no conflict overwritten, else in the DaemonSet aws-node. Waits until aws-node "
        "is rolled. The undo restores the former values."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=(
        *addon_update.permissions(ADDON, "change the enforcing mode where the add-on owns aws-node"),
        *(
            KubernetesPermission(
                verb=verb,
                resource="daemonsets",
                group="apps",
                namespace=KUBE_SYSTEM,
                names=(AWS_NODE,),
                unlocks="change the enforcing mode of aws-node and see its rollout",
            )
            for verb in ("get", "patch")
        ),
    ),
    needs=(VpcCni, VpcCniAddon),
    parameters=Parameters,
    rehearse=rehearsals,
)
