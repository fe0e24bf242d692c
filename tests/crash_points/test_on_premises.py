"""What is built for a network on premises: once, whatever is killed between its writes, and taken back whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from bot.domain.approvals import Outcome, Proposal, Result
from bot.domain.cluster import Question
from bot.errors import DnsBotError
from bot.fixes.create_inbound_resolver_endpoint import NAME
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.private_endpoint import forward_on_premises
from bot.sandbox.world.world import CLUSTER
from bot.workflow.undo import inverse_plan
from tests.crash_points.worlds import Bot
from tests.workflow_approval.breaking import KilledError, restart

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


class KilledAfterWrite:
    """Kills a process right after its first write: nothing that it calls later arrives."""

    def __init__(self) -> None:
        self.dead = False

    def __call__(self, name: str, act: Callable[[], Any]) -> Any:
        """Stand around one call."""
        if self.dead:
            raise KilledError
        answer = act()
        self.dead = name.startswith("effect ")
        if self.dead:
            raise KilledError
        return answer


def killed(bot: Bot, proposal: Proposal) -> Result:
    """Let one process run a plan until it is killed after a write, and another settle it."""
    bot.breaker = KilledAfterWrite()
    try:
        with suppress(DnsBotError, KilledError):
            bot.use().repairer.run(proposal.id, lambda _: None)
    finally:
        bot.breaker = lambda _, act: act()
    restart(bot)
    outcome: Outcome | None = bot.history.outcome(proposal.id)
    assert outcome is not None, "stuck: no outcome is recorded"
    return outcome.result


def test_it_waits_for_the_forwarder_heals_with_it_and_is_taken_back_whole(world: RunningWorld, bot: Bot) -> None:
    """Group, rules and endpoint are made and answer from there; the undo leaves what was there before."""
    built(world, bot)
    before, proposal = there(world), proposed(bot)

    waits = bot.use().repairer.run(proposal.id, lambda _: None)
    forward_on_premises(world.world, world.operator)
    healed = bot.diagnoser.run(ASKED)
    back = inverse_plan(
        proposal.plan,
        bot.history.steps(proposal.id),
        bot.fixes,
        plan_id="undo",
        diagnosis_id=proposal.plan.diagnosis_id,
    )
    assert back is not None
    undone = bot.repair(bot.use().proposer.offer((back,), bot.targets[CLUSTER], None).id)

    assert waits is not None
    assert (waits.result, waits.inverse_proposal_id) == (Result.WAITS, "")
    assert waits.summary.startswith("Applied; waits for your forwarder: network hq")
    assert healed.verdict.value == "healthy"
    assert (undone.result, there(world)) == (Result.VERIFIED, before)


def test_what_is_killed_between_group_rules_and_endpoint_is_made_once(world: RunningWorld, bot: Bot) -> None:
    """Each next plan goes on with what the one before left; nothing is there twice."""
    built(world, bot)
    groups, _ = there(world)

    ended = [killed(bot, proposed(bot)), killed(bot, proposed(bot))]
    last = bot.repair(bot.propose(ASKED, NAME).id)  # type: ignore[union-attr]  # fails where there is none

    after, endpoints = there(world)
    assert set(ended) == {Result.STOPPED}
    assert last.result is Result.WAITS
    assert (len(after) - len(groups), endpoints) == (1, ["OPERATIONAL"])
