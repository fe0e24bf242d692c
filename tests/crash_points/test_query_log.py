from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from bot.domain.approvals import Ending, Proposal, Result
from bot.domain.cluster import PodName, Question
from bot.domain.deadline import Deadline
from bot.errors import DnsBotError
from bot.fixes.enable_coredns_query_log import NAME
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.editing import edit_config, find
from bot.sandbox.world.world import CLUSTER
from tests.crash_points.worlds import Bot
from tests.workflow_approval.breaking import NOT_COUNTED, KilledError

ASKED = Question(cluster=CLUSTER, command="log", lasting_seconds=600)
FORMER, LOGGING = ".:53 {\n    errors\n", ".:53 {\n    log\n    errors\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def healthy(world: RunningWorld) -> None:
    """Build a healthy world anew."""
    world.restart(scenario="healthy", seed=1)


def corefile(world: RunningWorld) -> str:
    """Return the Corefile as it stands in the cluster."""
    text: str = find(world.operator, "configmaps", "coredns", namespace="kube-system")["data"]["Corefile"]
    return text


def logged(world: RunningWorld, bot: Bot) -> int:
    """Return how many query-log lines stand in the logs of the CoreDNS pods."""
    world.operator.settle()
    reader = bot.diagnoser.open_sources(bot.targets[CLUSTER]).cluster(Deadline.after(30))
    pods = world.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    logs = [reader.logs(PodName(namespace="kube-system", name=pod["metadata"]["name"])) for pod in pods]
    return sum(len(re.findall(r'\[INFO\] \S+:\d+ - \d+ "A IN ', text)) for text in logs)


def queries(world: RunningWorld, bot: Bot) -> int:
    """Return how many query-log lines are written when a diagnosis looks names up."""
    before = logged(world, bot)
    bot.diagnoser.run(Question(cluster=CLUSTER, playbooks=("lookups",)))
    return logged(world, bot) - before


def switched_on(bot: Bot) -> Proposal:
    """Let the query log be proposed, approved and switched on."""
    proposal = bot.propose(ASKED, NAME)
    assert proposal is not None
    outcome = bot.repair(proposal.id)
    assert outcome.result is Result.VERIFIED, outcome.summary
    return proposal


def killed_at_the_write(*, after: bool) -> Callable[[str, Callable[[], Any]], Any]:
    """Return what ends a process at its first write of the cluster: nothing of it runs after that."""
    dead: list[str] = []

    def around(name: str, act: Callable[[], Any]) -> Any:
        if name in NOT_COUNTED or not (dead or name.startswith("effect ")):
            return act()
        if after and not dead:
            act()
        dead.append(name)
        raise KilledError(name)

    return around


def time_passes(bot: Bot) -> None:
    """Let the time of what was approved be over."""
    with bot.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE endings SET due_at = '2026-01-01 00:00:00.000000' WHERE ended_at IS NULL")


def ended(bot: Bot, proposal: Proposal, owner: str = "another") -> Ending:
    """Let whichever process is there end what is due; return what became of it."""
    for job in (one for one in bot.history.due() if one.kind == "end_change"):
        assert job.ids["proposal_id"] == proposal.id
        bot.use(holder=bot.holder(owner)).ender.run(proposal.id, lambda _: None)
    ending: Ending = bot.history.story(proposal.id).endings[0]
    return ending


def test_queries_are_logged_until_the_time_is_over(world: RunningWorld, bot: Bot) -> None:
    """Proposed for the time that was asked for, on, lines for lookups, off by itself, the Corefile as it was."""
    former = corefile(world)
    assert former.startswith(FORMER)
    silent = queries(world, bot)

    proposal = switched_on(bot)
    (step,) = proposal.plan.steps
    assert (step.ends_after_seconds, proposal.plan.yields) == (600, ("query_log",))
    assert corefile(world) == former.replace(FORMER, LOGGING)
    assert (silent, queries(world, bot) > 0) == (0, True)
    assert bot.propose(ASKED) is None

    time_passes(bot)
    assert ended(bot, proposal).note == ""
    assert (corefile(world), queries(world, bot)) == (former, 0)


def test_what_others_wrote_meanwhile_is_kept(world: RunningWorld, bot: Bot) -> None:
    """A block and a comment of somebody else stay; only `log` goes."""
    proposal = switched_on(bot)
    former = corefile(world)
    theirs = "corp.example:53 {\n    forward . 10.64.0.2 # ours\n}\n"
    edit_config(world.operator, "coredns", "Corefile", lambda text: text + theirs)

    time_passes(bot)
    assert ended(bot, proposal).note == ""
    assert corefile(world) == former.replace(LOGGING, FORMER) + theirs


