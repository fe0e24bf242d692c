from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.approvals import Outcome, Proposal, Result, StepState
from bot.domain.cluster import Question
from bot.fixes.set_pod_security_group_enforcing_mode import NAME
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.branch_application import NAME as APPLICATION
from bot.sandbox.world.editing import edit, find
from bot.sandbox.world.vpc_cni import MODE, set_enforcing_mode
from bot.sandbox.world.world import CLUSTER
from bot.workflow.undo import inverse_plan
from tests.crash_points.worlds import Bot

ASKED = Question(cluster=CLUSTER, playbooks=("pod-security-groups", "lookups"))
ADDON = {"clusterName": CLUSTER, "addonName": "vpc-cni"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def proposed(world: RunningWorld, bot: Bot, *, addon: bool) -> Proposal:
    """Build the world of the fix anew and return its plan, approved."""
    world.restart(scenario=f"nodelocal-pod-security-groups{'-addon' if addon else ''}", seed=1)
    bot.sent.clear()
    found = bot.propose(ASKED, NAME)
    assert found is not None
    bot.approve(found)
    return found


def run(bot: Bot, proposal: Proposal) -> Outcome:
    """Run an approved plan to its outcome."""
    outcome = bot.use().repairer.run(proposal.id, lambda _: None)
    assert outcome is not None
    return outcome


def configuration(world: RunningWorld) -> str:
    """Return the add-on's configuration, as EKS has it."""
    described: Any = world.operator.aws("eks", "DescribeAddon", **ADDON)["addon"]
    return str(described.get("configurationValues", ""))


def mode(world: RunningWorld) -> str:
    """Return the mode that aws-node's DaemonSet names; empty: none."""
    world.operator.settle()
    daemon_set = find(world.operator, "daemonsets.apps", "aws-node", namespace="kube-system")
    variables = daemon_set["spec"]["template"]["spec"]["containers"][0].get("env") or []
    return next((str(one["value"]) for one in variables if one["name"] == MODE), "")


def branch_pods(world: RunningWorld) -> set[str]:
    """Return the names of the application's pods."""
    return {pod["metadata"]["name"] for pod in world.operator.get("pods", namespace=APPLICATION)}


def with_strategy(deployment: dict[str, Any], strategy: dict[str, Any]) -> dict[str, Any]:
    """Return the Deployment with this strategy."""
    return {**deployment, "spec": {**deployment["spec"], "strategy": strategy}}


def undone(bot: Bot, proposal: Proposal) -> Outcome:
    """Take a plan back that was carried out, as its own plan."""
    plan = inverse_plan(
        proposal.plan,
        bot.history.steps(proposal.id),
        bot.fixes,
        plan_id="undo",
        diagnosis_id=proposal.plan.diagnosis_id,
    )
    assert plan is not None
    offered = bot.use().proposer.offer((plan,), bot.targets[CLUSTER], None)
    return bot.repair(offered.id)


def test_through_the_add_on_the_pods_are_answered_and_the_undo_is_byte_for_byte(world: RunningWorld, bot: Bot) -> None:
    """One key of the configuration is changed, aws-node and exactly the pods concerned are rolled, lookups answer."""
    proposal = proposed(world, bot, addon=True)
    before, old, others = configuration(world), branch_pods(world), world.operator.get("pods", namespace="catalog")

    outcome = run(bot, proposal)

    assert (outcome.result, proposal.plan.risk) == (Result.VERIFIED, "high"), outcome.summary
    assert json.loads(configuration(world)) == {"env": {**json.loads(before)["env"], MODE: "standard"}}
    assert mode(world) == "standard"
    assert old.isdisjoint(branch_pods(world))
    assert world.operator.get("pods", namespace="catalog") == others
    assert [target.split()[0] for target, _ in bot.sent] == ["EKS", f"deployment/{APPLICATION}"]
    assert bot.propose(ASKED) is None

    assert undone(bot, proposal).result is Result.VERIFIED
    assert (configuration(world), mode(world)) == (before, "")


def test_through_the_daemon_set_the_undo_takes_the_variable_away(world: RunningWorld, bot: Bot) -> None:
    """Where nobody but the cluster's owners manages aws-node, its own variable is set, and taken away again."""
    proposal = proposed(world, bot, addon=False)

    assert run(bot, proposal).result is Result.VERIFIED

    assert mode(world) == "standard"
    assert undone(bot, proposal).result is Result.VERIFIED
    assert mode(world) == ""


def test_a_conflict_is_shown_with_its_fields_and_stops_the_plan(world: RunningWorld, bot: Bot) -> None:
    """What somebody set by hand is not overwritten, no pod is rolled, and the next plan is refused as EKS says."""
    proposal = proposed(world, bot, addon=True)
    set_enforcing_mode(world.operator, "strict")
    before, old = configuration(world), branch_pods(world)
    world.operator.settle()

    outcome = run(bot, proposal)

    assert outcome.result is Result.STOPPED
    assert "ConfigurationConflict: Conflicts found" in outcome.summary
    assert f'.env[name="{MODE}"].value' in outcome.summary
    assert (configuration(world), mode(world), branch_pods(world)) == (before, "strict", old)
    assert [line.state for line in outcome.steps] == [StepState.FAILED, StepState.SKIPPED]
    diagnosis = bot.diagnoser.run(ASKED)
    (refused,) = [one for one in bot.use().proposer.propose(diagnosis).not_offered if one.fix == NAME]
    assert "is UPDATE_FAILED" in refused.advice.reason
    assert "ConfigurationConflict" in refused.advice.reason


def test_an_update_that_is_under_way_is_waited_for_and_then_the_mode_is_set(world: RunningWorld, bot: Bot) -> None:
    """The card says so; what is sent then is what was shown, and all is verified as ever."""
    world.restart(scenario="nodelocal-pod-security-groups-addon", seed=1)
    bot.sent.clear()
    world.aws_control("POST", "paces", [{"action": "eks:UpdateAddon", "seconds": 3}])
    world.operator.aws("eks", "UpdateAddon", **ADDON, configurationValues=configuration(world))
    world.aws_control("POST", "paces", [])
    proposal = bot.propose(ASKED, NAME)
    assert proposal is not None
    bot.approve(proposal)

    outcome = run(bot, proposal)

    assert outcome.result is Result.VERIFIED, outcome.summary
    assert "is UPDATING: wait until it is ACTIVE" in proposal.plan.steps[0].diff[0]
    assert mode(world) == "standard"


def test_nothing_is_written_where_somebody_else_was_faster(world: RunningWorld, bot: Bot) -> None:
    """The add-on's configuration changed since the plan was made: what was approved is no longer what it would do."""
    proposal = proposed(world, bot, addon=True)
    values = json.dumps({"env": {"WARM_IP_TARGET": "5"}})
    world.operator.aws("eks", "UpdateAddon", **ADDON, configurationValues=values)

    outcome = run(bot, proposal)

    assert outcome.result is Result.REFUSED
    assert "is no longer as it was when the plan was made" in outcome.summary
    assert (configuration(world), bot.sent) == (values, [])


def test_a_disruption_budget_keeps_the_pods_and_the_next_plan_rolls_them_alone(world: RunningWorld, bot: Bot) -> None:
    """The mode is set; the pods are left, in the mode that they were made under, until their budget allows it."""
    proposal = proposed(world, bot, addon=True)
    selector = {"matchLabels": {"app.kubernetes.io/name": APPLICATION}}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all-of-them", "namespace": APPLICATION},
        "spec": {"maxUnavailable": 0, "selector": selector},
        "status": {"disruptionsAllowed": 0},
    }
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    edit(world.operator, "deployments.apps", APPLICATION, lambda found: with_strategy(found, rolling))
    world.operator.apply(budget)
    old = branch_pods(world)

    outcome = run(bot, proposal)

    assert outcome.result is Result.STOPPED
    assert f"{APPLICATION}/all-of-them (allows 0)" in outcome.summary
    assert (mode(world), branch_pods(world)) == ("standard", old)
    world.operator.delete("poddisruptionbudgets.policy", "all-of-them", namespace=APPLICATION)
    following = bot.propose(ASKED)
    assert following is not None
    assert [step.fix for step in following.plan.steps] == ["recreate_pods"]
    assert bot.repair(following.id).result is Result.VERIFIED


def test_a_pod_that_does_not_come_back_stops_the_plan(world: RunningWorld, bot: Bot) -> None:
    """No node takes its successor: how many are new is said, what was done is offered to be taken back."""
    proposal = proposed(world, bot, addon=False)
    taints = [{"key": "maintenance", "effect": "NoSchedule"}]
    for node in world.operator.get("nodes"):
        world.operator.apply({**node, "spec": {**node["spec"], "taints": taints}})

    outcome = run(bot, proposal)

    assert outcome.result is Result.STOPPED
    assert "not complete within 300 s: 1 of 3 pods are new" in outcome.summary
    assert [line.state for line in outcome.steps] == [StepState.DONE, StepState.FAILED]
    assert bot.history.proposal(outcome.inverse_proposal_id).plan.undoes == proposal.id
