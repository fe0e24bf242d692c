"""A peer in another account takes back the trust in the bot, whose role there can no longer be assumed."""

from __future__ import annotations

from bot.sandbox.world.bot_roles import READER, trusting
from bot.sandbox.world.scenario import Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_ACCOUNT = "210987654321"


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    owner = operator.at(peer.account, peer.region)
    owner.aws("iam", "UpdateAssumeRolePolicy", RoleName=READER, PolicyDocument=trusting(peer.account))


SCENARIO = Scenario(
    name="peer-role-refused",
    title="A peer in another account refuses the bot's role, and DNS works",
    story=(
        "The owner of a VPC in another account, with which the cluster's VPC is peered, lets only that account's own "
        "people assume the bot's reading role. Nothing is wrong with the cluster; there the bot cannot look."
    ),
    root_cause="",
    blinds=("peers",),
    neighbours=(Neighbour(name="shared-services", account=_ACCOUNT),),
    acts=_acts,
)
