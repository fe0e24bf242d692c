"""Both CoreDNS pods are on one node, and nothing moves them (C13)."""

from __future__ import annotations

from bot.sandbox.world.coredns_crowd import crowd, scale, take_over
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_SETTLED_SECONDS = 65.0


def _acts(world: World, operator: Operator) -> None:
    take_over(operator)
    crowd(world, operator)


def _harmless(_world: World, operator: Operator) -> None:
    take_over(operator)
    scale(operator, 1)
    operator.time_passes(_SETTLED_SECONDS)


SCENARIO = Scenario(
    name="coredns-pods-co-located",
    title="Both CoreDNS pods are on one node",
    story=(
        "The cluster's owners run CoreDNS themselves. They cordoned all nodes but one for an upgrade and CoreDNS's "
        "pods were made anew; then all nodes took pods again, and nothing moved what ran. Lookups answer: both pods "
        "share one interface, and go down together."
    ),
    root_cause="coredns_pods_co_located",
    healed_by=ByFix(fix="spread_coredns_pods"),
    not_to_blame=("coredns_pods_not_ready", "dns_lookups_fail"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-pods-co-located-look-alike",
    title="One CoreDNS pod by design",
    story="The cluster's owners run CoreDNS themselves and scaled it to one pod: it shares its node with no other.",
    root_cause="",
    not_to_blame=("coredns_pods_co_located", "coredns_pods_not_ready"),
    lab_seeds=(1,),
    acts=_harmless,
)
