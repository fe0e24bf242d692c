"""The cluster's VPC has DNS host names off, so that its resolver passes the private endpoint's own zone over (D2)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"
_PEER = (Neighbour(name="tools", account="210987654321"),)


def _host_names(world: World, operator: Operator, *, on: bool) -> None:
    operator.aws("ec2", "ModifyVpcAttribute", VpcId=world.home.id, EnableDnsHostnames={"Value": on})


def _acts(world: World, operator: Operator) -> None:
    make_private(operator)
    lead(world, operator, world.neighbours[0])
    _host_names(world, operator, on=False)


def _at_the_peer(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    make_private(operator)
    lead(world, operator, peer)
    there = operator.at(peer.account, peer.region)
    there.aws("ec2", "ModifyVpcAttribute", VpcId=peer.id, EnableDnsHostnames={"Value": False})


SCENARIO = Scenario(
    name="vpc-dns-disabled",
    title="The cluster's VPC has DNS host names off",
    story=(
        "Everything is built that leads the private endpoint's name from a peered VPC to the cluster's. Then an "
        "operator switched enableDnsHostnames off in the cluster's VPC, whose resolver now passes private zones over "
        "and asks public DNS. As long as that answers the private addresses, nobody notices."
    ),
    root_cause="vpc_dns_disabled",
    healed_by=ByFix(fix="enable_vpc_dns"),
    neighbours=_PEER,
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="vpc-dns-disabled-look-alike",
    title="The peered VPC, not the cluster's, has DNS host names off",
    story="An operator switched enableDnsHostnames off in the peered VPC; the rule forwards the name all the same.",
    root_cause="",
    neighbours=_PEER,
    public_resolution="blocked",
    not_to_blame=("vpc_dns_disabled", "resolver_rule_broken"),
    not_in_lab=_NOT_IN_LAB,
    acts=_at_the_peer,
)
