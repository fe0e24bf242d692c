"""The steps that give the EKS add-on coredns, which owns CoreDNS's Deployment, members of its configuration.

All else of the configuration is kept, byte for byte, and an update that is under way is waited for first. How the
configuration is sent and settled stands in `_addon_update`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_addon_scheduling import ADDON, CorednsAddon, CorednsAddonScheduling
from bot.domain.json_values import JsonObject
from bot.domain.permissions import KubernetesPermission, Permission
from bot.domain.plans import Advice, Rehearsal, Step
from bot.domain.redaction import NOT_STORED
from bot.errors import NotEditable
from bot.fixes import _addon_update as addon_update
from bot.kubernetes.resources import KUBE_SYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of the configuration."""

    names: tuple[str, ...]
    """The members that are set: the add-on's version must take each."""
    edited: Callable[[str], str]
    """Returns the configuration with them. Raises `NotEditable`."""
    by_hand: str
    """What a person would set, where the bot cannot: `replicaCount`."""
    undo: str
    further: JsonObject
    """Parameters that the fix's own `settled` reads."""
    settles_within_seconds: int


def steps_to(
    fix: str, change: Change, addon: CorednsAddon, *, workload: str, cluster: str, addon_timeout: timedelta
) -> tuple[Step, ...] | Advice:
    """Return the steps, or why the add-on cannot get these members. `workload`: what it owns, as kubectl names it."""
    stands = addon_update.not_active(ADDON, addon, workload)
    if stands:
        return stands
    by_hand = (f"Set {change.by_hand} in the configurationValues of the EKS add-on {ADDON} by hand.",)
    for name in change.names:
        refused = addon.refuses(name)
        if refused:
            return Advice(reason=f"The EKS add-on {ADDON} does not take {name}: {refused}.", text=by_hand)
    if not addon.whole:
        return Advice(
            reason=f"The configuration of the EKS add-on {ADDON} holds {NOT_STORED}, and an update has to send all of "
            "it.",
            text=by_hand,
        )
    try:
        configuration = change.edited(addon.configuration)
    except NotEditable as error:
        return Advice(reason=f"The configuration of the EKS add-on {ADDON} cannot be edited: {error}.", text=by_hand)
    update = addon_update.step_to(
        fix,
        addon_update.Sent(addon=ADDON, cluster=cluster, version=addon.version),
        former=addon.configuration,
        wanted=configuration,
        undo=change.undo,
        settles_within_seconds=change.settles_within_seconds,
        further=change.further,
    )
    return addon_update.after_the_present(update, addon, within_seconds=int(addon_timeout.total_seconds()))


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return the AWS write where the add-on would get it; EKS judges none beforehand."""
    owner = evidence.get(CorednsAddonScheduling)
    return addon_update.rehearsals(ADDON, owns=isinstance(owner, CorednsAddonScheduling) and owner.addon is not None)


def permissions(through_addon: str, in_deployment: str) -> tuple[Permission, ...]:
    """Return what a fix needs that changes CoreDNS through the add-on or in its Deployment; what each is for."""
    return (
        *addon_update.permissions(ADDON, through_addon),
        *(
            KubernetesPermission(
                verb=verb,
                resource="deployments",
                group="apps",
                namespace=KUBE_SYSTEM,
                unlocks=in_deployment,
                follows_dns=True,
            )
            for verb in ("get", "patch")
        ),
    )
