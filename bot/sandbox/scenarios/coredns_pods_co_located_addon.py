"""Both CoreDNS pods are on one node, and the EKS add-on coredns owns their Deployment (C13)."""

from __future__ import annotations

from bot.sandbox.scenarios.coredns_pods_pending import taint_all
from bot.sandbox.world.coredns_crowd import crowd
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "its EKS has no add-on manager"
_AN_HOUR = 3600.0


def _harmless(world: World, operator: Operator) -> None:
    node = world.chance("one-node").choice(world.nodes).name
    taint_all(operator, "dedicated", "batch", spare=(node,))
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(_AN_HOUR)


SCENARIO = Scenario(
    name="coredns-pods-co-located-addon",
    title="Both CoreDNS pods are on one node; EKS's add-on owns them",
    story=(
        "All nodes but one were cordoned for an upgrade while CoreDNS's pods were made anew; then all took pods "
        "again, and nothing moved what ran. CoreDNS is the EKS add-on: a change to its Deployment would be a conflict."
    ),
    root_cause="coredns_pods_co_located",
    healed_by=ByFix(fix="spread_coredns_pods"),
    not_to_blame=("coredns_pods_not_ready", "dns_lookups_fail"),
    not_in_lab=_NOT_IN_LAB,
    acts=crowd,
)
LOOK_ALIKE = Scenario(
    name="coredns-pods-co-located-addon-look-alike",
    title="Both CoreDNS pods are on the one node that takes them",
    story="All nodes but one are reserved for one team by a taint, and CoreDNS's pods are on the one that is left.",
    root_cause="",
    not_to_blame=("coredns_pods_co_located", "coredns_pods_pending"),
    weighed={"coredns_pods_co_located": r"coredns-\S+, coredns-"},
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
