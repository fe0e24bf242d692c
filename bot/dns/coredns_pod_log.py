"""One CoreDNS pod's log as classes of lines: counts, first and last times, newest samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.dns.coredns_log import CorednsLine, CorednsLineKind, coredns_line
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import grouped

MOST_CLASSES = 50
"""Classes kept of one pod, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCorednsLines:
    """Lines of one class in one pod's log."""

    line: CorednsLine
    """What they say; without the name asked, which differs from line to line."""
    count: int
    recent: int
    """How many of them are inside the collector's window."""
    first_at: datetime
    last_at: datetime
    samples: tuple[str, ...]
    """The newest, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPodLog:
    """What one pod's log says."""

    pod: str
    seen: tuple[SeenCorednsLines, ...]
    """Newest class first."""
    oldest_at: datetime | None
    whole: bool
    """The present container's log was read from its beginning."""

    def of(self, *kinds: CorednsLineKind) -> tuple[SeenCorednsLines, ...]:
        """Return the classes of these kinds, newest first."""
        return tuple(seen for seen in self.seen if seen.line.kind in kinds)

    def last(self, *kinds: CorednsLineKind) -> datetime | None:
        """Return when a line of these kinds was last logged."""
        return max((seen.last_at for seen in self.of(*kinds)), default=None)


def coredns_pod_log(log: PodLog, since: datetime) -> CorednsPodLog:
    """Classify a pod's log and count its classes; `since` is where the window begins."""
    classified = [(_class(coredns_line(line.text)), line) for line in log.lines]
    groups = grouped(((key, line) for key, line in classified if key.kind is not CorednsLineKind.OTHER), since=since)
    seen = [
        SeenCorednsLines(
            line=key,
            count=group.count,
            recent=group.recent,
            first_at=group.first_at,
            last_at=group.last_at,
            samples=group.samples,
        )
        for key, group in groups.items()
    ]
    seen.sort(key=lambda one: one.last_at, reverse=True)
    return CorednsPodLog(pod=log.pod, seen=tuple(seen[:MOST_CLASSES]), oldest_at=log.oldest_at, whole=log.whole)


def _class(line: CorednsLine) -> CorednsLine:
    return replace(line, upstream=replace(line.upstream, name="")) if line.upstream else line
