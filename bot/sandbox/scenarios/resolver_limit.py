"""Both CoreDNS pods are on one node, and together ask the VPC's resolver more than an interface gets through (C13)."""

from __future__ import annotations

from bot.sandbox.world.coredns_crowd import crowd, take_over
from bot.sandbox.world.crawler import NAMESPACE, crawler
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_TOGETHER_TOO_MUCH, _TOO_MUCH_EACH = 800, 2000
"""Queries a second of each of two pods: more than one interface gets through, or more than two."""
_AN_HOUR, _A_MINUTE, _TEN_MINUTES = 3600.0, 60.0, 600.0
_NOT_IN_LAB = "its applications do not ask so much; a test of its own does (lab/tests/test_coredns_measures.py)"


def _acts(world: World, operator: Operator) -> None:
    take_over(operator)
    crowd(world, operator)
    operator.apply(*crawler(queries_per_second=_TOGETHER_TOO_MUCH))
    operator.time_passes(_AN_HOUR)


def _harmless(_world: World, operator: Operator) -> None:
    operator.apply(*crawler(queries_per_second=_TOO_MUCH_EACH))
    operator.time_passes(_A_MINUTE)
    operator.delete("deployments.apps", "crawler", namespace=NAMESPACE)
    operator.time_passes(_TEN_MINUTES)


SCENARIO = Scenario(
    name="resolver-limit",
    title="Both CoreDNS pods on one node, and external names time out under load",
    story=(
        "CoreDNS's pods were made anew while one node alone took pods, and stayed there. Then a crawler came that asks "
        "for another external name each time: the one interface forwards 1,600 queries a second, and the VPC's "
        "resolver takes 1,024. On two nodes both would pass."
    ),
    root_cause="coredns_pods_co_located",
    explains=("vpc_resolver_throttled",),
    healed_by=ByFix(fix="spread_coredns_pods"),
    not_to_blame=("coredns_upstream_unreachable", "dns_blocked_by_network_acl", "coredns_forwarding_loop"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="resolver-limit-look-alike",
    title="External names timed out under a burst of queries that is over",
    story=(
        "A crawler asked for a minute more than the VPC's resolver takes from two interfaces, and was stopped. Ten "
        "minutes later CoreDNS's logs still hold the time-outs, and every lookup is answered."
    ),
    root_cause="",
    not_to_blame=("vpc_resolver_throttled", "coredns_upstream_unreachable", "coredns_pods_co_located"),
    weighed={"vpc_resolver_throttled": r"i/o timeout"},
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
