from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.domain.cron import parse_cron

PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> datetime:
    """Return a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "now", "newest"),
    [
        ("0 9 * * mon-fri", "2026-11-27T08:30", "2026-11-27T09:00"),  # a Friday, 09:30 in Paris
        ("0 9 * * mon-fri", "2026-11-29T12:00", "2026-11-27T09:00"),  # a Sunday
        ("0 9 * * 0", "2026-11-30T12:00", "2026-11-29T09:00"),  # Sunday by both its numbers
        ("0 9 * * 7", "2026-11-30T12:00", "2026-11-29T09:00"),
        ("0 9 * * 1", "2026-12-02T12:00", "2026-11-30T09:00"),  # Monday, not Tuesday
        ("*/15 8-10 * * *", "2026-11-30T09:29", "2026-11-30T10:15"),
        ("30 6 1,15 * *", "2026-11-16T00:00", "2026-11-15T06:30"),
        ("0 0 1 jan *", "2026-01-03T00:00", "2026-01-01T00:00"),
        ("0 9 * * *", "2026-11-30T07:59", "2026-11-29T09:00"),  # a minute before today's
    ],
)
def test_newest_slot(cron: str, now: str, newest: str) -> None:
    """By the local clock; weekdays are names, or numbers as in cron(5)."""
    found = parse_cron(cron).newest(at(now), PARIS, within=timedelta(days=7))

    assert found is not None
    assert found.name == newest
    assert found.at == datetime.fromisoformat(newest).replace(tzinfo=PARIS).astimezone(UTC)


def test_a_slot_is_over_after_its_grace() -> None:
    """Nothing is made up that is older."""
    cron = parse_cron("0 9 * * *")

    assert cron.newest(at("2026-11-30T09:00"), PARIS, within=timedelta(hours=1)) is not None
    assert cron.newest(at("2026-11-30T09:01"), PARIS, within=timedelta(hours=1)) is None


@pytest.mark.parametrize("minute", [0, 30, 59])
@pytest.mark.parametrize("day", ["2026-10-25", "2026-03-29", "2026-06-01"])
def test_a_day_has_one_slot_also_where_the_clock_is_set(day: str, minute: int) -> None:
    """02:30 is there twice in October and not at all in March: exactly one each, whenever it is looked."""
    cron = parse_cron(f"{minute} 2 * * *")
    midnight = at(f"{day}T00:00") - timedelta(hours=2)

    seen = {
        slot.name
        for quarter in range(4 * 24)
        if (slot := cron.newest(midnight + timedelta(minutes=15 * quarter), PARIS, within=timedelta(hours=3)))
    }

    assert seen == {f"{day}T02:{minute:02}"}


@settings(max_examples=40)
@given(
    minutes=some.integers(min_value=0, max_value=60 * 24 * 365),
    zone=some.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_looked_at_later_a_slot_is_never_an_older_one(minutes: int, zone: str) -> None:
    """So no slot comes back after its successor was taken."""
    cron, now = parse_cron("*/30 * * * *"), at("2026-01-01T00:00") + timedelta(minutes=minutes)

    first = cron.newest(now, ZoneInfo(zone), within=timedelta(hours=4))
    later = cron.newest(now + timedelta(minutes=20), ZoneInfo(zone), within=timedelta(hours=4))

    assert first is not None
    assert later is not None
    assert first.at <= later.at <= now + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("cron", "complaint"),
    [
        ("0 9 * *", "five fields"),
        ("60 9 * * *", "minute '60': expected a number from 0 to 59"),
        ("0 9 * * funday", "day of week 'funday': expected a number from 0 to 7 or a name"),
        ("0 9 31 2 *", "no such day"),
        ("0 9 1 * mon", "not both"),
        ("0 9-8 * * *", "the range is empty"),
        ("*/0 9 * * *", "the range is empty"),
        ("0 9 * * mon#1", "expected \\*, a number"),
        ("0 *-5 * * *", "a range begins with a number"),
    ],
)
def test_a_cron_that_is_none_says_what_is_wrong(cron: str, complaint: str) -> None:
    """With the field and what is expected."""
    with pytest.raises(ValueError, match=complaint):
        parse_cron(cron)
