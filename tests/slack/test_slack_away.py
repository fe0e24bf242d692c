"""Slack, or the bot, goes away while there is something to say: nothing is lost, and nothing stands there twice."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from bot.domain.approvals import Choice
from bot.domain.history import Press
from bot.domain.outbox import Note
from bot.domain.people import Person
from bot.sandbox.slack import FaultKind, WebFault, as_text
from bot.slack.diagnosing import ENDED
from bot.slack.post_rate import PostRate
from bot.slack.render import body_of
from bot.slack.sending import send_queue
from tests.slack.conftest import Stage

CHANNEL = "C0123456789"
TICK_SECONDS = 15.0


class FakeTime:
    """A clock that moves by hand: the database's, and the one that posts are spaced by."""

    def __init__(self) -> None:
        self.now = 0.0
        self.begun_at = datetime.now(UTC)

    def set_up(self, connection: sqlite3.Connection, _record: object = None) -> None:
        """Give a connection this clock for its `strftime`."""
        connection.create_function("strftime", 3, self._strftime)

    def _strftime(self, _form: str, _now: str, shift: str) -> str:
        moment = self.begun_at + timedelta(seconds=self.now + float(shift.removesuffix(" seconds")))
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"

    def sleep(self, seconds: float) -> None:
        """Let the time pass that somebody waits for."""
        self.now += seconds


@pytest.fixture
def time(stage: Stage) -> Iterator[FakeTime]:
    """A clock that moves by hand; posts are spaced by a second."""
    fake = FakeTime()
    engine = stage.script.history.real.database.engine
    engine.dispose()
    event.listen(engine, "connect", fake.set_up)
    rate = PostRate(clock=lambda: fake.now, sleep=fake.sleep)
    stage.bot = replace(stage.bot, tools=replace(stage.bot.tools, post_rate=rate))
    yield fake
    event.remove(engine, "connect", fake.set_up)


def standing(stage: Stage) -> list[str]:
    """Return what the channel says, threads included."""
    return [as_text(one.seen()) for one in stage.slack.messages(CHANNEL) if not one.only_visible_to]


def pass_time(stage: Stage, time: FakeTime, seconds: float) -> None:
    """Let time pass, with the bot's looks for work in it."""
    until = time.now + seconds
    while time.now < until:
        time.now += TICK_SECONDS
        stage.look_for_work()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(WebFault(method="*", kind=FaultKind.DOWN, times=-1), id="down"),
        pytest.param(WebFault(method="*", kind=FaultKind.LOST_ANSWER, times=-1), id="answers-lost"),
        pytest.param(
            WebFault(method="*", kind=FaultKind.RATE_LIMITED, retry_after_seconds=90, times=-1), id="rate-limited"
        ),
    ],
)
def test_ten_minutes_without_slack_lose_and_double_nothing(stage: Stage, time: FakeTime, fault: WebFault) -> None:
    """A repair ends and six things are said meanwhile: all of it stands there afterwards, once, in order."""
    stage.post_card()
    begun = len(standing(stage))
    stage.slack.fail(fault)
    press = Press(
        proposal_id="p-1",
        plan_hash=stage.proposal().plan_hash,
        person=Person(team_id="T01", user_id="U02"),
        choice=Choice.APPROVE,
    )
    stage.script.history.take(press, required=1)
    tools = stage.bot.tools
    for number in range(6):
        body = body_of(tools.sentence(f"word {number}"))
        tools.use.history.say(Note(key=f"word:{number}", channel=CHANNEL, body=body))
    pass_time(stage, time, 600)
    away = len([one for one in stage.slack.requests if one.method == "chat.postMessage"])
    stage.slack.faults.clear()
    pass_time(stage, time, 180)

    said = standing(stage)[begun:]
    words = [text for text in said if text.startswith("word ")]
    assert words == [f"word {number}" for number in range(6)]
    assert said.count("@ana Verified: All lookups answer.") == 1
    assert "Verified: All lookups answer." in stage.card_text()
    assert away < 30, "Slack is asked ever more seldom"
    assert stage.script.history.due() == ()


def test_a_channel_gets_one_post_a_second_and_waits_as_long_as_slack_asks(stage: Stage, time: FakeTime) -> None:
    """Ten messages take nine seconds; a 429 holds all of them for as long as it says."""
    tools = stage.bot.tools
    for number in range(10):
        body = body_of(tools.sentence(f"word {number}"))
        tools.use.history.say(Note(key=f"word:{number}", channel=CHANNEL, body=body))
    send_queue(tools, CHANNEL)
    spaced = time.now
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.RATE_LIMITED, retry_after_seconds=40))
    tools.use.history.say(Note(key="late", channel=CHANNEL, body=body_of(tools.sentence("late"))))
    pass_time(stage, time, 30)
    held = standing(stage).count("late")
    pass_time(stage, time, 30)

    assert 9 <= spaced <= 9.5
    assert (held, standing(stage).count("late")) == (0, 1)


def test_a_diagnosis_whose_process_died_says_so(stage: Stage, time: FakeTime) -> None:
    """Nobody says any more that it runs: the next process ends its message. A process that only slept mends it."""
    held = stage.script.hold = threading.Event()
    another = replace(stage.bot, tools=replace(stage.bot.tools, owner="another"))

    def sent() -> bool:
        return all(key.startswith("diagnose:") for key in stage.jobs.running())

    def look_after(seconds: float) -> list[str]:
        time.now += seconds
        another.look_for_work()
        stage.until(sent)
        return standing(stage)

    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.until(lambda: standing(stage) and sent())
    alive, dead = look_after(20), look_after(20)
    held.set()
    stage.quiet()

    assert ["Diagnosing cluster-prod" in text for text in alive] == [True]
    assert dead == [f"cluster-prod: {ENDED}"]
    assert "DNS is blocked by a security group" in standing(stage)[0]
