"""An update of the EKS add-on coredns names a field that somebody has set by kubectl: EKS applies none of it."""

from __future__ import annotations

import json

from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import CLUSTER, World

_NOT_IN_LAB = "its EKS has no add-on manager"
_HEARD_SECONDS = 1.0
"""After so long EKS has surely heard what others changed."""


def _by_hand(world: World, operator: Operator) -> None:
    write_corefile(operator, _cached(world, 60))
    operator.time_passes(_HEARD_SECONDS)


def _cached(world: World, seconds: int) -> str:
    return world.corefile.replace("cache 30", f"cache {seconds}")


def _update(operator: Operator, resolve: str, **configured: object) -> None:
    operator.aws(
        "eks",
        "UpdateAddon",
        clusterName=CLUSTER,
        addonName="coredns",
        configurationValues=json.dumps(configured),
        resolveConflicts=resolve,
    )
    operator.time_passes(_HEARD_SECONDS)


def _acts(world: World, operator: Operator) -> None:
    _by_hand(world, operator)
    _update(operator, "NONE", corefile=_cached(world, 10))


def _harmless(world: World, operator: Operator) -> None:
    _by_hand(world, operator)
    _update(operator, "NONE", replicaCount=2)


def _heal(world: World, operator: Operator) -> None:
    _update(operator, "OVERWRITE", corefile=_cached(world, 10))


SCENARIO = Scenario(
    name="addon-conflict",
    title="An update of the add-on coredns meets what somebody set by kubectl",
    story=(
        "Somebody once let CoreDNS cache for longer by kubectl edit. Now a pipeline sends the EKS add-on a Corefile of "
        "its own, and is not to overwrite: EKS refuses the whole update, and CoreDNS runs on as it was."
    ),
    root_cause="addon_conflict",
    healed_by=ByHand(acts=_heal),
    not_to_blame=("addon_degraded", "coredns_crash_corefile", "dns_lookups_fail"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="addon-conflict-look-alike",
    title="An update of the add-on coredns leaves alone what somebody set by kubectl",
    story="The same edit by kubectl; the pipeline's update names the number of pods and no Corefile, and succeeds.",
    root_cause="",
    not_to_blame=("addon_conflict", "addon_degraded"),
    weighed={"addon_conflict": r"coredns v\S+ ACTIVE"},
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
