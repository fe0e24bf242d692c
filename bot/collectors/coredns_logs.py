"""CoreDNS's logs: calls to the API that failed, upstream servers that do not answer, bad configuration.

Each pod's log is read from its tail at any age, since some lasting faults are logged once (a failed
reload), and the previous container's after a restart. What is kept is not the lines but their classes,
with counts, first and last times and the newest samples. Costs one or two calls a pod.

In a playbook: `{collector: coredns_logs, with: {window: 15m}}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure, stamp
from bot.dns.coredns_log import CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog, SeenCorednsLines, coredns_pod_log
from bot.dns.pod_log import PodLog, merged
from bot.dns.timestamped import TimedLine, timed_lines
from bot.domain.cluster import PodName
from bot.domain.evidence import Collector, Gap, Look
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsLogsParameters:
    """How much is read."""

    window: timedelta = timedelta(minutes=15)
    """How far back every line is read. Rules judge failures of this window; older ones are shown."""
    tail_lines: int = 2_000
    """Newest lines of each container that are read at any age."""
    max_pods: int = 20
    """CoreDNS pods whose logs are read: those not ready and restarted first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsLogs:
    """What the CoreDNS pods' logs say."""

    pods: tuple[CorednsPodLog, ...]
    pods_total: int
    """CoreDNS pods whose container ever ran; `pods` may be a sample of them."""
    window_seconds: int
    gaps: tuple[Gap, ...] = ()
    """Logs, or parts of the window, that could not be read."""

    @property
    def read(self) -> str:
        """Say how much was read: `logs of 2 of 2 CoreDNS pods read`."""
        return f"logs of {len(self.pods)} of {self.pods_total} CoreDNS pods read"

    @property
    def nothing_read(self) -> tuple[Gap, ...]:
        """Return a gap where there was no log to read: a container that never ran says nothing."""
        if self.pods:
            return ()
        reason = "no CoreDNS container has run yet, so there is no log"
        return (Gap(what="CoreDNS logs", reason=reason),)

    def api_failures(self, pods: CorednsPods, *kinds: ApiFailureKind) -> tuple[CallFailure, ...]:
        """Return failed API calls of these kinds, newest first.

        A pod that became Ready by `/ready` after a failure has listed everything since: the calls work.
        """
        failures = [
            _call_failure(log.pod, seen, pods.pod(log.pod))
            for log in self.pods
            for seen in log.of(CorednsLineKind.API_FAILURE)
            if seen.line.api is not None and seen.line.api.kind in kinds
        ]
        return tuple(sorted(failures, key=lambda one: one.last_at, reverse=True))

    def waits_unexplained(self, pods: CorednsPods, since: datetime) -> tuple[Gap, ...]:
        """Return a gap for each pod that waits for the API and does not say why.

        Old versions log only `Still waiting on: "kubernetes"`: unreachable, 401 and 403 look alike.
        """
        gaps: list[Gap] = []
        for log in self.pods:
            waited = log.last(CorednsLineKind.WAITING_FOR_API)
            failed = log.last(CorednsLineKind.API_FAILURE)
            synced = _synced_since(pods.pod(log.pod))
            if waited is None or waited < since or (failed is not None and failed >= since):
                continue
            if synced is None or synced < _whole_second(waited):
                reason = f"{log.pod} waits for the Kubernetes API ({stamp(waited)}) and does not say why"
                gaps.append(Gap(what=f"API access of {log.pod}", reason=reason))
        return tuple(gaps)

    def window_gaps(self, window: timedelta) -> tuple[Gap, ...]:
        """Return `gaps`, and one more where the rule's window is longer than what was read."""
        if window.total_seconds() <= self.window_seconds:
            return self.gaps
        short = f"logs were read {self.window_seconds // 60} min back; the rule looks {window} back: widen `window`"
        return (*self.gaps, Gap(what="CoreDNS logs", reason=short))


def _call_failure(name: str, seen: SeenCorednsLines, pod: CorednsPod | None) -> CallFailure:
    assert seen.line.api is not None  # noqa: S101  # callers pass API failures
    synced = _synced_since(pod)
    return CallFailure(
        pod=name,
        node=pod.node if pod else "",
        failure=seen.line.api,
        count=seen.count,
        first_at=seen.first_at,
        last_at=seen.last_at,
        sample=seen.samples[0],
        contradicted_by=f"the pod became Ready at {stamp(synced)}"
        if synced and synced >= _whole_second(seen.last_at)
        else "",
    )


