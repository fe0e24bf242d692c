"""When changes may be made in an environment, and who may make them all the same: windows, freezes, break-glass."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.people import Person

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"([a-z,-]{3,60}) (\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_END_OF_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some days of the week from one time to another, by the environment's clock."""

    text: str
    days: frozenset[int]
    """0 is Monday."""
    start_minute: int
    end_minute: int
    """Of the day; the minute itself is outside."""

    def holds(self, at: datetime) -> bool:
        """Return whether a local time is inside."""
        return at.weekday() in self.days and self.start_minute <= at.hour * 60 + at.minute < self.end_minute


def window_from(text: str) -> Window:
    """Return the window of a text such as `mon-fri 08:00-18:00`. Raises `ValueError`."""
    found = _WINDOW.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("days and times are expected, such as mon-fri 08:00-18:00 or sat,sun 00:00-24:00")
    start, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (2, 4))
    if max(int(found[3]), int(found[5])) > 59 or not start < end <= _END_OF_DAY:  # noqa: PLR2004  # minutes
        raise ValueError("a time that begins before it ends is expected, on one day: two windows hold a night")
    return Window(text=text.strip(), days=_days(found[1]), start_minute=start, end_minute=end)


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{part!r} is no day of the week; the days are {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % len(DAYS) for day in range(begin, end + 1 + (len(DAYS) if end < begin else 0))}
    return frozenset(days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Days on which nothing is changed, the first and the last included."""

    since: date
    until: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassPolicy:
    """Who may break the glass in an environment, for how long, and who else is told."""

    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    expires_after: timedelta = timedelta(minutes=15)
    channel: str = ""
    """Told beside the cluster's channel; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePolicy:
    """When changes may be made in one environment."""

    environment: str
    timezone: str = "UTC"
    windows: tuple[Window, ...] = ()
    """Empty: always, but for freezes."""
    freezes: tuple[Freeze, ...] = ()
    glass: GlassPolicy | None = None
    """None: nobody may."""

    def closed(self, now: datetime) -> str:
        """Return why nothing may be changed now, or nothing."""
        at = now.astimezone(ZoneInfo(self.timezone))
        for freeze in self.freezes:
            if freeze.since <= at.date() <= freeze.until:
                why = f" ({freeze.reason})" if freeze.reason else ""
                return f"`{self.environment}` is frozen from {freeze.since} to {freeze.until}{why}"
        if not self.windows or any(window.holds(at) for window in self.windows):
            return ""
        windows = ", ".join(window.text for window in self.windows)
        return (
            f"changes in `{self.environment}` are made {windows} ({self.timezone}), and it is {DAYS[at.weekday()]} "
            f"{at:%H:%M} there"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """One person's right to approve plans for one cluster alone for a short time, whatever its policy says."""

    number: int
    """Of its row in the audit chain."""
    cluster: str
    person: Person
    reason: str
    opened_at: datetime
    until: datetime
    is_active: bool
    """By the database's clock."""
    reviewed_by: Person | None = None
    """Who looked at what was done; None: it stands open."""

    def covers(self, person: Person, at: datetime) -> bool:
        """Return whether a press of this person at this time was under it."""
        return person.user_id == self.person.user_id and self.opened_at <= at <= self.until
