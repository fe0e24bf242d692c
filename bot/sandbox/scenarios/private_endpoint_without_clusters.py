"""The endpoint is private, and two peers without clusters do not resolve it: seen by an instance and by a function."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import dns_group, endpoint, lead_to, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, ProbeKind, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "its way of the name is that of private-endpoint-peered; no agent of Systems Manager runs in the lab"
_PEERS = (
    Neighbour(name="tools", account="210987654321", probe=ProbeKind.INSTANCE),
    Neighbour(name="batch", account="310987654321", probe=ProbeKind.FUNCTION),
)


def _acts(world: World, operator: Operator) -> None:
    del world
    make_private(operator)


def _led(world: World, operator: Operator) -> None:
    make_private(operator)
    inbound = endpoint(operator, world.home, "INBOUND", dns_group(operator, world.home, "dns-in"))
    for vpc in world.neighbours:
        lead_to(inbound, world, operator, vpc)


SCENARIO = Scenario(
    name="private-endpoint-without-clusters",
    title="Two peered VPCs without clusters do not resolve the private cluster endpoint",
    story=(
        "An operator switched the endpoint's public access off. In two peered VPCs of two other accounts, where public "
        "DNS is blocked, no cluster stands: an instance that Systems Manager runs commands on, and a Lambda function, "
        "look up from there. Nothing leads the endpoint's name to the cluster's VPC."
    ),
    root_cause="private_endpoint_not_resolvable",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFix(fix="create_inbound_resolver_endpoint"),
    neighbours=_PEERS,
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="private-endpoint-without-clusters-look-alike",
    title="The same two VPCs, and Resolver rules lead the endpoint's name to the cluster's VPC",
    story=(
        "An operator switched the endpoint's public access off and built an inbound endpoint and, for each of two "
        "peered VPCs, an outbound endpoint, a FORWARD rule for the endpoint's name and its association."
    ),
    root_cause="",
    neighbours=_PEERS,
    public_resolution="blocked",
    not_to_blame=("private_endpoint_not_resolvable", "resolver_rule_broken"),
    weighed={"private_endpoint_not_resolvable": r"rslvr-rr-\w+ forwards .* has a record of"},
    not_in_lab=_NOT_IN_LAB,
    acts=_led,
)
