"""What is built for a network on premises: once, whatever is killed between its writes, and taken back whole."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.approvals import Proposal, Result
from bot.domain.cluster import Question
from bot.fixes.create_inbound_resolver_endpoint import NAME
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.private_endpoint import forward_on_premises
from bot.sandbox.world.world import CLUSTER
from tests.crash_points.worlds import Bot, killed_after, taken_back

ASKED = Question(cluster=CLUSTER, playbooks=("private-endpoint",))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def built(world: RunningWorld, bot: Bot) -> None:
    """Build the world anew and let the bot read who is in it."""
    world.restart(scenario="private-endpoint-on-premises", seed=1, nodes=2)
    bot.configure()


def proposed(bot: Bot) -> Proposal:
    """Return the plan, approved."""
    found = bot.propose(ASKED, NAME)
    assert found is not None
    bot.approve(found)
    return found


def there(world: RunningWorld) -> tuple[list[Any], list[str]]:
    """Return the rules of the groups in the cluster's VPC, and the states of the Resolver endpoints."""
    vpc = [{"Name": "vpc-id", "Values": [world.world.home.id]}]
    groups: Any = world.operator.aws("ec2", "DescribeSecurityGroups", Filters=vpc)["SecurityGroups"]
    endpoints: Any = world.operator.aws("route53resolver", "ListResolverEndpoints")["ResolverEndpoints"]
    return (
        sorted((one["GroupId"], len(one["IpPermissions"])) for one in groups),
        [one["Status"] for one in endpoints],
    )


def test_it_waits_for_the_forwarder_heals_with_it_and_is_taken_back_whole(world: RunningWorld, bot: Bot) -> None:
    """Group, rules and endpoint are made and answer from there; the undo leaves what was there before."""
    built(world, bot)
    before, proposal = there(world), proposed(bot)

    waits = bot.use().repairer.run(proposal.id, lambda _: None)
    forward_on_premises(world.world, world.operator)
    healed = bot.diagnoser.run(ASKED)
    undone = taken_back(bot, proposal)

    assert waits is not None
    assert (waits.result, waits.inverse_proposal_id) == (Result.WAITS, "")
    assert waits.summary.startswith("Applied; waits for your forwarder: network hq")
    assert healed.verdict.value == "healthy"
    assert (undone.result, there(world)) == (Result.VERIFIED, before)


def test_what_is_killed_between_group_rules_and_endpoint_is_made_once(world: RunningWorld, bot: Bot) -> None:
    """Each next plan goes on with what the one before left; nothing is there twice."""
    built(world, bot)
    groups, _ = there(world)

    ended = [killed_after("effect ", bot, proposed(bot)) for _ in range(2)]
    last = bot.repair(bot.propose(ASKED, NAME).id)  # type: ignore[union-attr]  # fails where there is none

    after, endpoints = there(world)
    assert set(ended) == {Result.STOPPED}
    assert last.result is Result.WAITS
    assert (len(after) - len(groups), endpoints) == (1, ["OPERATIONAL"])
