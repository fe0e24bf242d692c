"""The FORWARD rule for the endpoint's name is in force and aimed at addresses that nobody has (D5)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import associate, dns_group, endpoint, forward, host, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    there = operator.at(peer.account, peer.region)
    make_private(operator)
    endpoint(operator, world.home, "INBOUND", dns_group(operator, world.home, "dns-in"))
    outbound = endpoint(there, peer, "OUTBOUND", dns_group(there, peer, "dns-out"))
    associate(there, forward(there, host(world), outbound, [world.nobody("dns")]), peer)


SCENARIO = Scenario(
    name="resolver-rule-aimed-elsewhere",
    title="The rule for the private cluster endpoint is aimed at an address that nobody has",
    story=(
        "An operator built both Resolver endpoints and a FORWARD rule, and aimed the rule at an address in the "
        "cluster's VPC that was free, and still is, instead of the inbound endpoint's."
    ),
    root_cause="resolver_rule_broken",
    healed_by=ByFix(fix="update_forwarding_rule"),
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="blocked",
    not_in_lab="the lab does not tell the bot yet that public DNS is blocked",
    acts=_acts,
)
