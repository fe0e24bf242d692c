"""A FORWARD rule for the endpoint's name is there, and nobody associated it with the peered VPC (D5)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"
_PEER = (Neighbour(name="tools", account="210987654321"),)


def _acts(world: World, operator: Operator) -> None:
    make_private(operator)
    lead(world, operator, world.neighbours[0], associated=False)


SCENARIO = Scenario(
    name="resolver-rule-broken",
    title="The rule for the private cluster endpoint is not associated with the VPC that needs it",
    story=(
        "An operator built both Resolver endpoints and a FORWARD rule for the cluster endpoint's name, and forgot to "
        "associate the rule with the peered VPC. Public DNS is blocked there."
    ),
    root_cause="resolver_rule_broken",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFix(fix="associate_forwarding_rule"),
    neighbours=_PEER,
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="resolver-rule-broken-look-alike",
    title="The same rule is not associated, and the peered VPC may ask public DNS",
    story=(
        "An operator built both Resolver endpoints and a FORWARD rule and did not associate it. The peered VPC may ask "
        "public DNS, which answers the private addresses of an endpoint that has no other."
    ),
    root_cause="",
    neighbours=_PEER,
    public_resolution="open",
    not_to_blame=("private_endpoint_not_resolvable", "resolver_rule_broken"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
