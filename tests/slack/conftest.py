"""A bot in front of the local Slack, over real signed HTTP, with a real history, gate and proposer behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.domain.approvals import NotOffered, Proposal
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Finding
from bot.domain.jobs import Lane
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.people import Person
from bot.domain.plans import Advice, FixPlan
from bot.jobs.in_process import InProcessJobs
from bot.sandbox.slack import Clicked, Kind, Seen, SlackFarEnd, as_text
from bot.slack.app import SlackBot, build_app
from bot.slack.connection import SlackConnection, SlackSettings, connect
from bot.slack.directory import SlackDirectory
from bot.slack.http_server import serve_http
from bot.slack.listening import HttpServer
from bot.slack.post_rate import PostRate
from bot.workflow.use_cases import UseCases
from tests.emptied_history import EmptiedHistory
from tests.slack.samples import TARGET, Groups, finding, sample_diagnosis, sample_plan, sample_proposal
from tests.slack.script import Script, SwitchableHistory

TEMPLATES = Path(__file__).parents[2] / "templates"


@dataclass
class Stage:
    """The local Slack, the bot, and what stands behind it."""

    slack: SlackFarEnd
    script: Script
    use: UseCases
    bot: SlackBot
    jobs: InProcessJobs
    settings: SlackSettings
    connection: SlackConnection
    server: HttpServer | None = None

    @property
    def address(self) -> str:
        """Where Slack delivers to."""
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.port}/slack/events"

    def card(self, proposal_id: str = "p-1") -> Seen:
        """Return the proposal's card as it is now."""
        posted = self.proposal(proposal_id).posted
        assert posted is not None
        ref = posted.message
        return next(message for message in self.slack.person("ben").sees(ref.channel) if message.ts == ref.ts)

    def proposal(self, proposal_id: str = "p-1") -> Proposal:
        """Return the proposal as it is stored."""
        found: Proposal = self.script.history.proposal(proposal_id)
        return found

    def decided(self, proposal_id: str = "p-1") -> list[tuple[str, str]]:
        """Return who decided on it and what was given as reason, as far as it was accepted."""
        decisions = self.proposal(proposal_id).decisions
        return [(decision.person.user_id, decision.reason) for decision in decisions if decision.accepted]

    def card_text(self, proposal_id: str = "p-1") -> str:
        """Return what the card says now."""
        return as_text(self.card(proposal_id))

    def thread(self, card: Seen) -> list[str]:
        """Return what stands in a card's thread."""
        return [as_text(one.seen()) for one in self.slack.messages(card.channel) if one.thread_ts == card.ts]

    def post_card(self) -> Seen:
        """Let ana diagnose, and return the card that follows."""
        self.slack.person("ana").types("/dns-diagnose cluster-prod")
        self.quiet()
        return self.card()

    def press(self, name: str, button: str, on: Seen | None = None) -> Clicked:
        """Let someone press a button of the card, and wait for what follows."""
        card = on or self.card()
        block = next(block for block in card.blocks if block["type"] == "actions")
        clicked = self.slack.person(name).clicks(card, button, block_id=block["block_id"])
        self.quiet()
        return clicked

    def forge(self, action_id: str, value: str) -> None:
        """Let Slack deliver a press by ben of a button that nobody was shown."""
        payload = {
            "type": "block_actions",
            "team": {"id": "T01"},
            "user": {"id": "U02", "team_id": "T01"},
            "trigger_id": "1.2",
            "channel": {"id": TARGET.channel},
            "container": {"type": "message", "message_ts": "1.0", "channel_id": TARGET.channel},
            "actions": [{"type": "button", "action_id": action_id, "value": value, "action_ts": "9.9"}],
        }
        assert self.slack.deliver(payload, kind=Kind.INTERACTIVE).ok
        self.quiet()

    def mention(self, name: str, text: str, thread_ts: str = "") -> None:
        """Let someone mention the bot, and wait for what follows (Bolt answers an event before it is handled)."""
        before = len(self.script.history.keys)
        assert self.slack.person(name).mentions(text, thread_ts=thread_ts).ok
        until = time.monotonic() + 5
        while len(self.script.history.keys) == before:
            assert time.monotonic() < until, "the mention was not handled"
            time.sleep(0.005)
        self.quiet()

    def look_for_work(self) -> None:
        """Let the bot look for what is due, and wait until it is done."""
        self.bot.look_for_work()
        self.quiet()

    def until(self, ready: Callable[[], object], timeout_seconds: float = 60.0) -> None:
        """Wait until `ready` says so."""
        until = time.monotonic() + timeout_seconds
        while not ready():
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.005)

    def quiet(self, timeout_seconds: float = 60.0) -> None:
        """Wait until no job is queued or running."""
        until = time.monotonic() + timeout_seconds
        while self.jobs.running():
            assert time.monotonic() < until, self.jobs.running()
            time.sleep(0.005)


