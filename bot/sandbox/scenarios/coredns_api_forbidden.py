"""CoreDNS may not read EndpointSlices, which it needs since 1.8.1: it starts and never becomes ready."""

from __future__ import annotations

from bot.sandbox.world.editing import take_from_role
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

START_SECONDS = 15
"""Longer than CoreDNS waits for the API before it serves without it (5 s, plugin/kubernetes page)."""


def _take_away(operator: Operator, resource: str) -> None:
    take_from_role(operator, "system:coredns", resource)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(START_SECONDS)


def _acts(_world: World, operator: Operator) -> None:
    _take_away(operator, "endpointslices")


def _harmless(_world: World, operator: Operator) -> None:
    _take_away(operator, "endpoints")


SCENARIO = Scenario(
    name="coredns-api-forbidden",
    title="CoreDNS may not read EndpointSlices",
    story=(
        "An operator replaced the ClusterRole system:coredns by one from before CoreDNS 1.8.1, without endpointslices. "
        "When the CoreDNS pods were deleted, the new ones got 403 and never became ready."
    ),
    root_cause="coredns_api_forbidden",
    explains=("coredns_pods_not_ready", "dns_lookups_fail", "kube_dns_no_endpoints"),
    healed_by=ByFix(fix="grant_coredns_endpointslices"),
    not_to_blame=("coredns_api_unauthorized", "coredns_api_unreachable"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-api-forbidden-look-alike",
    title="The role of CoreDNS lacks endpoints, which it no longer reads",
    story="An operator removed endpoints from the ClusterRole system:coredns and deleted the CoreDNS pods.",
    root_cause="",
    not_to_blame=("coredns_api_forbidden",),
    acts=_harmless,
)