def _whole_second(moment: datetime) -> datetime:
    """Return the second that a line fell into: conditions are dated in whole seconds, log lines more finely."""
    return moment.replace(microsecond=0)


def _synced_since(pod: CorednsPod | None) -> datetime | None:
    return pod.synced_since if pod else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """A container whose log is to be read."""

    pod: str
    container: str
    restarted: bool
    ended_at: datetime | None
    """When the previous container ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRange:
    """How much of a log is read."""

    now: datetime
    window: timedelta
    tail_lines: int

    @property
    def since(self) -> datetime:
        """Where the window begins."""
        return self.now - self.window


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
    what = f"log of {NAMESPACE}/{source.pod}"
    try:
        lines, whole, gaps = _read_present(cluster, source, wanted)
    except EvidenceUnavailable as error:
        return None, (Gap.of(what, error),), error
    before: tuple[TimedLine, ...] = ()
    if source.restarted:
        try:
            before, _ = _read(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS, previous=True)
        except EvidenceUnavailable as error:
            if source.ended_at is None or source.ended_at >= wanted.since:
                gaps = (*gaps, Gap.of(f"{what}, previous container", error))
    return PodLog(pod=source.pod, lines=merged(before, lines), whole=whole), gaps, None


def _read_present(
    cluster: ClusterReader, source: LogSource, wanted: LogRange
) -> tuple[tuple[TimedLine, ...], bool, tuple[Gap, ...]]:
    lines, whole = _read(cluster, source, wanted.tail_lines, ANY_AGE_SECONDS)
    if whole or _covers(lines, wanted.since):
        return lines, whole, ()
    seconds = max(1, int(wanted.window.total_seconds()))
    wider, all_of_it = _read(cluster, source, wanted.tail_lines * WIDER, seconds)
    if all_of_it or _covers(wider, wanted.since):
        return wider, False, ()
    oldest = stamp(wider[0].at) if wider[0].at else "an unknown time"
    reason = f"only the newest {len(wider)} lines were read, back to {oldest}; raise `tail_lines`"
    return wider, False, (Gap(what=f"log of {NAMESPACE}/{source.pod}", reason=reason),)


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
            f"Read the log of {NAMESPACE}/{source.pod}; {came} came back although its container has run and writes "
            "at its start. Try `kubectl logs --timestamps` on it: the node may have lost the file."
        )
        raise SourceGarbled(message)
    return lines, text.count("\n") < tail_lines - 1 and len(text) < limit


def collect(look: Look) -> CorednsLogs:
    """Read and classify the logs of the CoreDNS pods whose container ever ran."""
    parameters: CorednsLogsParameters = look.parameters
    wanted = LogRange(now=look.started_at, window=parameters.window, tail_lines=parameters.tail_lines)
    sources = [_source(pod) for pod in _worst_first(look.need(CorednsPods)) if pod.container and pod.container.has_run]
    logs, gaps = read_logs(look.cluster, sources[: parameters.max_pods], wanted)
    return CorednsLogs(
        pods=tuple(coredns_pod_log(log, wanted.since) for log in sorted(logs, key=lambda log: log.pod)),
        pods_total=len(sources),
        window_seconds=int(parameters.window.total_seconds()),
        gaps=gaps,
    )


def _worst_first(pods: CorednsPods) -> list[CorednsPod]:
    return sorted(pods.pods, key=lambda pod: (pod.ready, -(pod.container.restarts if pod.container else 0), pod.name))


def _source(pod: CorednsPod) -> LogSource:
    return LogSource(
        pod=pod.name,
        container=pod.container.name if pod.container else "",
        restarted=bool(pod.container and pod.container.restarts > 0),
        ended_at=pod.container.last_terminated_at if pod.container else None,
    )


def summarise(found: CorednsLogs) -> str:
    """Say how many logs were read and what they complain about."""
    kinds = sorted(
        {
            seen.line.kind.value
            for log in found.pods
            for seen in log.seen
            if seen.line.kind not in {CorednsLineKind.CONFIGURATION_LOADED, CorednsLineKind.UPSTREAM_ANSWERED}
        }
    )
    return f"{found.read}; {'seen: ' + ', '.join(kinds) if kinds else 'no complaint'}"


COLLECTOR = Collector(
    name="coredns_logs",
    title="CoreDNS logs",
    evidence=CorednsLogs,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="pods/log",
            namespace=NAMESPACE,
            unlocks="what CoreDNS and kube-proxy complain about (C4, C10)",
        ),
    ),
    needs=(CorednsPods,),
    parameters=CorednsLogsParameters,
)
