"""How far back the logs of CoreDNS's and kube-proxy's pods are read, and what of that could not be read.

Shared by the two log collectors; collects nothing itself. Each container's log is read from its tail at any age, a
wider part of it where the tail does not cover the window, and the previous container's after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from bot.dns.call_failure import stamp
from bot.dns.pod_log import PodLog, merged
from bot.dns.timestamped import TimedLine, timed_lines
from bot.domain.cluster import PodName
from bot.domain.evidence import Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import ClusterReader
from bot.errors import EvidenceUnavailable, SourceGarbled

NAMESPACE = "kube-system"
ANY_AGE_SECONDS = 10 * 365 * 24 * 3600
"""Older than any container: the API has no word for "no limit" beside `since_seconds`."""
BYTES_PER_LINE = 2_000
WIDER = 10
"""How many times more lines are read where the tail does not cover the window."""
READERS = 8
LOG_PERMISSION = KubernetesPermission(
    verb="get",
    resource="pods/log",
    namespace=NAMESPACE,
    unlocks="what CoreDNS and kube-proxy complain about (C4, C10)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParameters:
    """How much is read."""

    window: timedelta = timedelta(minutes=15)
    """How far back every line is read. Rules judge failures of this window; older ones are shown."""
    tail_lines: int = 2_000
    """Newest lines of each container that are read at any age."""
    max_pods: int = 20
    """Pods whose logs are read, those not ready or restarted first; the report states the sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsRead:
    """What the logs of an application's pods say, and how far they were read."""

    application: ClassVar[str]
    """Whose pods, as people call it."""
    pods: tuple[object, ...]
    """What each log says."""
    pods_total: int
    """Pods whose container ever ran; `pods` may be a sample of them."""
    window_seconds: int
    gaps: tuple[Gap, ...] = ()
    """Logs, or parts of the window, that could not be read."""

    @property
    def read(self) -> str:
        """State the sample: `logs of 20 of 500 kube-proxy pods read`."""
        return f"logs of {len(self.pods)} of {self.pods_total} {self.application} pods read"

    @property
    def nothing_read(self) -> tuple[Gap, ...]:
        """Return a gap where there was no log to read: a container that never ran says nothing."""
        if self.pods:
            return ()
        reason = f"no {self.application} container has run yet, so there is no log"
        return (Gap(what=f"{self.application} logs", reason=reason),)

    def window_gaps(self, window: timedelta) -> tuple[Gap, ...]:
        """Return `gaps`, and one more where the rule's window is longer than what was read."""
        if window.total_seconds() <= self.window_seconds:
            return self.gaps
        short = f"logs were read {self.window_seconds // 60} min back; the rule looks {window} back: widen `window`"
        return (*self.gaps, Gap(what=f"{self.application} logs", reason=short))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """A container whose log is to be read."""

    pod: str
    container: str
    restarted: bool
    ended_at: datetime | None
    """When the previous container ended."""

    @property
    def what(self) -> str:
        """Return what a gap about it is called."""
        return f"log of {NAMESPACE}/{self.pod}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRange:
    """How much of a log is read."""

    now: datetime
    window: timedelta
    tail_lines: int

    @classmethod
    def of(cls, parameters: LogParameters, now: datetime) -> Self:
        """Return what the parameters ask for, counted back from `now`."""
        return cls(now=now, window=parameters.window, tail_lines=parameters.tail_lines)

    @property
    def since(self) -> datetime:
        """Where the window begins."""
        return self.now - self.window

    @property
    def window_seconds(self) -> int:
        """The window's length in whole seconds."""
        return int(self.window.total_seconds())


def read_logs(
    cluster: ClusterReader, sources: Sequence[LogSource], wanted: LogRange
) -> tuple[tuple[PodLog, ...], tuple[Gap, ...]]:
    """Read the logs of several pods, at most eight at a time; one that cannot be read is a gap.

    Raises the first reason when there were logs to read and none could be.
    """
    if not sources:
        return (), ()
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        answers = list(pool.map(lambda source: _read_pod(cluster, source, wanted), sources))
    logs = tuple(log for log, _, _ in answers if log is not None)
    first = next((error for _, _, error in answers if error is not None), None)
    if not logs and first is not None:
        raise first
    return logs, tuple(gap for _, gaps, _ in answers for gap in gaps)


def _read_pod(
    cluster: ClusterReader, source: LogSource, wanted: LogRange
) -> tuple[PodLog | None, tuple[Gap, ...], EvidenceUnavailable | None]:
    try:
        lines, whole, gaps = _read_present(cluster, source, wanted)
    except SourceGarbled as error:  # a container that has just been started again has written nothing yet
        before, _ = _read_previous(cluster, source, wanted)
        read = PodLog(pod=source.pod, lines=before, whole=False) if before else None
        return read, (Gap.of(source.what, error),), None if read else error
    except EvidenceUnavailable as error:
        return None, (Gap.of(source.what, error),), error
    before, unread = _read_previous(cluster, source, wanted)
    return PodLog(pod=source.pod, lines=merged(before, lines), whole=whole), (*gaps, *unread), None


def _read_previous(
    cluster: ClusterReader, source: LogSource, wanted: LogRange
) -> tuple[tuple[TimedLine, ...], tuple[Gap, ...]]:
    """Return the previous container's lines; not read is a gap where it ended inside the window."""
    if not source.restarted:
        return (), ()
    try:
        lines, _ = _read(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS, previous=True)
    except EvidenceUnavailable as error:
        if source.ended_at is not None and source.ended_at < wanted.since:
            return (), ()
        return (), (Gap.of(f"{source.what}, previous container", error),)
    return lines, ()


def _read_present(
    cluster: ClusterReader, source: LogSource, wanted: LogRange
) -> tuple[tuple[TimedLine, ...], bool, tuple[Gap, ...]]:
    lines, whole = _read(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS)
    if whole or _covers(lines, wanted.since):
        return lines, whole, ()
    seconds = max(1, wanted.window_seconds)
    wider, all_of_it = _read(cluster, source, wanted.tail_lines * WIDER, seconds)
    if all_of_it or _covers(wider, wanted.since):
        return wider, False, ()
    oldest = stamp(wider[0].at) if wider[0].at else "an unknown time"
    reason = f"only the newest {len(wider)} lines were read, back to {oldest}; raise `tail_lines`"
    return wider, False, (Gap(what=source.what, reason=reason),)


def _covers(lines: tuple[TimedLine, ...], since: datetime) -> bool:
    return lines[0].at is not None and lines[0].at < since


def _read(
    cluster: ClusterReader, source: LogSource, tail_lines: int, since_seconds: int, *, previous: bool = False
) -> tuple[tuple[TimedLine, ...], bool]:
    """Return the lines, oldest first, and whether nothing was cut off."""
    limit = tail_lines * BYTES_PER_LINE
    text = cluster.logs(
        PodName(namespace=NAMESPACE, name=source.pod),
        container=source.container,
        previous=previous,
        since_seconds=since_seconds,
        tail_lines=tail_lines,
        limit_bytes=limit,
    )
    lines = timed_lines(text)
    if not lines or lines[0].at is None:
        came = "no line" if not lines else "lines without the API's timestamps"
        message = (
            f"Read the {source.what}; {came} came back although its container has run and writes "
            "at its start. Try `kubectl logs --timestamps` on it: the node may have lost the file."
        )
        raise SourceGarbled(message)
    return lines, text.count("\n") < tail_lines - 1 and len(text) < limit