@pytest.fixture
def slack() -> Iterator[SlackFarEnd]:
    """A local Slack that repeats events at once."""
    with SlackFarEnd(event_retry_seconds=(0.0, 0.0, 0.0)) as far_end:
        yield far_end


@pytest.fixture
def script(kept_history: EmptiedHistory) -> Script:
    """The security-group story over an empty history."""
    real = kept_history.emptied({"lookups": LookupMatrix, "security_group_rules": Groups})
    return Script(history=SwitchableHistory(real))


@pytest.fixture
def silent_stage(slack: SlackFarEnd, script: Script) -> Iterator[Stage]:
    """The bot, listening to nobody yet."""
    settings = SlackSettings(bot_token=slack.bot_token, signing_secret=slack.signing_secret, api_url=slack.url)
    connection = connect(settings)
    jobs = InProcessJobs(threads={Lane.QUICK: 8, Lane.DIAGNOSE: 16, Lane.REPAIR: 4})
    use = script.use_cases(SlackDirectory(connection.safe, team_id="T01"))
    bot = build_app(
        settings,
        connection=connection,
        use=use,
        jobs=jobs,
        templates=TEMPLATES,
        owner="this",
        post_rate=PostRate(every_seconds=0),
    )
    yield Stage(slack=slack, script=script, use=use, bot=bot, jobs=jobs, settings=settings, connection=connection)
    if script.hold is not None:
        script.hold.set()
    jobs.stop(grace_seconds=5)
    bot.stop()


@pytest.fixture
def stage(silent_stage: Stage) -> Iterator[Stage]:
    """The bot in HTTP mode, with the local Slack delivering to it."""
    server = serve_http(
        silent_stage.bot.bolt,
        signing_secret=silent_stage.slack.signing_secret,
        port=0,
    )
    silent_stage.server = server
    silent_stage.slack.deliver_to(silent_stage.address)
    yield silent_stage
    server.stop()


@pytest.fixture
def diagnosis_of() -> Callable[..., Diagnosis]:
    """Make diagnoses that differ from the sample in the fields given."""

    def make(**changes: Any) -> Diagnosis:
        return sample_diagnosis(Question(cluster="cluster-prod"), Person(team_id="T01", user_id="U01"), **changes)

    return make


@pytest.fixture
def proposal_of() -> Callable[..., Proposal]:
    """Make proposals that differ from the sample in the fields given."""
    return sample_proposal


@pytest.fixture
def plan_of() -> Callable[..., FixPlan]:
    """Make plans that differ from the sample in the fields given."""
    return sample_plan


@pytest.fixture
def finding_of() -> Callable[..., Finding]:
    """Make findings."""
    return finding


@pytest.fixture
def advice_of() -> Callable[..., NotOffered]:
    """Make fixes that are not offered."""

    def make(reason: str, *text: str) -> NotOffered:
        return NotOffered(finding="f", fix="allow_dns_in_network_acl", advice=Advice(reason=reason, text=text))

    return make
