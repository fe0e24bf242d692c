"""How far back the logs of CoreDNS's and kube-proxy's pods are read, and what of that could not be read.

Shared by the log collectors; collects nothing itself. Each container's log is read from its tail at any age, a
wider part of it where the tail does not cover the window, and the previous container's after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol, Self

from bot.dns.log_wordings import Subject
from bot.dns.pod_log import LAST_LINES, PodLog, merged
from bot.dns.timestamped import TimedLine, timed_lines
from bot.domain.cluster import PodName
from bot.domain.evidence import Gap
from bot.domain.moments import leading_time
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import and_more, timestamp
from bot.domain.ports import ClusterReader
from bot.errors import EvidenceUnavailable, SourceGarbled
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import KUBE_SYSTEM

ANY_AGE_SECONDS = 10 * 365 * 24 * 3600
"""Older than any container: the API has no word for "no limit" beside `since_seconds`."""
BYTES_PER_LINE = 2_000
MAX_LOG_BYTES = 4_000_000
"""Of one answer, however many lines are asked for."""
WIDER = 10
"""How many times more lines are read where the tail does not cover the window."""
READERS = 8
LOG_PERMISSION = KubernetesPermission(
    verb="get",
    resource="pods/log",
    namespace=KUBE_SYSTEM,
    unlocks="what CoreDNS and kube-proxy complain about (C4, C10)",
    follows_dns=True,
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


class _ClassifiedLog(Protocol):
    def open_errors(self, subject: Subject, since: datetime) -> tuple[Gap, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsRead:
    """What the logs of an application's pods say, and how far they were read."""

    application: ClassVar[str]
    """Whose pods, as people call it."""
    pods: tuple[_ClassifiedLog, ...]
    """What each log says."""
    pods_total: int
    """Pods whose container ever ran; `pods` may be a sample of them."""
    window_seconds: int
    others_well: int = 0
    """Pods beyond the sample that are seen well by their status (`seen_well`)."""
    gaps: tuple[Gap, ...] = ()
    """Logs, or parts of the window, that could not be read, and pods beyond the sample that are not seen well."""

    @property
    def read(self) -> str:
        """State the sample: `logs of 20 of 500 kube-proxy pods read, the other 480 are ready`."""
        others = f", the other {self.others_well} are ready" if self.others_well else ""
        return f"logs of {len(self.pods)} of {self.pods_total} {self.application} pods read{others}"

    @property
    def nothing_read(self) -> tuple[Gap, ...]:
        """Return a gap where there was no log to read: a container that never ran says nothing."""
        if self.pods:
            return ()
        reason = f"no {self.application} container has run yet, or long enough to write, so there is no log"
        return (Gap(what=f"{self.application} logs", reason=reason),)

    def open_errors(self, subject: Subject, since: datetime) -> tuple[Gap, ...]:
        """Return a gap for each class of error lines since `since` that no class knows and may be about `subject`."""
        return tuple(gap for log in self.pods for gap in log.open_errors(subject, since))

    def window_gaps(self, window: timedelta) -> tuple[Gap, ...]:
        """Return `gaps`, and one more where the rule's window is longer than what was read."""
        if window.total_seconds() <= self.window_seconds:
            return self.gaps
        short = f"logs were read {self.window_seconds // 60} min back; the rule looks {window} back: widen `window`"
        return (*self.gaps, Gap(what=f"{self.application} logs", reason=short))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """A container whose log is to be read."""

    namespace: str
    pod: str
    container: str
    restarted: bool
    running: bool
    """Whether the present container runs; else its log is that of a run that has ended."""
    ended_at: datetime | None
    """When the previous container ended."""
    killed: bool
    """Whether the kernel killed it for its memory, perhaps before it wrote anything."""

    @classmethod
    def of(cls, pod: Pod) -> Self:
        """Return the pod's container as the source of a log."""
        container = pod.container
        return cls(
            namespace=pod.namespace,
            pod=pod.name,
            container=container.name,
            restarted=container.restarts > 0,
            running=container.running_since is not None,
            ended_at=container.last_terminated_at,
            killed=container.last_terminated_reason == "OOMKilled",
        )

    @property
    def what(self) -> str:
        """Return what a gap about it is called."""
        return f"log of {self.namespace}/{self.pod}"


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


