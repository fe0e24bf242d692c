"""What tests of the whole way work with: a world, a Slack, the bot, and what people do there."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import Clicked, Group, Roster, Seen, SlackFarEnd, as_text
from bot.sandbox.slack.roster import usual_roster
from bot.sandbox.slack.text import elements
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.bot_process import BotProcess

WRITE = "ec2:AuthorizeSecurityGroupIngress"


@dataclass(frozen=True)
class Office:
    """Everything a test of the approval path needs."""

    world: RunningWorld
    slack: SlackFarEnd
    bot: BotProcess

    def asks(self, *playbooks: str) -> Seen:
        """Let ana ask, and return the card of the plan: the one that follows, or the one that waits already."""
        ana, known = self.slack.person("ana"), {message.ts for message in self.slack.person("ana").sees()}
        assert ana.types(" ".join(("/dns-diagnose cluster-prod", *playbooks))).ok
        report = ana.wait_for(lambda m: m.ts not in known and "[ Details ]" in as_text(m), timeout_seconds=30)
        if "Decide on the plan that is waiting" in as_text(report):
            return next(message for message in reversed(ana.sees()) if reading.can_be_approved(message))
        return ana.wait_for(lambda m: m.ts not in known and reading.can_be_approved(m), timeout_seconds=30)

    def waiting(self) -> Seen:
        """Return a card of a plan that nobody has decided on: one that is there already, or else that of a new one."""
        cards = (one for one in reversed(self.slack.person("ana").sees()) if reading.can_be_approved(one))
        return next(cards, None) or self.asks()

    def ends(self, card: Seen, timeout_seconds: float = 60.0) -> str:
        """Wait for the outcome on the card and return it."""
        done = self.slack.person("ben").wait_for(
            lambda m: m.ts == card.ts and bool(reading.outcome(m)), timeout_seconds=timeout_seconds
        )
        return reading.outcome(done)

    def now(self, card: Seen) -> Seen:
        """Return the card as it stands now."""
        return next(message for message in self.slack.person("ben").sees() if message.ts == card.ts)

    def quiet(self, seconds: float = 1.0) -> None:
        """Wait until the bot has made no call to Slack for so long."""
        while self.slack.requests and time.time() - self.slack.requests[-1].at < seconds:
            time.sleep(0.05)

    def answer_to(self, name: str, act: Callable[[], object]) -> str:
        """Let someone act, and return the next thing that this person alone is told."""
        person = self.slack.person(name)
        known = {message.ts for message in person.sees()}
        act()
        told = person.wait_for(lambda m: m.ts not in known and bool(m.only_visible_to), timeout_seconds=15)
        assert told.only_visible_to == person.account.id
        return told.text

    def at_once(self, card: Seen, *names: str) -> list[Clicked]:
        """Let these people press Approve in the same moment."""
        barrier, clicks = threading.Barrier(len(names)), dict[str, Clicked]()

        def press(name: str) -> None:
            barrier.wait()
            clicks[name] = self.slack.person(name).clicks(card, "approve")

        threads = [threading.Thread(target=press, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [clicks[name] for name in names]

    def writes(self) -> int:
        """Return how many writing calls the AWS far end has received since the last `breaks`."""
        calls = self.world.aws_control("GET", "calls")
        return sum(call["action"] == WRITE and not call["dry_run"] for call in calls)

    def breaks(self) -> None:
        """Take back by hand what plans have changed, and forget the calls."""
        group = self.world.world.cluster_security_group_id
        rules = self.world.operator.aws(
            "ec2", "DescribeSecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}]
        )["SecurityGroupRules"]
        made = [rule["SecurityGroupRuleId"] for rule in rules if _by_a_plan(rule)]
        if made:
            self.world.operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleIds=made)
        self.world.aws_control("DELETE", "calls")

    def history(self) -> list[dict[str, Any]]:
        """Return all that the history holds, newest first."""
        text = self.bot.command("history", "cluster-prod", "--output", "json", "--limit", "1000")
        diagnoses: list[dict[str, Any]] = json.loads(text)["diagnoses"]
        return diagnoses

    def decisions(self, card: Seen, name: str) -> list[bool]:
        """Return whether this person's presses on the card's proposal were taken, as the history has it."""
        value = next(element for _, element in elements(card.blocks) if element.get("action_id") == "approve")["value"]
        account = self.slack.person(name).account
        return [
            decision["accepted"]
            for diagnosis in self.history()
            for proposal in diagnosis["proposals"]
            if proposal["id"] in value
            for decision in proposal["decisions"]
            if decision["person"] == f"{account.team_id}/{account.id}"
        ]


def _by_a_plan(rule: Mapping[str, Any]) -> bool:
    return any(tag["Key"].startswith("dnsbot") for tag in rule.get("Tags", ()))


def everyone_approves() -> Roster:
    """Return the usual people, with the guest, the bot, the deactivated and the foreign account in the group."""
    usual = usual_roster()
    members = ("U01", "U02", "U03", "U05", "U06", "U07", "U08")
    return replace(usual, groups=(Group(id="S01", handle="dns-approvers", members=members),))


@contextmanager
def opened(
    world: RunningWorld,
    *,
    expires_after: str = "30m",
    socket_mode: bool = False,
    code: Path | None = None,
    further: str = "",
    workloads: bool = False,
) -> Iterator[Office]:
    """Open an office in this world: without `workloads` to look from or to restart, so that rounds are short.

    `code` is another tree whose bot is to run; `further` is added to its dnsbot.yaml.
    """
    with tempfile.TemporaryDirectory() as name, SlackFarEnd(roster=everyone_approves()) as slack:
        folder = Path(name)
        lines = (world.directory / "dnsbot.yaml").read_text().replace("30m", expires_after).splitlines()
        kept = [line for line in lines if workloads or "workload_selector" not in line]
        (folder / "dnsbot.yaml").write_text("\n".join(kept) + f"\n{further}")
        mode = {"SLACK_APP_TOKEN": slack.app_token} if socket_mode else {"SLACK_SIGNING_SECRET": slack.signing_secret}
        environment = {
            **world.environment,
            **mode,
            "DATABASE_URL": f"sqlite:///{folder}/history.db",
            "SLACK_API_URL": slack.url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            **({"PYTHONPATH": str(code)} if code else {}),
        }
        configuration = folder / "dnsbot.yaml"
        with BotProcess(configuration=configuration, environment=environment, log=folder / "bot.log") as bot:
            if not socket_mode:
                slack.deliver_to(bot.url)
            office = Office(world, slack, bot)
            office.breaks()
            yield office
