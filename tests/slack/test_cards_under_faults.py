"""A repair in Slack while its database or Slack itself fails: at the end every card says how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from bot.domain.approvals import Proposal, ProposalState
from bot.domain.jobs import Lane
from bot.domain.outbox import CARD, Note, card_key
from bot.errors import DnsBotError
from bot.report.plan_words import outcome_words
from bot.sandbox.slack import FaultKind, Seen, SlackFarEnd, WebFault, as_text
from bot.slack.app import SlackBot, build_app
from bot.slack.connection import SlackSettings, connect
from bot.slack.http_server import serve_http
from bot.slack.post_rate import PostRate
from tests.emptied_history import EmptiedHistory
from tests.slack.conftest import TEMPLATES
from tests.workflow_approval.breaking import Break, Breaker, check_ended, propose_both_doors, report
from tests.workflow_approval.conftest import Doors, Kit, Setting, World, setting_of

ALL = os.environ.get("CHAOS") == "all"
EVERY = 1 if ALL else 7
"""Of the many points every nth is played, unless all are asked for (`make chaos`)."""
CHANNEL = "C0123456789"
BUTTONS = ("[ Approve ]", "[ Reject ]")


@dataclass
class WaitingJobs:
    """The job port without threads: jobs wait until they are told to run, one after the other, in order."""

    waiting: dict[str, Callable[[], None]] = field(default_factory=dict)

    def submit(self, lane: Lane, key: str, work: Callable[[], None], *, again: bool = False) -> bool:
        """Queue the work, unless its key is queued already."""
        del lane, again
        return self.waiting.setdefault(key, work) is work

    def stop(self, *, grace_seconds: float) -> tuple[str, ...]:
        """Drop what waits."""
        del grace_seconds
        self.waiting.clear()
        return ()

    def running(self) -> tuple[str, ...]:
        """Return what waits."""
        return tuple(sorted(self.waiting))

    def run(self) -> None:
        """Run what waits, and what comes of it."""
        while self.waiting:
            work = self.waiting.pop(next(iter(self.waiting)))
            with suppress(DnsBotError):  # which a job's thread logs
                work()


@dataclass
class Office:
    """A bot in front of a local Slack, that repairs doors in memory over a real history."""

    slack: SlackFarEnd
    setting: Setting
    bot: SlackBot
    jobs: WaitingJobs

    def cards(self, proposal: Proposal) -> list[Seen]:
        """Return the cards of a plan as they are now."""
        seen = [one.seen() for one in self.slack.messages(CHANNEL)]
        return [one for one in seen if not one.thread_ts and proposal.plan_hash[:12] in as_text(one)]

    def post(self, proposal: Proposal) -> None:
        """Let the card be posted, as a proposal for a cluster with a channel does."""
        note = Note(key=card_key(proposal.id), channel=CHANNEL, kind=CARD, about={"proposal_id": proposal.id})
        with suppress(DnsBotError):
            self.bot.tools.say(note)
        self.jobs.run()

    def approve(self, proposal: Proposal) -> None:
        """Let ben press Approve on the newest card that has the button."""
        live = [card for card in self.cards(proposal) if BUTTONS[0] in as_text(card)]
        if live:
            block = next(block for block in live[-1].blocks if block["type"] == "actions")
            self.slack.person("ben").clicks(live[-1], "approve", block_id=block["block_id"])
            self.jobs.run()

    def time_passes(self) -> None:
        """Let leases run out, and the bot look for work as often as it takes."""
        with self.setting.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")
            connection.exec_driver_sql("UPDATE notes SET send_at = NULL")
            connection.exec_driver_sql("UPDATE queues SET paused_until = NULL")
        for _ in range(3):
            self.bot.look_for_work()
            self.jobs.run()

    def check(self, proposal: Proposal) -> str:
        """Return how it ended; its one card says so, and its thread, once, and no button is left that decides."""
        outcome = check_ended(self.setting, proposal)
        cards = self.cards(proposal)
        assert len(cards) == 1, f"there are {len(cards)} cards"
        for card in cards:
            assert outcome_words(outcome) in as_text(card), f"a card says:\n{as_text(card)}"
            assert not any(button in as_text(card) for button in BUTTONS), f"live buttons:\n{as_text(card)}"
        threads = {card.ts for card in cards}
        lines = [as_text(one.seen()) for one in self.slack.messages(CHANNEL) if one.thread_ts in threads]
        assert lines.count(f"@ana {outcome_words(outcome)}") == 1, f"in the thread stands {lines}"
        assert self.setting.history.due() == ()
        return outcome.result.value


@pytest.fixture
def office(slack: SlackFarEnd, kept_history: EmptiedHistory) -> Iterator[Office]:
    """An office with an empty history."""
    history = kept_history.emptied({"doors": Doors})
    settings = SlackSettings(bot_token=slack.bot_token, signing_secret=slack.signing_secret, api_url=slack.url)
    setting, jobs = setting_of(World(), history), WaitingJobs()
    bot = build_app(
        settings,
        connection=connect(settings),
        use=setting.use(),
        jobs=jobs,
        templates=TEMPLATES,
        owner="this",
        post_rate=PostRate(every_seconds=0),
    )
    server = serve_http(bot.bolt, signing_secret=slack.signing_secret, port=0)
    slack.deliver_to(f"http://127.0.0.1:{server.port}/slack/events")
    yield Office(slack=slack, setting=setting, bot=bot, jobs=jobs)
    server.stop()
    bot.stop()
    history.close()


def play(office: Office, begin: Callable[[], None], end: Callable[[], str]) -> tuple[str, str]:
    """Post a plan's card and approve it while something fails; return what failed and how it ended, and what is wrong.

    `begin` lets it fail from now on, `end` no longer, and returns what failed, in words.
    """
    proposal = propose_both_doors(office.setting, Kit())
    begin()
    office.post(proposal)
    office.approve(proposal)
    office.time_passes()
    where = end()
    for _ in range(2):
        if not office.cards(proposal):
            office.post(proposal)  # asked again, the bot posts the card that is missing
        if office.setting.history.proposal(proposal.id).state is ProposalState.PENDING:
            office.approve(proposal)
        office.time_passes()
    try:
        return f"{where}: {office.check(proposal)}", ""
    except AssertionError as error:
        return where, f"{where}: {error}"


def with_database(office: Office, *wanted: Break) -> tuple[tuple[str, str], int]:
    """Play with a database that fails so; return what came of it, and how many calls of the database were made."""
    breaker = Breaker(wanted=wanted)

    def begin() -> None:
        office.setting.history.around = breaker

    def end() -> str:
        office.setting.history.around = lambda _, call: call()
        return breaker.where()

    return play(office, begin, end), len(breaker.seen)


@pytest.mark.slow
@pytest.mark.timeout(3600 if ALL else 300)
@pytest.mark.parametrize(
    ("after", "for_good"),
    [
        pytest.param(False, False, id="one-call-fails"),
        pytest.param(True, False, id="one-answer-is-lost"),
        pytest.param(False, True, id="away-until-it-is-back"),
    ],
)
def test_a_fault_at_any_call_of_the_database_leaves_the_cards_right(
    office: Office, *, after: bool, for_good: bool
) -> None:
    """From the posting of the card to the outcome: no card waits, promises or offers what is over, nothing is stuck."""
    undisturbed, number = with_database(office)
    points = [Break(at=at, after=after, for_good=for_good) for at in range(number)]
    report([undisturbed, *(with_database(office, one)[0] for one in points[::EVERY])])


@pytest.mark.slow
@pytest.mark.timeout(3600 if ALL else 300)
@pytest.mark.parametrize(
    ("kind", "times"),
    [
        pytest.param(FaultKind.ERROR, 1, id="one-call-is-refused"),
        pytest.param(FaultKind.DOWN, -1, id="down-until-it-is-back"),
        pytest.param(FaultKind.LOST_ANSWER, 1, id="one-answer-is-lost"),
    ],
)
def test_a_fault_at_any_call_of_slack_leaves_the_cards_right(office: Office, kind: FaultKind, times: int) -> None:
    """What Slack did not take is drawn again when it is back."""

    def played(passes: int) -> tuple[str, str]:
        def begin() -> None:
            office.slack.fail(WebFault(method="*", kind=kind, times=times, passes=passes))

        def end() -> str:
            office.slack.faults.clear()
            return f"Slack {kind.value} from call {passes}"

        return play(office, begin, end)

    before = len(office.slack.requests)
    undisturbed, _ = with_database(office)
    report([undisturbed, *(played(passes) for passes in range(len(office.slack.requests) - before))])
