"""kube-proxy may not read EndpointSlices: its log shows 403 (C4)."""

from __future__ import annotations

from bot.sandbox.world.editing import take_from_role
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World


def _take_away(operator: Operator, *resources: str) -> None:
    take_from_role(operator, "system:node-proxier", *resources)
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace="kube-system")


def _acts(_world: World, operator: Operator) -> None:
    _take_away(operator, "endpointslices")


def _harmless(_world: World, operator: Operator) -> None:
    _take_away(operator, "endpoints", "events")


SCENARIO = Scenario(
    name="kube-proxy-forbidden",
    title="kube-proxy may not read EndpointSlices",
    story=(
        "An operator replaced the ClusterRole system:node-proxier by an old one without endpointslices and restarted "
        "kube-proxy. The rules that were laid before stay on the nodes, so names still resolve."
    ),
    root_cause="kube_proxy_forbidden",
    healed_by=ByFix(fix="grant_kube_proxy_endpointslices"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kube-proxy-forbidden-look-alike",
    title="kube-proxy may not read endpoints, which it no longer does, nor write events",
    story=(
        "An operator removed endpoints and events from the ClusterRole system:node-proxier and restarted kube-proxy. "
        "Its log holds a 403, about the event that it writes at its start; it still reads all that it routes by."
    ),
    root_cause="",
    not_to_blame=("kube_proxy_forbidden", "kube_proxy_unauthorized"),
    acts=_harmless,
)
