from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.approvals import MessageRef, Outcome, Posted, ProposalState, Result, StepState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft, Lease, NotTaken, Press, Untold
from bot.history import SqlHistory

Sql = Callable[[str], list[tuple[Any, ...]]]

SOON = NotTaken(reason="internal_error", again_within_seconds=60)
SELDOM = NotTaken(reason="is_archived", again_within_seconds=3600)
NEVER = NotTaken(reason="msg_too_long", again_within_seconds=None)


@pytest.fixture
def version(
    history: SqlHistory,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
) -> int:
    """The version of a plan, p1, that was repaired; its card is behind, and nothing is said of it."""
    history.record(diagnosis_of())
    draft = draft_of("p1")
    history.propose(draft)
    history.remember("p1", Posted(message=MessageRef(channel="C1", ts="1.2")))
    history.take(press_of(draft), required=1)
    lease = history.begin("p1", "one")
    assert isinstance(lease, Lease)
    history.journal(lease, index=0, state=StepState.STARTED)
    history.journal(lease, index=0, state=StepState.DONE, ends_after_seconds=60)
    outcome = Outcome(proposal_id="p1", result=Result.VERIFIED, summary="all well", steps=())
    history.finish(lease, outcome, ProposalState.DONE)
    return history.story("p1").version


def due(history: SqlHistory) -> list[str]:
    """Return the kinds of work that are due."""
    return [job.kind for job in history.due()]


def test_card_that_is_not_taken_is_put_off_and_drawn_again(history: SqlHistory, sql: Sql, version: int) -> None:
    """Not at the next tick; when its time has come it is due, and once it is drawn it is not."""
    given_up = history.not_drawn("p1", version, SOON)
    put_off = due(history)
    sql("UPDATE proposals SET draw_at = '2026-01-01 00:00:00.000000'")
    again = due(history)
    history.drawn("p1", version)

    assert (given_up, put_off, again, due(history)) == (
        False, ["tell_thread"], ["redraw_card", "tell_thread"], ["tell_thread"],
    )  # fmt: skip
    assert history.proposal("p1").undrawn == ""


@pytest.mark.parametrize(
    ("waited_seconds", "why", "pause_seconds"),
    [
        pytest.param(0, SOON, 5, id="first-time"),
        pytest.param(20, SOON, 20, id="twice-as-long-each-time"),
        pytest.param(600, SOON, 60, id="every-minute-at-least"),
        pytest.param(600, SELDOM, 600, id="seldom-where-people-must-act"),
        pytest.param(36000, SELDOM, 3600, id="every-hour-at-least"),
    ],
)
def test_card_waits_twice_as_long_each_time(
    history: SqlHistory, sql: Sql, version: int, waited_seconds: int, why: NotTaken, pause_seconds: int
) -> None:
    """Up to what the reason allows."""
    history.not_drawn("p1", version, SOON)
    [(since,)] = sql("SELECT undrawn_since FROM proposals")
    _date_back(sql, "undrawn_since", waited_seconds)
    history.not_drawn("p1", version, why)

    [(draw_at,)] = sql("SELECT draw_at FROM proposals")
    assert (_moment(draw_at) - _moment(since)).total_seconds() == pytest.approx(pause_seconds, abs=2)


def test_card_that_is_never_taken_is_left_until_there_is_news(history: SqlHistory, sql: Sql, version: int) -> None:
    """The history says why; the next version is tried, and a card that is drawn at last loses the mark."""
    given_up = history.not_drawn("p1", version, NEVER)
    left = (due(history), history.proposal("p1").undrawn)
    sql("UPDATE proposals SET version = version + 1")
    news = due(history)
    history.drawn("p1", version + 1)

    assert given_up
    assert left == (["tell_thread"], "msg_too_long")
    assert news == ["redraw_card", "tell_thread"]
    assert history.proposal("p1").undrawn == ""


def test_card_that_is_not_taken_for_a_day_is_given_up(history: SqlHistory, sql: Sql, version: int) -> None:
    """An archived channel is not asked for ever."""
    history.not_drawn("p1", version, SELDOM)
    _date_back(sql, "undrawn_since", 25 * 3600)

    assert history.not_drawn("p1", version, SELDOM)
    assert (due(history), history.proposal("p1").undrawn) == (["tell_thread"], "is_archived")


def test_line_that_is_not_taken_is_put_off(history: SqlHistory, version: int) -> None:
    """What was begun to be said is due again when the reason allows."""
    history.drawn("p1", version)
    history.begin_telling("p1")

    assert not history.not_told("p1", SELDOM)
    assert (due(history), history.begin_telling("p1"), history.proposal("p1").untold) == ([], Untold(), "")


@pytest.mark.parametrize("why", [NEVER, SELDOM], ids=["never-taken", "too-old-when-it-may-be-taken"])
def test_line_that_will_not_be_taken_is_given_up(history: SqlHistory, sql: Sql, version: int, why: NotTaken) -> None:
    """The history says why nothing stands in the thread."""
    history.drawn("p1", version)
    history.begin_telling("p1")
    _date_back(sql, "finished_at", 24 * 3600 - 60, table="outcomes")

    assert history.not_told("p1", why)
    assert sql("SELECT tell_at FROM outcomes") == [(None,)]
    assert history.proposal("p1").untold == why.reason


def _date_back(sql: Sql, column: str, seconds: int, *, table: str = "proposals") -> None:
    """Let so much time have passed since a moment."""
    [(now,)] = sql(f"SELECT {column} FROM {table}")  # noqa: S608  # our tables
    earlier = _moment(now) - timedelta(seconds=seconds)
    sql(f"UPDATE {table} SET {column} = '{earlier:%Y-%m-%d %H:%M:%S.%f}'")  # noqa: S608  # our tables


def _moment(stored: object) -> datetime:
    """Return a moment, which SQLite gives as text."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
