"""Every shipped fix, killed before and after each of its writes and of the database's calls around them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

import pytest

from bot.app import load_units
from bot.domain.approvals import Proposal
from bot.domain.cluster import PodName, Question
from bot.domain.plans import Fix
from bot.errors import DnsBotError
from bot.sandbox.running.running_world import RunningWorld
from tests.crash_points.worlds import Bot, as_good, check, scenario_of, writes_of
from tests.workflow_approval.breaking import Break, Breaker, KilledError, report, restart

ALL = os.environ.get("CHAOS") == "all"
FIXES = load_units().fixes
ATTEMPTS = 3
"""To get a plan: on a machine under load lookups may have no answer in time, and then nothing is proposed."""


def rebuilt(world: RunningWorld, bot: Bot, fix: Fix) -> Proposal:
    """Build the world of a fix anew and return the plan that is proposed there."""
    scenario, question = scenario_of(fix, bot.diagnoser.playbooks)
    if not scenario:
        pytest.fail(
            f"There is no world to kill the fix {fix.name} in. Give it a scenario that it heals "
            f'(bot/sandbox/scenarios, healed_by=ByFix(fix="{fix.name}")), or let a fix that has one be followed by it.'
        )
    world.restart(scenario=scenario, seed=1)
    if world.scenario.elsewhere:
        bot.configure()
    bot.sent.clear()
    for _ in range(ATTEMPTS):
        proposal = bot.propose(question, fix.name) or bot.propose(about_a_bare_pod(world, question), fix.name)
        if proposal is not None:
            return proposal
    pytest.fail(f"In the scenario {scenario} no plan with a step of {fix.name} is proposed.")


def about_a_bare_pod(world: RunningWorld, question: Question) -> Question:
    """Return the question about a pod whose image has no tool: what is not seen in a healthy world."""
    name = world.operator.get("pods", namespace="ui")[0]["metadata"]["name"]
    return replace(question, pod=PodName(namespace="ui", name=name))


def run_broken(bot: Bot, breaker: Breaker, proposal: Proposal) -> None:
    """Let one process run an approved plan while the breaker stands around its calls; then it is gone."""
    bot.breaker = breaker
    try:
        with suppress(DnsBotError, KilledError):
            bot.use().repairer.run(proposal.id, lambda _: None)
    finally:
        bot.breaker = lambda _, act: act()


def points_of(fix: Fix, calls: Breaker) -> list[Break]:
    """Return where the process is killed: around every call at steps of this fix.

    Unless all are asked for (`make chaos`): after the first write of its first step, of which the rest is left.
    """
    own = [number for number, step in enumerate(calls.marks) if step is not None and step.fix == fix.name]
    writes = [number for number in own if calls.seen[number].startswith("effect ")]
    assert writes, f"nothing was written for {fix.name}: {calls.seen}"
    chosen = [(number, after) for number in own for after in (False, True)] if ALL else [(writes[0], True)]
    return [Break(at=at, after=after, error=KilledError, for_good=True) for at, after in chosen]


@pytest.mark.slow
@pytest.mark.timeout(3600 if ALL else 300)
@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_a_fix_that_is_killed_at_any_point_has_each_effect_once_or_a_person_is_asked(
    world: RunningWorld, bot: Bot, fix: Fix
) -> None:
    """Another process settles it, truly, and what is left to do is done by the next plan, if there is one."""
    undisturbed = Breaker(mark=lambda: bot.running, effects=True)
    proposal = rebuilt(world, bot, fix)
    bot.approve(proposal)
    run_broken(bot, undisturbed, proposal)
    whole, best = writes_of(bot, proposal.plan), bot.history.outcome(proposal.id)

    def play(point: Break) -> tuple[str, str]:
        broken = rebuilt(world, bot, fix)
        bot.approve(broken)
        calls = Breaker(mark=lambda: bot.running, effects=True, wanted=(point,))
        run_broken(bot, calls, broken)
        restart(bot)
        where = f"{fix.name}: {calls.where()}"
        try:
            outcome = check(bot, broken.plan, bot.history.outcome(broken.id), whole, best.result)
            following = bot.propose(scenario_of(fix, bot.diagnoser.playbooks)[1])
            ended = best.result if following is None else bot.repair(following.id).result
            assert as_good(ended, best.result), f"the next repair ended worse: {ended}"
        except AssertionError as error:
            return where, f"{where}: {error}"
        return f"{where}: {outcome.result.value}. {outcome.summary}", ""

    report([play(point) for point in points_of(fix, undisturbed)])
