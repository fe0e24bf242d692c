"""Each VPC whose resolver may answer the endpoint's name: also those that rules lead through; no collector itself.

A FORWARD rule leads queries to an inbound endpoint, and the resolver of that endpoint's VPC decides next: often a hub,
which is no peer. It is read by the account in which the endpoint was listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.collectors._places import Spot, once_an_account, spots
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.views import View
from bot.network.names import Direction, RuleType, belongs


def led_through(look: View) -> list[Spot]:
    """Return the cluster's own VPC, each peer's that was entered, and each to which a rule leads the name."""
    known = spots(look)
    taken = {spot.vpc_id for spot in known}
    hubs = {spot.vpc_id: spot for spot in _hubs(look, known) if spot.vpc_id not in taken}
    return [*known, *hubs.values()]


def _hubs(look: View, known: list[Spot]) -> Iterator[Spot]:
    resolver = look.find(ResolverRules)
    host = look.need(EksCluster).endpoint_host
    accounts = resolver.accounts if resolver else ()
    rules = [rule for one in accounts for rule in one.rules if rule.type is RuleType.FORWARD]
    aimed = {target.address for rule in rules if belongs(host, rule.name) for target in rule.targets}
    for spot in once_an_account(known):
        for account in accounts:
            if (account.account, account.region) != (spot.account, spot.region):
                continue
            for one in account.endpoints:
                if one.direction is Direction.INBOUND and aimed & {each.address for each in one.addresses}:
                    yield replace(spot, vpc_id=one.vpc_id, hub=True)
