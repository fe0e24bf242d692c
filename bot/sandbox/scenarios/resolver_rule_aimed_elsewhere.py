"""The FORWARD rule for the endpoint's name is in force and aimed at addresses that nobody has (D5)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import (
    addresses,
    associate,
    dns_group,
    endpoint,
    forward,
    host,
    make_private,
)
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    there = operator.at(peer.account, peer.region)
    make_private(operator)
    endpoint(operator, world.home, "INBOUND", dns_group(operator, world.home, "dns-in"))
    outbound = endpoint(there, peer, "OUTBOUND", dns_group(there, peer, "dns-out"))
    associate(there, forward(there, host(world), outbound, [world.nobody("dns")]), peer)


def _another_name(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    there = operator.at(peer.account, peer.region)
    make_private(operator)
    inbound = endpoint(operator, world.home, "INBOUND", dns_group(operator, world.home, "dns-in"))
    outbound = endpoint(there, peer, "OUTBOUND", dns_group(there, peer, "dns-out"))
    associate(there, forward(there, "corp.example.com", outbound, [world.nobody("dns")]), peer)
    associate(there, forward(there, host(world), outbound, addresses(operator, inbound)), peer)


SCENARIO = Scenario(
    name="resolver-rule-aimed-elsewhere",
    title="The rule for the private cluster endpoint is aimed at an address that nobody has",
    story=(
        "An operator built both Resolver endpoints and a FORWARD rule, and aimed the rule at an address in the "
        "cluster's VPC that was free, and still is, instead of the inbound endpoint's."
    ),
    root_cause="resolver_rule_broken",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFix(fix="update_forwarding_rule"),
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="blocked",
    not_in_lab="lab.fuzz_names compares how its names are answered; a lab of its own costs a minute",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="resolver-rule-aimed-elsewhere-look-alike",
    title="A rule for another name is aimed at an address that nobody has",
    story=(
        "An operator built both Resolver endpoints, a FORWARD rule that leads the endpoint's name to the inbound one, "
        "and a second rule, for the company's own names, at an address that nobody has."
    ),
    root_cause="",
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="blocked",
    not_to_blame=("resolver_rule_broken", "private_endpoint_not_resolvable"),
    not_in_lab="lab.fuzz_names compares how its names are answered; a lab of its own costs a minute",
    acts=_another_name,
)
