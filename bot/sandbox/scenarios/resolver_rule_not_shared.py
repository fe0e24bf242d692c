"""The rule for the endpoint's name is another account's, and nobody shared it with the peer that needs it (D5)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"
_PEERS = (Neighbour(name="tools", account="210987654321"), Neighbour(name="apps", account="310987654321"))


def _acts(world: World, operator: Operator) -> None:
    make_private(operator)
    lead(world, operator, world.neighbours[0])


SCENARIO = Scenario(
    name="resolver-rule-not-shared",
    title="The rule for the private cluster endpoint is not shared with the account that needs it",
    story=(
        "An operator built what one peered VPC needs to resolve the cluster endpoint. A VPC of another account in the "
        "same region is to use the same rule, and nobody shared it with that account. Public DNS is blocked there."
    ),
    root_cause="resolver_rule_broken",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFix(fix="share_forwarding_rule"),
    neighbours=_PEERS,
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="resolver-rule-not-shared-look-alike",
    title="The same rule is not shared, and the other account's VPC may ask public DNS",
    story=(
        "An operator built what one peered VPC needs to resolve the cluster endpoint and shared the rule with nobody. "
        "The other VPC may ask public DNS, which answers the private addresses of an endpoint that has no other."
    ),
    root_cause="",
    neighbours=_PEERS,
    public_resolution="open",
    not_to_blame=("private_endpoint_not_resolvable", "resolver_rule_broken"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
