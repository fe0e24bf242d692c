from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.dns.timestamped import parse_time, seen_lines, timed_lines


def test_lines_carry_the_api_time_in_utc() -> None:
    """Nanoseconds are cut, offsets converted, and a line without a time takes that of the line before."""
    lines = timed_lines(
        "2026-11-21T09:00:00.123456789Z one\n2026-11-21T10:00:01+01:00 two\n\tat three\r\n\n2026-11-21T09:00:02Z\n"
    )

    assert [(line.at, line.text) for line in lines] == [
        (datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC), "one"),
        (datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC), "two"),
        (datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC), "\tat three"),
        (datetime(2026, 11, 21, 9, 0, 2, tzinfo=UTC), ""),
    ]


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-21T09:00:00", "0001-01-01T00:00:00+23:59"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    """Impossible dates, missing zones and times before the first year are no time."""
    assert parse_time(text) is None


def test_seen_lines_count_all_and_those_inside_the_window() -> None:
    """A class knows its first and last time, how many lines are recent, and keeps the newest three as samples."""
    lines = timed_lines("".join(f"2026-11-21T09:0{minute}:00Z line {minute}\n" for minute in range(5)))

    (seen,) = seen_lines((("k", line) for line in lines), since=datetime(2026, 11, 21, 9, 3, tzinfo=UTC))

    assert (seen.line, seen.count, seen.recent) == ("k", 5, 2)
    assert seen.samples == ("line 4", "line 3", "line 2")
    assert seen.last_at - seen.first_at == timedelta(minutes=4)


def test_of_very_many_classes_the_newest_are_kept() -> None:
    """An endless variety of lines does not make endless evidence; the newest class comes first."""
    lines = timed_lines("".join(f"2026-11-21T09:{minute:02}:00Z line {minute}\n" for minute in range(60)))

    seen = seen_lines(((line.text, line) for line in lines), since=datetime(2026, 11, 21, 9, 0, tzinfo=UTC))

    assert [one.line for one in seen] == [f"line {minute}" for minute in range(59, 9, -1)]