def most_suspect(pod: Pod) -> tuple[bool, float, str]:
    """Rank pods: those not ready first, then those whose container ended last."""
    ended = pod.container.last_terminated_at
    return pod.ready, -(ended.timestamp() if ended else 0.0), pod.name


def sample(pods: list[Pod], most: int) -> list[Pod]:
    """Return at most `most` pods: half from those not ready or restarted, the rest evenly over the nodes."""
    if len(pods) <= most:
        return list(pods)
    suspects = sorted((pod for pod in pods if not pod.ready or pod.container.restarts), key=most_suspect)[: most // 2]
    taken = {pod.name for pod in suspects}
    others = sorted((pod for pod in pods if pod.name not in taken), key=lambda pod: (pod.node, pod.name))
    wanted = most - len(suspects)
    return [*suspects, *(others[at * len(others) // wanted] for at in range(wanted))]


def seen_well(pod: Pod, since: datetime) -> bool:
    """Return whether a pod is ready and no run of its container ended since: what is listed of it anyway."""
    ended = pod.container.last_terminated_at
    return pod.ready and (ended is None or ended < since)


def unread_gaps(application: str, left: Sequence[Pod], total: int, since: datetime) -> tuple[Gap, ...]:
    """Return a gap where some of `left`, the pods beyond the sample, are not seen well: their logs may say why."""
    unwell = sorted(pod.name for pod in left if not seen_well(pod, since))
    if not unwell:
        return ()
    reason = (
        f"of {len(left)} of {total} {application} pods no log was read (`max_pods`), and {len(unwell)} of these are "
        f"not ready or have just ended: {and_more(unwell, 3)}"
    )
    return (Gap(what=f"{application} logs", reason=reason),)


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
        read = PodLog(pod=source.pod, lines=before, whole=False, ended=before[-LAST_LINES:]) if before else None
        return read, (Gap.of(source.what, error),), None if read else error
    except EvidenceUnavailable as error:
        return None, (Gap.of(source.what, error),), error
    before, unread = _read_previous(cluster, source, wanted)
    if source.killed and not before and not lines:
        return None, (*gaps, *unread), None
    ended = before if source.running else lines
    log = PodLog(pod=source.pod, lines=merged(before, lines), whole=whole, ended=ended[-LAST_LINES:])
    return log, (*gaps, *unread), None


def _read_previous(
    cluster: ClusterReader, source: LogSource, wanted: LogRange
) -> tuple[tuple[TimedLine, ...], tuple[Gap, ...]]:
    """Return the previous container's lines; not read is a gap where it ended inside the window."""
    if not source.restarted:
        return (), ()
    what = f"{source.what}, previous container"
    try:
        found = _read(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS, previous=True)
    except EvidenceUnavailable as error:
        if source.ended_at is not None and source.ended_at < wanted.since:
            return (), ()
        return (), (Gap.of(what, error),)
    return found.lines, _cut(what, found)


def _read_present(
    cluster: ClusterReader, source: LogSource, wanted: LogRange
) -> tuple[tuple[TimedLine, ...], bool, tuple[Gap, ...]]:
    found = _read(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS)
    if found.cut:
        return found.lines, False, _cut(source.what, found)
    if found.whole or _covers(found.lines, wanted.since):
        return found.lines, found.whole, ()
    seconds = max(1, wanted.window_seconds)
    wider = _read(cluster, source, wanted.tail_lines * WIDER, seconds)
    if not wider.cut and (wider.whole or _covers(wider.lines, wanted.since)):
        return wider.lines, False, ()
    kept = found.lines if wider.cut else wider.lines  # of a cut text the newest lines are missing
    oldest = timestamp(kept[0].at) if kept[0].at else "an unknown time"
    cure = f"what is older is more than {wider.limit_bytes} bytes" if wider.cut else "raise `tail_lines`"
    reason = f"only the newest {len(kept)} lines were read, back to {oldest}; {cure}"
    return kept, False, (Gap(what=source.what, reason=reason),)


def _cut(what: str, found: _Read) -> tuple[Gap, ...]:
    if not found.cut:
        return ()
    newest = found.lines[-1].at
    reached = f", up to {timestamp(newest)}" if newest else ""
    reason = (
        f"cut off after {found.limit_bytes} bytes: {len(found.lines)} lines{reached} were read, newer ones were not"
    )
    return (Gap(what=what, reason=reason),)


def _covers(lines: tuple[TimedLine, ...], since: datetime) -> bool:
    return lines[0].at is not None and lines[0].at < since


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One answer."""

    lines: tuple[TimedLine, ...]
    """Oldest first."""
    whole: bool
    """It holds all that there is."""
    cut: bool
    """It ended at `limit_bytes`: the newest lines are missing."""
    limit_bytes: int


def read_texts(
    cluster: ClusterReader, sources: Sequence[LogSource], wanted: LogRange
) -> tuple[dict[str, str], tuple[Gap, ...]]:
    """Return the texts of the present containers' logs by pod: by the same calls as `read_logs`, so of the same length.

    Raises the first reason when there were logs to read and none could be.
    """
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        answers = list(pool.map(lambda source: _text(cluster, source, wanted), sources))
    errors = [one for one in answers if isinstance(one, EvidenceUnavailable)]
    if errors and len(errors) == len(answers):
        raise errors[0]
    gaps = [
        Gap.of(source.what, one)
        for source, one in zip(sources, answers, strict=True)
        if isinstance(one, EvidenceUnavailable)
    ]
    texts = {source.pod: one for source, one in zip(sources, answers, strict=True) if isinstance(one, str)}
    return texts, tuple(gaps)


def _text(cluster: ClusterReader, source: LogSource, wanted: LogRange) -> str | EvidenceUnavailable:
    """Return the tail of one log and, where it does not cover the window, the wider part."""
    try:
        text, cut, _ = _fetch(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS)
        first = leading_time(text)[0]
        if cut or text.count("\n") < wanted.tail_lines - 1 or (first is not None and first < wanted.since):
            return text
        wider, _, _ = _fetch(cluster, source, wanted.tail_lines * WIDER, max(1, wanted.window_seconds))
    except EvidenceUnavailable as error:
        return error
    return wider


def _fetch(
    cluster: ClusterReader, source: LogSource, tail_lines: int, since_seconds: int, *, previous: bool = False
) -> tuple[str, bool, int]:
    """Return what comes back, without a line that was cut; whether one was; and at how many bytes."""
    limit = min(tail_lines * BYTES_PER_LINE, MAX_LOG_BYTES)
    text = cluster.logs(
        PodName(namespace=source.namespace, name=source.pod),
        container=source.container,
        previous=previous,
        since_seconds=since_seconds,
        tail_lines=tail_lines,
        limit_bytes=limit,
    )
    cut = len(text.encode()) >= limit
    return (text.rpartition("\n")[0] if cut else text), cut, limit


def _read(
    cluster: ClusterReader, source: LogSource, tail_lines: int, since_seconds: int, *, previous: bool = False
) -> _Read:
    text, cut, limit = _fetch(cluster, source, tail_lines, since_seconds, previous=previous)
    lines = timed_lines(newest_lines(text, tail_lines))
    if not text.strip() and source.killed:
        return _Read(lines=(), whole=True, cut=False, limit_bytes=limit)
    if not lines or lines[0].at is None:
        came = "no line" if not lines else "lines without the API's timestamps"
        message = (
            f"Read the {source.what}; {came} came back although its container has run and writes "
            "at its start. Try `kubectl logs --timestamps` on it: the node may have lost the file."
        )
        raise SourceGarbled(message)
    whole = not cut and text.count("\n") < tail_lines - 1
    return _Read(lines=lines, whole=whole, cut=cut, limit_bytes=limit)


def newest_lines(text: str, tail_lines: int) -> str:
    """Return the newest lines, also where the API server sent more of them than it was asked for."""
    parts = text.rsplit("\n", tail_lines + 1)
    return "\n".join(parts[1:]) if len(parts) > tail_lines + 1 else text
