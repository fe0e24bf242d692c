from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.moments import follows, leading_time, parse_time

LINE = datetime(2026, 11, 21, 9, 0, 10, 300_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-21T09:00:00", "0001-01-01T00:00:00+23:59"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    """Impossible dates, missing zones and times before the first year are no time."""
    assert parse_time(text) is None
    assert leading_time(f"{text} and more") == (None, f"{text} and more")


def test_the_time_in_front_of_a_line_is_taken_off() -> None:
    """Nanoseconds are cut and offsets converted; the rest of the line stays as it is."""
    assert leading_time("2026-11-21T10:00:10.300000999+01:00 a line ") == (LINE, "a line ")


@pytest.mark.parametrize(
    ("second", "expected"), [(9, False), (10, True), (11, True)], ids=["before", "the same second", "after"]
)
def test_a_state_of_the_lines_own_second_follows_it(second: int, *, expected: bool) -> None:
    """Kubernetes cuts fractions off, so the state's time may look earlier than the line's."""
    assert follows(LINE.replace(second=second, microsecond=0), LINE) is expected


def test_a_state_that_never_began_follows_nothing() -> None:
    """A container that does not run contradicts no line."""
    assert not follows(None, LINE)
