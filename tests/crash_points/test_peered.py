"""What is built in two accounts so that a peer resolves the private endpoint: once, owned, and taken back whole."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bot.domain.approvals import Proposal, Result
from bot.domain.cluster import Question
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.scenario import AwsHands
from bot.sandbox.world.world import CLUSTER, WorldVpc
from tests.crash_points.worlds import Bot, killed_after, taken_back

ALL = os.environ.get("CHAOS") == "all"
ASKED = Question(cluster=CLUSTER, playbooks=("private-endpoint",))
BETWEEN = ("route53resolver:CreateResolverEndpoint", "route53resolver:CreateResolverRule")
"""A process is killed after the first of these in a plan, in one plan after the other: between the inbound endpoint and
the outbound one, between that and the rule, and between the rule and its association."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def built(world: RunningWorld, bot: Bot, scenario: str) -> None:
    """Build the world anew and let the bot read who is in it."""
    world.restart(scenario=scenario, seed=1, nodes=2)
    bot.configure()


def proposed(bot: Bot) -> Proposal:
    """Return the plan, approved."""
    found = bot.propose(ASKED)
    assert found is not None
    bot.approve(found)
    return found


def there(world: RunningWorld) -> dict[str, Any]:
    """Return, by VPC, its groups with their rules, and what the account has of Resolver."""
    return {vpc.name: _in(world.operator.at(vpc.account, vpc.region), vpc) for vpc in world.world.vpcs}


def _in(hands: AwsHands, vpc: WorldVpc) -> dict[str, Any]:
    where = [{"Name": "vpc-id", "Values": [vpc.id]}]
    groups = hands.aws("ec2", "DescribeSecurityGroups", Filters=where)["SecurityGroups"]
    endpoints = hands.aws("route53resolver", "ListResolverEndpoints")["ResolverEndpoints"]
    rules = hands.aws("route53resolver", "ListResolverRules")["ResolverRules"]
    pairs = hands.aws("route53resolver", "ListResolverRuleAssociations")["ResolverRuleAssociations"]
    own = [one for one in rules if one["OwnerId"] == vpc.account and one["RuleType"] == "FORWARD"]
    return {
        "groups": sorted((one["GroupName"], len(one["IpPermissions"])) for one in groups),
        "endpoints": sorted((one["Direction"], one["Status"], one["CreatorRequestId"]) for one in endpoints),
        "rules": sorted((one["DomainName"], one["CreatorRequestId"]) for one in own),
        "associations": [one["VPCId"] for one in pairs if one["ResolverRuleId"] in {rule["Id"] for rule in own}],
    }


def numbers(found: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Return how many endpoints, rules and associations each account has."""
    return {name: (len(one["endpoints"]), len(one["rules"]), len(one["associations"])) for name, one in found.items()}


def writes(world: RunningWorld, *verbs: str) -> list[tuple[str, str]]:
    """Return, in order, account and object of the calls to Resolver whose names begin so."""
    calls = [one for one in world.aws_control("GET", "calls") if one["action"].startswith("route53resolver:")]
    names = [(one["action"].partition(":")[2], one["access_key"]) for one in calls]
    return [(name.removeprefix(verb), key) for name, key in names for verb in verbs if name.startswith(verb)]


def test_two_accounts_without_clusters_are_healed_seen_from_there_and_taken_back_in_reverse(
    world: RunningWorld, bot: Bot
) -> None:
    """An instance and a function see it heal; the undo removes each thing that was made, last first, and no other."""
    built(world, bot, "private-endpoint-without-clusters")
    before, proposal = there(world), proposed(bot)

    healed = bot.use().repairer.run(proposal.id, lambda _: None)
    seen, made = bot.diagnoser.run(ASKED), there(world)
    order = [name for name, _ in writes(world, "Create", "Associate")]
    undone = taken_back(bot, proposal)
    back = [name for name, _ in writes(world, "Delete", "Disassociate")]

    assert healed is not None
    assert (healed.result, seen.verdict.value) == (Result.VERIFIED, "healthy")
    assert numbers(made) == {CLUSTER: (1, 0, 0), "tools": (1, 1, 1), "batch": (1, 1, 1)}
    assert (undone.result, there(world)) == (Result.VERIFIED, before)
    assert back == order[::-1]


def test_what_is_killed_between_endpoint_rule_and_association_is_made_once_and_owned(
    world: RunningWorld, bot: Bot
) -> None:
    """Each next plan goes on with what the one before left; the inverses of all, last first, remove all of it."""
    built(world, bot, "private-endpoint-peered")
    before = there(world)
    points = [f"effect {name}" for name in (BETWEEN[0], BETWEEN[0], BETWEEN[1])]

    plans, ended = [], []
    for point in ["effect "] * 4 + points if ALL else points:
        plans.append(proposed(bot))
        ended.append(killed_after(point, bot, plans[-1]))
    plans.append(proposed(bot))
    last = bot.use().repairer.run(plans[-1].id, lambda _: None)
    made = there(world)
    undone = [taken_back(bot, one).result for one in reversed(plans)]

    assert set(ended) == {Result.STOPPED}
    assert last is not None
    assert last.result is Result.VERIFIED
    assert numbers(made) == {CLUSTER: (1, 0, 0), "tools": (1, 1, 1)}
    assert undone == [Result.VERIFIED] * len(plans)
    assert there(world) == before
