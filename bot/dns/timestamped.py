"""Log lines with the API's RFC 3339 timestamp in front, as `pods/log?timestamps=true` gives them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

LONGEST_LINE = 4_000
"""Characters of a line that are looked at. Query names in logs are anybody's to choose: bound every line."""
LONGEST_SAMPLE = 400
_STAMP = re.compile(
    r"^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)(?: |\t|$)",
)
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedLine:
    """One line and when the runtime wrote it, UTC; None where no line up to here carried a time."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines of one class: how many, from when to when, and the newest as samples."""

    count: int
    recent: int
    """How many of them are inside the window."""
    first_at: datetime
    last_at: datetime
    samples: tuple[str, ...]
    """The newest lines, newest first, each shortened."""


def parse_time(text: str) -> datetime | None:
    """Return an RFC 3339 time as UTC, or None when `text` is none. Digits beyond microseconds are cut."""
    match = _STAMP.match(text + " ")
    return _time_of(match) if match else None


def timed_lines(text: str) -> tuple[TimedLine, ...]:
    """Split a log into its lines. A line without a time of its own takes that of the line before."""
    lines: list[TimedLine] = []
    latest: datetime | None = None
    for raw in text.split("\n"):
        line = raw[:LONGEST_LINE].rstrip("\r")
        if not line.strip():
            continue
        match = _STAMP.match(line)
        stamp = _time_of(match) if match else None
        latest = stamp or latest
        lines.append(TimedLine(at=latest, text=line[match.end() :] if match and stamp else line))
    return tuple(lines)


def grouped(lines: Iterable[tuple[K, TimedLine]], *, since: datetime, samples: int = 3) -> dict[K, Group]:
    """Group dated lines by key; undated ones are left out. `since` is where the window begins, inclusive."""
    dated: dict[K, list[tuple[datetime, str]]] = {}
    for key, line in lines:
        if line.at is not None:
            dated.setdefault(key, []).append((line.at, line.text))
    return {key: _group(sorted(found, reverse=True), since, samples) for key, found in dated.items()}


def _group(newest_first: list[tuple[datetime, str]], since: datetime, samples: int) -> Group:
    return Group(
        count=len(newest_first),
        recent=sum(at >= since for at, _ in newest_first),
        first_at=newest_first[-1][0],
        last_at=newest_first[0][0],
        samples=tuple(text[:LONGEST_SAMPLE] for _, text in newest_first[:samples]),
    )


def _time_of(match: re.Match[str]) -> datetime | None:
    whole, fraction, zone = match.groups()
    try:
        seconds = datetime.fromisoformat(whole.upper() + ("+00:00" if zone in "Zz" else zone))
        microseconds = int((fraction or "0").ljust(6, "0")[:6])
        return (seconds + timedelta(microseconds=microseconds)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
