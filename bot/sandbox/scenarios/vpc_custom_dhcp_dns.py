"""DHCP options of a peered VPC name a server on premises, so that nobody there asks the VPC's own resolver."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import Neighbour, NotSimulated, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "no DNS server stands in the lab where its DHCP options send hosts to"
_OFFICE = "10.254.0.53"
"""A server of people's own; the world has no way to it."""
_OWN = "169.254.169.253"


def _acts(world: World, operator: Operator) -> None:
    make_private(operator)
    lead(world, operator, world.neighbours[0])


SCENARIO = Scenario(
    name="vpc-custom-dhcp-dns",
    title="Hosts of a peered VPC are sent to a DNS server that does not know the private endpoint's name",
    story=(
        "Everything is built that leads the private endpoint's name from a peered VPC to the cluster's. But that VPC's "
        "DHCP options name the company's own DNS server, which cannot be reached from there since the line to the "
        "office was taken down: nobody asks the VPC's resolver, for which the rule holds."
    ),
    root_cause="vpc_custom_dhcp_dns",
    explains=("private_endpoint_lookups_fail",),
    healed_by=NotSimulated(why="hosts keep the servers that they were given until they renew their lease"),
    neighbours=(Neighbour(name="tools", account="210987654321", dns_servers=(_OFFICE,)),),
    public_resolution="blocked",
    not_to_blame=("private_endpoint_not_resolvable", "resolver_rule_broken", "dns_firewall_blocks"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="vpc-custom-dhcp-dns-look-alike",
    title="DHCP options name a server by its address, and it is the VPC's own resolver",
    story="The same is built; the DHCP options of the peered VPC name 169.254.169.253, which is its own resolver.",
    root_cause="",
    neighbours=(Neighbour(name="tools", account="210987654321", dns_servers=(_OWN,)),),
    public_resolution="blocked",
    not_to_blame=("vpc_custom_dhcp_dns", "private_endpoint_not_resolvable"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
