"""Every node carries a taint that CoreDNS does not tolerate: its new pods find no place."""

from __future__ import annotations

from collections.abc import Collection

from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

PENDING_SECONDS = 65
"""Longer than a pod may look for its place before anybody calls it stuck."""
_SCHEDULING_SECONDS = 5
"""After so long the scheduler has surely looked at the nodes again."""


def taint_all(operator: Operator, key: str, value: str, *, spare: Collection[str] = ()) -> None:
    """Taint every node but those to `spare` with NoSchedule; pods that run stay."""
    for node in operator.get("nodes"):
        if node["metadata"]["name"] in spare:
            continue
        taints = [*(node["spec"].get("taints") or []), {"key": key, "value": value, "effect": "NoSchedule"}]
        operator.apply({**node, "spec": {**node["spec"], "taints": taints}})


def _acts(world: World, operator: Operator) -> None:
    team = world.chance("taint").choice(["batch", "gpu", "ingest"])
    taint_all(operator, "dedicated", team)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(PENDING_SECONDS)


def _harmless(_world: World, operator: Operator) -> None:
    taint_all(operator, "CriticalAddonsOnly", "true")
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(PENDING_SECONDS)


def _heal(_world: World, operator: Operator) -> None:
    for node in operator.get("nodes"):
        operator.apply({**node, "spec": {**node["spec"], "taints": []}})
    operator.time_passes(_SCHEDULING_SECONDS)
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")  # the first free node took both
    operator.time_passes(_SCHEDULING_SECONDS)


SCENARIO = Scenario(
    name="coredns-pods-pending",
    title="CoreDNS pods are pending: every node is tainted",
    story=(
        "An operator reserved all nodes for one team with a NoSchedule taint. Pods that ran stayed; when the CoreDNS "
        "pods were deleted, no node took the new ones."
    ),
    root_cause="coredns_pods_pending",
    explains=("coredns_pods_not_ready", "dns_lookups_fail", "kube_dns_no_endpoints"),
    blinds=("coredns_logs", "kube_dns"),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("coredns_image_pull",),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-pods-pending-look-alike",
    title="Every node carries a taint that CoreDNS tolerates",
    story="An operator tainted all nodes with CriticalAddonsOnly, which CoreDNS tolerates, and deleted its pods.",
    root_cause="",
    not_to_blame=("coredns_pods_pending",),
    acts=_harmless,
)
