"""Log lines with the API's RFC 3339 timestamp in front, as `pods/log?timestamps=true` gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

from bot.domain.moments import leading_time

LONGEST_LINE = 4_000
"""Characters of a line that are looked at. Query names in logs are anybody's to choose: bound every line."""
LONGEST_SAMPLE = 400
MOST_CLASSES = 50
"""Classes of lines kept of one pod: the newest of every kind, so that a frequent kind pushes no rare one out."""
_SAMPLES = 3
L = TypeVar("L", bound=Hashable)
_Dated: TypeAlias = tuple[datetime, str, int]
"""A line's time, its text, and how many it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedLine:
    """One line and when the runtime wrote it, UTC; None where no line up to here carried a time."""

    at: datetime | None
    text: str
    times: int = 1
    """How many of its kind it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLines(Generic[L]):
    """Lines of one class in one log: how many, from when to when, and the newest as samples.

    A line that stands for several counts as so many.
    """

    line: L
    """What they say, without what differs from line to line."""
    count: int
    recent: int
    """How many of them are inside the collector's window."""
    first_at: datetime
    last_at: datetime
    samples: tuple[str, ...]
    """The newest lines, newest first, each shortened."""


def timed_lines(text: str) -> tuple[TimedLine, ...]:
    """Split a log into its lines. A line without a time of its own takes that of the line before."""
    lines: list[TimedLine] = []
    latest: datetime | None = None
    for raw in text.split("\n"):
        line = raw[:LONGEST_LINE].rstrip("\r")
        if not line.strip():
            continue
        at, rest = leading_time(line)
        latest = at or latest
        lines.append(TimedLine(at=latest, text=rest))
    return tuple(lines)


def seen_lines(
    lines: Iterable[tuple[L, TimedLine]], *, since: datetime, kind: Callable[[L], Hashable]
) -> tuple[SeenLines[L], ...]:
    """Gather dated lines into classes, the newest class first, so many of them as are kept of one pod.

    Undated lines are left out. `since` is where the collector's window begins, inclusive. `kind` says of which kind a
    class is: all kinds have the same share of what is kept.
    """
    dated: dict[L, list[_Dated]] = {}
    for classified, line in lines:
        if line.at is not None:
            dated.setdefault(classified, []).append((line.at, line.text, line.times))
    seen = [_seen(classified, sorted(found, reverse=True), since) for classified, found in dated.items()]
    seen.sort(key=lambda one: one.last_at, reverse=True)
    before: Counter[Hashable] = Counter()
    ranked: list[tuple[int, SeenLines[L]]] = []
    for one in seen:
        ranked.append((before[kind(one.line)], one))
        before[kind(one.line)] += 1
    kept = sorted(ranked, key=lambda item: item[0])[:MOST_CLASSES]
    return tuple(sorted((one for _, one in kept), key=lambda one: one.last_at, reverse=True))


def quoted(text: str) -> str:
    """Return a line as it is quoted: of a long one its beginning, with a mark."""
    return text if len(text) <= LONGEST_SAMPLE else f"{text[: LONGEST_SAMPLE - 2]} …"


def _seen(classified: L, newest_first: list[_Dated], since: datetime) -> SeenLines[L]:
    return SeenLines(
        line=classified,
        count=sum(times for _, _, times in newest_first),
        recent=sum(times for at, _, times in newest_first if at >= since),
        first_at=newest_first[-1][0],
        last_at=newest_first[0][0],
        samples=tuple(quoted(text) for _, text, _ in newest_first[:_SAMPLES]),
    )
