"""The endpoint is public and private, and a peered VPC without a way out is answered its public addresses."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import open_public_dns
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    open_public_dns(operator.at(peer.account, peer.region), peer)


def _nothing(_world: World, _operator: Operator) -> None:
    """Public DNS is open to the peer from the start."""


SCENARIO = Scenario(
    name="endpoint-name-answers-public-addresses",
    title="A peered VPC without a way out is answered the endpoint's public addresses",
    story=(
        "The endpoint has public and private access. A peered VPC has no way to the internet, and its owners say that "
        "public addresses may not be used from there. Its resolver asks public DNS all the same, and answers the "
        "endpoint's public addresses, which lead nowhere."
    ),
    root_cause="endpoint_name_answers_public_addresses",
    explains=("private_endpoint_not_resolvable",),
    healed_by=ByFix(fix="create_inbound_resolver_endpoint"),
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="endpoint-name-answers-public-addresses-look-alike",
    title="A peered VPC with a way out is answered the same public addresses, and may use them",
    story="The endpoint has public and private access and lets everybody in; a peered VPC may use public addresses.",
    root_cause="",
    neighbours=(Neighbour(name="tools", account="210987654321"),),
    public_resolution="open",
    not_to_blame=("endpoint_name_answers_public_addresses", "private_endpoint_not_resolvable"),
    weighed={"endpoint_name_answers_public_addresses": r"the endpoint lets in 0\.0\.0\.0/0"},
    not_in_lab=_NOT_IN_LAB,
    acts=_nothing,
)
