"""Log lines with the API's RFC 3339 timestamp in front, as `pods/log?timestamps=true` gives them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

LONGEST_LINE = 4_000
"""Characters of a line that are looked at. Query names in logs are anybody's to choose: bound every line."""
LONGEST_SAMPLE = 400
MOST_CLASSES = 50
"""Classes of lines kept of one pod, the newest."""
_SAMPLES = 3
_STAMP = re.compile(
    r"^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)(?: |\t|$)",
)
L = TypeVar("L", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedLine:
    """One line and when the runtime wrote it, UTC; None where no line up to here carried a time."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLines(Generic[L]):
    """Lines of one class in one log: how many, from when to when, and the newest as samples."""

    line: L
    """What they say, without what differs from line to line."""
    count: int
    recent: int
    """How many of them are inside the collector's window."""
    first_at: datetime
    last_at: datetime
    samples: tuple[str, ...]
    """The newest lines, newest first, each shortened."""


def parse_time(text: str) -> datetime | None:
    """Return an RFC 3339 time as UTC, or None when `text` is none. Digits beyond microseconds are cut."""
    match = _STAMP.match(text + " ")
    return _time_of(match) if match else None


def whole_second(moment: datetime) -> datetime:
    """Return the second that a line fell into: Kubernetes dates states in whole seconds, log lines more finely."""
    return moment.replace(microsecond=0)


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


def seen_lines(lines: Iterable[tuple[L, TimedLine]], *, since: datetime) -> tuple[SeenLines[L], ...]:
    """Gather dated lines into classes, the newest class first, so many of them as are kept of one pod.

    Undated lines are left out. `since` is where the collector's window begins, inclusive.
    """
    dated: dict[L, list[tuple[datetime, str]]] = {}
    for classified, line in lines:
        if line.at is not None:
            dated.setdefault(classified, []).append((line.at, line.text))
    seen = [_seen(classified, sorted(found, reverse=True), since) for classified, found in dated.items()]
    return tuple(sorted(seen, key=lambda one: one.last_at, reverse=True)[:MOST_CLASSES])


def _seen(classified: L, newest_first: list[tuple[datetime, str]], since: datetime) -> SeenLines[L]:
    return SeenLines(
        line=classified,
        count=len(newest_first),
        recent=sum(at >= since for at, _ in newest_first),
        first_at=newest_first[-1][0],
        last_at=newest_first[0][0],
        samples=tuple(text[:LONGEST_SAMPLE] for _, text in newest_first[:_SAMPLES]),
    )


def _time_of(match: re.Match[str]) -> datetime | None:
    whole, fraction, zone = match.groups()
    try:
        seconds = datetime.fromisoformat(whole.upper() + ("+00:00" if zone in "Zz" else zone))
        microseconds = int((fraction or "0").ljust(6, "0")[:6])
        return (seconds + timedelta(microseconds=microseconds)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
