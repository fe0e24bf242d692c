"""Cron expressions as cron(5) writes them, and the newest slot of one in a time zone: pure.

A slot is a time of the local clock, and its name is that time: where the clock is set back, what it shows twice is one
slot, the first; where it is set forward, what it leaves out is the moment after. So each gives exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: at for at, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: at for at, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(\*|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One time of a schedule."""

    name: str
    """The local clock: `2026-10-25T02:30`."""
    at: datetime
    """When that is, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """When something is due, by a local clock."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday, as in cron(5)."""

    def newest(self, now: datetime, zone: ZoneInfo, *, within: timedelta) -> Slot | None:
        """Return the newest slot that is not later than `now` nor longer ago than `within`; None: there is none."""
        for slot in self._backwards(now.astimezone(zone).date(), zone, days=within.days + 2):
            if slot.at <= now:
                return slot if now - slot.at <= within else None
        return None

    def _backwards(self, last: date, zone: ZoneInfo, *, days: int) -> Iterator[Slot]:
        for back in range(days + 1):
            day = last - timedelta(days=back)
            if day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays:
                for hour in sorted(self.hours, reverse=True):
                    for minute in sorted(self.minutes, reverse=True):
                        local = datetime.combine(day, time(hour, minute), zone)  # fold 0: the first of two
                        yield Slot(name=local.strftime("%Y-%m-%dT%H:%M"), at=local.astimezone(UTC))


def parse_cron(text: str) -> Cron:
    """Return the schedule. Raises `ValueError` that says which field is wrong, and what is expected."""
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            "five fields are expected, minute, hour, day of month, month, day of week, as in "
            f"'0 9 * * mon-fri'; there are {len(fields)}"
        )
    minutes, hours, days, months, weekdays = map(_numbers, fields, _FIELDS)
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError(
            "name days of the month or days of the week, not both: cron(5) takes either, and few mean that"
        )
    if not any(_exists(day, month) for day in days for month in months):
        raise ValueError("there is no such day in any year")
    return Cron(
        text=" ".join(fields),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
    )


def _exists(day: int, month: int) -> bool:
    return day <= (29 if month == 2 else 30 if month in {4, 6, 9, 11} else 31)  # noqa: PLR2004  # the calendar


def _numbers(text: str, field: tuple[str, int, int, Mapping[str, int]]) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _range(part, field))


def _range(part: str, field: tuple[str, int, int, Mapping[str, int]]) -> range:
    name, least, most, _ = field
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"{name} {part!r}: expected *, a number, a range such as 1-5, or a step such as */15")
    first, last, step = found[1], found[2], int(found[3] or 1)
    if first == "*":
        if last:
            raise ValueError(f"{name} {part!r}: a range begins with a number or a name")
        begin, end = least, most if name != "day of week" else 6
    else:
        begin = _number(first, field)
        end = _number(last, field) if last else (most if found[3] else begin)
    if begin > end or step < 1:
        raise ValueError(f"{name} {part!r}: the range is empty")
    return range(begin, end + 1, step)


def _number(text: str, field: tuple[str, int, int, Mapping[str, int]]) -> int:
    name, least, most, words = field
    number = words.get(text, int(text) if text.isdecimal() else -1)
    if not least <= number <= most:
        raise ValueError(f"{name} {text!r}: expected a number from {least} to {most}" + (" or a name" if words else ""))
    return number
