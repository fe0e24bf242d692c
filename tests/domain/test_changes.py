from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.changes import ChangePolicy, Freeze, window_from

PARIS = ChangePolicy(
    environment="production",
    timezone="Europe/Paris",
    windows=(window_from("mon-fri 08:00-18:00"), window_from("sat,sun 00:00-24:00")),
    freezes=(Freeze(since=date(2026, 12, 20), until=date(2027, 1, 3), reason="sales"),),
)


@pytest.mark.parametrize(
    ("at", "closed"),
    [
        pytest.param("2026-11-23T07:00:00+00:00", "", id="monday-8-in-paris"),
        pytest.param("2026-11-23T06:59:00+00:00", "it is mon 07:59 there", id="a-minute-before"),
        pytest.param("2026-11-23T17:00:00+00:00", "it is mon 18:00 there", id="the-end-is-outside"),
        pytest.param("2026-11-28T23:30:00+00:00", "", id="whole-sunday"),
        pytest.param("2026-12-20T12:00:00+00:00", "is frozen from 2026-12-20 to 2027-01-03 (sales)", id="first-day"),
        pytest.param("2027-01-03T22:59:00+00:00", "frozen", id="last-day-in-paris"),
        pytest.param("2027-01-04T09:00:00+00:00", "", id="after-it"),
        pytest.param("2026-07-01T06:00:00+00:00", "", id="summer-time"),
    ],
)
def test_changes_are_made_in_windows_and_not_in_freezes(at: str, closed: str) -> None:
    """By the environment's own clock, and a refusal says which time it is there."""
    found = PARIS.closed(datetime.fromisoformat(at))
    assert (closed in found) if closed else found == ""


def test_without_windows_and_freezes_it_is_always_time() -> None:
    """Nothing configured, nothing refused."""
    assert ChangePolicy(environment="x").closed(datetime(2026, 12, 25, tzinfo=UTC)) == ""


@pytest.mark.parametrize(
    "text", ["", "mon", "mon-fri", "mon 8:00-9:00", "mon 10:00-09:00", "mon 09:00-09:00", "mon 09:00-24:01",
             "mon 09:60-10:00", "xyz 09:00-10:00", "mon-xyz 09:00-10:00", "mon,, 09:00-10:00"],
)  # fmt: skip
def test_a_window_that_is_none_is_refused(text: str) -> None:
    """A typo must not open what was to be shut."""
    with pytest.raises(ValueError, match=r"expected|is no day"):
        window_from(text)


def test_days_may_run_over_the_end_of_the_week() -> None:
    """From Friday to Monday is four days."""
    assert window_from("fri-mon 09:00-10:00").days == {4, 5, 6, 0}


@given(st.text(max_size=40))
def test_any_text_is_a_window_or_a_complaint(text: str) -> None:
    """Nothing else is raised."""
    try:
        window = window_from(text)
    except ValueError:
        return
    assert window.days
    assert window.start_minute < window.end_minute
