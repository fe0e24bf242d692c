"""The rule for the endpoint's name is another account's, and nobody shared it with the peer that needs it (D5)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World


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
    healed_by=ByFix(fix="share_forwarding_rule"),
    neighbours=(Neighbour(name="tools", account="210987654321"), Neighbour(name="apps", account="310987654321")),
    public_resolution="blocked",
    not_in_lab="the lab does not tell the bot yet that public DNS is blocked",
    acts=_acts,
)
