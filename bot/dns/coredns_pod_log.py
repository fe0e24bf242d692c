"""One CoreDNS pod's log as classes of lines: counts, first and last times, newest samples."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from bot.dns.coredns_log import CorednsLine, CorednsLineKind, coredns_line
from bot.dns.log_wordings import Subject
from bot.dns.open_errors import not_kept, open_errors
from bot.dns.pod_log import LAST_LINES, LAST_WORDS, PodLog
from bot.dns.timestamped import SeenLines, TimedLine, quoted, seen_lines
from bot.domain.evidence import Gap

_BANNER = re.compile(r"(?:^|\s)CoreDNS-\d")
"""Its version, which CoreDNS prints once it serves (coremain/run.go: after `caddy.Start`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The newest run of a container that has ended, by its log."""

    words: tuple[str, ...]
    """Its last lines, oldest first, each shortened."""
    line: CorednsLine
    """What the last one says."""
    at: datetime | None
    """When it said that."""
    served: bool
    """Whether it came to serve; True as well where its log was not read from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPodLog:
    """What one pod's log says."""

    pod: str
    seen: tuple[SeenLines[CorednsLine], ...]
    """Newest class first."""
    oldest_at: datetime | None
    whole: bool
    """The present container's log was read from its beginning."""
    left_out: int = 0
    """Lines that complain and belong to classes beyond those kept."""
    last_words: tuple[str, ...] = ()
    """The newest lines of any kind, oldest first."""
    last_run: LastRun | None = None
    """None: none has ended, or its log is gone."""

    def of(self, *kinds: CorednsLineKind) -> tuple[SeenLines[CorednsLine], ...]:
        """Return the classes of these kinds, newest first."""
        return tuple(seen for seen in self.seen if seen.line.kind in kinds)

    def last(self, *kinds: CorednsLineKind) -> datetime | None:
        """Return when a line of these kinds was last logged."""
        return max((seen.last_at for seen in self.of(*kinds)), default=None)

    def open_errors(self, subject: Subject, since: datetime) -> tuple[Gap, ...]:
        """Return a gap for each class of error lines since `since` that may be about `subject`."""
        return (*open_errors(self.pod, self.seen, subject, since), *not_kept(self.pod, self.left_out, subject))


def coredns_pod_log(log: PodLog, since: datetime) -> CorednsPodLog:
    """Classify a pod's log and count its classes; `since` is where the window begins."""
    classified = [(coredns_line(line.text), line) for line in log.lines]
    told = [
        (_class(said), replace(line, times=said.upstream.queries) if said.upstream else line)
        for said, line in classified
        if said.kind is not CorednsLineKind.OTHER
    ]
    seen = seen_lines(told, since=since, kind=lambda line: line.kind)
    return CorednsPodLog(
        pod=log.pod,
        seen=seen,
        oldest_at=log.oldest_at,
        whole=log.whole,
        left_out=sum(line.times for _, line in told) - sum(one.count for one in seen),
        last_words=log.last_words,
        last_run=_last_run(log.ended),
    )


def _last_run(ended: tuple[TimedLine, ...]) -> LastRun | None:
    if not ended:
        return None
    last = ended[-1]
    return LastRun(
        words=tuple(quoted(line.text) for line in ended[-LAST_WORDS:]),
        line=_class(coredns_line(last.text)),
        at=last.at,
        served=len(ended) >= LAST_LINES or any(_BANNER.search(line.text) for line in ended),
    )


def _class(line: CorednsLine) -> CorednsLine:
    return replace(line, upstream=replace(line.upstream, name="", queries=1)) if line.upstream else line
