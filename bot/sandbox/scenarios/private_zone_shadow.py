"""A private hosted zone for eks.amazonaws.com in a peered VPC hides the private endpoint's name."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private, zone
from bot.sandbox.world.scenario import ByHand, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"
_PEER = (Neighbour(name="tools", account="210987654321"),)
_DOMAIN = "eks.amazonaws.com"


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    make_private(operator)
    zone(operator.at(peer.account, peer.region), peer, _DOMAIN)


def _heal(world: World, operator: Operator) -> None:
    lead(world, operator, world.neighbours[0])


def _led_all_the_same(world: World, operator: Operator) -> None:
    _acts(world, operator)
    lead(world, operator, world.neighbours[0])


SCENARIO = Scenario(
    name="private-zone-shadow",
    title="A private hosted zone in a peered VPC hides the private cluster endpoint's name",
    story=(
        "The owner of a peered VPC made a private hosted zone for eks.amazonaws.com, which has none of the names that "
        "public DNS knows. The VPC's resolver answers NXDOMAIN for the cluster's endpoint."
    ),
    root_cause="private_zone_shadow",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    neighbours=_PEER,
    public_resolution="open",
    not_to_blame=("resolver_rule_broken", "dns_firewall_blocks"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="private-zone-shadow-look-alike",
    title="The same zone, and a Resolver rule for exactly the endpoint's name comes before it",
    story=(
        "The owner of a peered VPC made the same private hosted zone, and a FORWARD rule leads the endpoint's own, "
        "longer name to the cluster's VPC."
    ),
    root_cause="",
    neighbours=_PEER,
    public_resolution="open",
    not_to_blame=("private_zone_shadow", "private_endpoint_not_resolvable"),
    weighed={"private_zone_shadow": r"has a record of"},
    not_in_lab=_NOT_IN_LAB,
    acts=_led_all_the_same,
)