def test_a_log_that_somebody_else_rewrote_is_left_to_a_person(world: RunningWorld, bot: Bot) -> None:
    """Their form of `log` stays, and the card says that somebody has to look."""
    proposal = switched_on(bot)
    edit_config(world.operator, "coredns", "Corefile", lambda text: text.replace("    log\n", "    log . {combined}\n"))
    theirs = corefile(world)

    time_passes(bot)
    ending = ended(bot, proposal)
    assert "It was not taken back." in ending.note
    assert "log . {combined}" in ending.note
    assert corefile(world) == theirs


def test_what_somebody_switched_off_already_is_over(world: RunningWorld, bot: Bot) -> None:
    """There is nothing to take back, and nothing is written."""
    proposal = switched_on(bot)
    edit_config(world.operator, "coredns", "Corefile", lambda text: text.replace("    log\n", "") + "# by hand\n")
    theirs, before = corefile(world), len(bot.sent)

    time_passes(bot)
    assert (ended(bot, proposal).note, corefile(world), len(bot.sent)) == ("", theirs, before)


def test_a_corefile_that_changed_since_the_plan_is_left_alone(world: RunningWorld, bot: Bot) -> None:
    """What was judged and shown is no longer what would be written."""
    proposal = bot.propose(ASKED, NAME)
    assert proposal is not None
    edit_config(world.operator, "coredns", "Corefile", lambda text: text + "# by hand\n")
    theirs = corefile(world)

    outcome = bot.repair(proposal.id)

    assert (outcome.result, corefile(world), bot.sent) == (Result.REFUSED, theirs, [])
    assert "no longer the Corefile that the plan was made from" in outcome.summary


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_it_is_off_again_though_the_process_is_killed_while_it_ends_it(
    world: RunningWorld,
    bot: Bot,
    after: bool,  # noqa: FBT001  # a table
) -> None:
    """Killed at the write that switches it off: the next process switches it off, or finds that it is off."""
    former = corefile(world)
    proposal = switched_on(bot)
    time_passes(bot)
    bot.breaker = killed_at_the_write(after=after)
    with suppress(DnsBotError, KilledError):
        ended(bot, proposal, "killed")
    bot.breaker = lambda _, act: act()
    with bot.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")

    ending = ended(bot, proposal)

    assert (corefile(world), ending.ended_at is not None, ending.note) == (former, True, "")


ADDON = {"clusterName": CLUSTER, "addonName": "coredns"}


def configuration(world: RunningWorld) -> str:
    """Return the add-on's configuration, as EKS has it."""
    described: Any = world.operator.aws("eks", "DescribeAddon", **ADDON)["addon"]
    return str(described.get("configurationValues", ""))


def held_by_the_addon(world: RunningWorld) -> str:
    """Let the add-on's configuration hold the Corefile; return the configuration."""
    lines = "".join(f"    {line}\n" if line else "\n" for line in corefile(world).splitlines())
    values = f"# ours\nreplicaCount: 2\ncorefile: |\n{lines}resources: {{}}\n"
    world.operator.aws("eks", "UpdateAddon", **ADDON, configurationValues=values)
    world.operator.time_passes(3600)
    world.operator.settle()
    return values


def test_where_the_add_on_holds_the_corefile_it_is_switched_there(world: RunningWorld, bot: Bot) -> None:
    """The whole configuration is sent with one line more, EKS writes the ConfigMap; off again it is byte-equal."""
    former = corefile(world)
    values = held_by_the_addon(world)

    proposal = switched_on(bot)
    assert configuration(world) == values.replace("        errors\n", "        log\n        errors\n")
    assert (corefile(world), queries(world, bot) > 0) == (former.replace(FORMER, LOGGING), True)
    assert {target.split()[0] for target, _ in bot.sent} == {"EKS"}

    time_passes(bot)
    assert ended(bot, proposal).note == ""
    assert (configuration(world), corefile(world)) == (values, former)
    assert queries(world, bot) == 0


def test_a_corefile_that_somebody_edits_meanwhile_is_a_conflict_that_eks_tells(world: RunningWorld, bot: Bot) -> None:
    """The end is not forced: nothing is overwritten, EKS names the field, and a person is asked."""
    held_by_the_addon(world)
    proposal = switched_on(bot)
    edit_config(world.operator, "coredns", "Corefile", lambda text: text.replace("cache 30", "cache 60"))
    theirs = corefile(world)

    time_passes(bot)
    ending = ended(bot, proposal)

    assert "ConfigMap coredns - .data.Corefile" in ending.note
    assert corefile(world) == theirs
