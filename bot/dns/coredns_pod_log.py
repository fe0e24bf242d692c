"""One CoreDNS pod's log as classes of lines: counts, first and last times, newest samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.dns.coredns_log import CorednsLine, CorednsLineKind, coredns_line
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import SeenLines, seen_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPodLog:
    """What one pod's log says."""

    pod: str
    seen: tuple[SeenLines[CorednsLine], ...]
    """Newest class first."""
    oldest_at: datetime | None
    whole: bool
    """The present container's log was read from its beginning."""

    def of(self, *kinds: CorednsLineKind) -> tuple[SeenLines[CorednsLine], ...]:
        """Return the classes of these kinds, newest first."""
        return tuple(seen for seen in self.seen if seen.line.kind in kinds)

    def last(self, *kinds: CorednsLineKind) -> datetime | None:
        """Return when a line of these kinds was last logged."""
        return max((seen.last_at for seen in self.of(*kinds)), default=None)


def coredns_pod_log(log: PodLog, since: datetime) -> CorednsPodLog:
    """Classify a pod's log and count its classes; `since` is where the window begins."""
    classified = [(_class(coredns_line(line.text)), line) for line in log.lines]
    told = ((key, line) for key, line in classified if key.kind is not CorednsLineKind.OTHER)
    return CorednsPodLog(pod=log.pod, seen=seen_lines(told, since=since), oldest_at=log.oldest_at, whole=log.whole)


def _class(line: CorednsLine) -> CorednsLine:
    return replace(line, upstream=replace(line.upstream, name="")) if line.upstream else line
