"""CoreDNS's pods are on nodes of their own, and each forwards more than an interface gets through (C13)."""

from __future__ import annotations

from bot.sandbox.world.crawler import crawler
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_TOO_MUCH_FOR_TWO, _ENOUGH_FOR_TWO = 1400, 700
"""Queries a second of each of two pods: too many for two interfaces and not for three, and not too many for two."""
_AN_HOUR = 3600.0
_NOT_IN_LAB = "its applications do not ask so much; a test of its own does (lab/tests/test_coredns_measures.py)"


def _acts(_world: World, operator: Operator) -> None:
    operator.apply(*crawler(queries_per_second=_TOO_MUCH_FOR_TWO))
    operator.time_passes(_AN_HOUR)


def _harmless(_world: World, operator: Operator) -> None:
    operator.apply(*crawler(queries_per_second=_ENOUGH_FOR_TWO))
    operator.time_passes(_AN_HOUR)


SCENARIO = Scenario(
    name="vpc-resolver-throttled",
    title="Two CoreDNS pods on two nodes forward more than two interfaces get through",
    story=(
        "A crawler came that asks for 2,800 external names a second, each another one. CoreDNS's two pods are on two "
        "nodes, and each forwards 1,400 of them; the VPC's resolver takes 1,024 from an interface."
    ),
    root_cause="vpc_resolver_throttled",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="scale_coredns"),
    not_to_blame=("coredns_upstream_unreachable", "coredns_pods_co_located"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="vpc-resolver-throttled-look-alike",
    title="Two CoreDNS pods forward much, and both interfaces get it through",
    story="The same crawler asks for half as many names: each interface gets its part through.",
    root_cause="",
    not_to_blame=("vpc_resolver_throttled", "coredns_pods_co_located"),
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
