"""Two VPCs are joined by a transit gateway whose route table has no way to the peer: answers are dropped (D2)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByHand, Neighbour, Operator, Scenario
from bot.sandbox.world.vpc_seeding import join_by_gateway
from bot.sandbox.world.world import World

_NOT_IN_LAB = "the lab joins its VPCs by peering alone"
_PEER = (Neighbour(name="tools", account="210987654321", peered=False),)


def _joined(world: World, operator: Operator) -> str:
    """Join both VPCs, build what leads the name, and return the gateway's route table."""
    (peer,) = world.neighbours
    make_private(operator)
    gateway = join_by_gateway(operator, world.home, [peer])
    lead(world, operator, peer)
    (found,) = operator.aws("ec2", "DescribeTransitGateways", TransitGatewayIds=[gateway])["TransitGateways"]
    return str(found["Options"]["AssociationDefaultRouteTableId"])


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    table = _joined(world, operator)
    drop = {"TransitGatewayRouteTableId": table, "DestinationCidrBlock": peer.cidr, "Blackhole": True}
    operator.aws("ec2", "CreateTransitGatewayRoute", **drop)


def _heal(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    rows = operator.aws("ec2", "DescribeTransitGatewayAttachments")["TransitGatewayAttachments"]
    (table,) = {row["Association"]["TransitGatewayRouteTableId"] for row in rows}
    drop = {"TransitGatewayRouteTableId": table, "DestinationCidrBlock": peer.cidr}
    operator.aws("ec2", "DeleteTransitGatewayRoute", **drop)


def _well(world: World, operator: Operator) -> None:
    _joined(world, operator)


SCENARIO = Scenario(
    name="transit-gateway-without-route",
    title="A transit gateway drops what goes back to the VPC that asks for the private cluster endpoint",
    story=(
        "Two VPCs of two accounts are joined by a transit gateway, and everything is built that leads the private "
        "endpoint's name from one to the other. Then an operator put a static route into the gateway's route table "
        "that drops what goes to the peer (a blackhole). Public DNS is blocked there."
    ),
    root_cause="private_endpoint_not_resolvable",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    neighbours=_PEER,
    public_resolution="blocked",
    not_to_blame=("resolver_rule_broken",),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="transit-gateway-without-route-look-alike",
    title="The same transit gateway lets both VPCs' packets through",
    story="Two VPCs of two accounts are joined by a transit gateway, and the routes of its attachments lead both ways.",
    root_cause="",
    neighbours=_PEER,
    public_resolution="blocked",
    not_to_blame=("private_endpoint_not_resolvable", "resolver_rule_broken"),
    weighed={"private_endpoint_not_resolvable": r"rslvr-rr-\w+ forwards .* has a record of"},
    not_in_lab=_NOT_IN_LAB,
    acts=_well,
)
