"""The endpoint is private, and a peered VPC that may not ask public DNS has no rule for its name (D)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    del world
    make_private(operator)


def _led(world: World, operator: Operator) -> None:
    make_private(operator)
    lead(world, operator, world.neighbours[0])


SCENARIO = Scenario(
    name="private-endpoint-peered",
    title="A peered VPC without public DNS does not resolve the private cluster endpoint",
    story=(
        "An operator switched the endpoint's public access off. From a peered VPC in another account, where public DNS "
        "is blocked, kubectl no longer finds the endpoint: nothing there leads its name to the cluster's VPC."
    ),
    root_cause="private_endpoint_not_resolvable",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFix(fix="create_inbound_resolver_endpoint"),
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="blocked",
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="private-endpoint-peered-look-alike",
    title="The same endpoint, and a Resolver rule leads its name to the cluster's VPC",
    story=(
        "An operator switched the endpoint's public access off and built what a peered VPC needs: an inbound endpoint, "
        "an outbound endpoint, a FORWARD rule for the endpoint's name and its association."
    ),
    root_cause="",
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="blocked",
    not_to_blame=("private_endpoint_not_resolvable", "resolver_rule_broken"),
    weighed={"private_endpoint_not_resolvable": r"rslvr-rr-\w+ forwards .* has a record of"},
    acts=_led,
)
