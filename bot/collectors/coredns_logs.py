"""CoreDNS's logs: calls to the API that failed, upstream servers that do not answer, bad configuration.

Each pod's log is read from its tail at any age, since some lasting faults are logged once (a failed
reload), and the previous container's after a restart. What is kept is not the lines but their classes,
with counts, first and last times and the newest samples. Costs one or two calls a pod.

In a playbook: `{collector: coredns_logs, with: {window: 15m}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from bot.collectors._log_window import (
    LOG_PERMISSION,
    LogParameters,
    LogRange,
    LogSource,
    LogsRead,
    most_suspect,
    read_logs,
    seen_well,
    unread_gaps,
)
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure
from bot.dns.coredns_log import CorednsLine, CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog, coredns_pod_log
from bot.dns.log_wordings import Subject
from bot.dns.timestamped import SeenLines
from bot.domain.evidence import Collector, Gap
from bot.domain.moments import follows
from bot.domain.phrases import timestamp
from bot.domain.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsLogs(LogsRead):
    """What the CoreDNS pods' logs say."""

    application: ClassVar[str] = "CoreDNS"
    pods: tuple[CorednsPodLog, ...]

    def api_failures(
        self, pods: CorednsPods, *kinds: ApiFailureKind, proven: Mapping[str, datetime] = MappingProxyType({})
    ) -> tuple[CallFailure, ...]:
        """Return failed API calls of these kinds, newest first.

        A pod that became Ready by `/ready` after a failure has listed everything since: the calls work. `proven`: by
        pod, until when failures are contradicted by names that it answers.
        """
        failures = [
            _call_failure(log.pod, seen, pods.pod(log.pod), proven.get(log.pod))
            for log in self.pods
            for seen in log.of(CorednsLineKind.API_FAILURE)
            if seen.line.api is not None and seen.line.api.kind in kinds
        ]
        return tuple(sorted(failures, key=lambda one: one.last_at, reverse=True))

    def open_api_errors(
        self, pods: CorednsPods, since: datetime, proven: Mapping[str, datetime] = MappingProxyType({})
    ) -> tuple[Gap, ...]:
        """Return the same about the API; a pod that became Ready by `/ready` since has listed everything."""
        gaps: list[Gap] = []
        for log in self.pods:
            synced = _reached(pods.pod(log.pod), proven.get(log.pod))
            gaps += log.open_errors(Subject.API, max(since, synced) if synced else since)
        return tuple(gaps)

    def waits_unexplained(
        self, pods: CorednsPods, since: datetime, proven: Mapping[str, datetime] = MappingProxyType({})
    ) -> tuple[Gap, ...]:
        """Return a gap for each pod that waits for the API and does not say why.

        Old versions log only `Still waiting on: "kubernetes"`: unreachable, 401 and 403 look alike.
        """
        gaps: list[Gap] = []
        for log in self.pods:
            waited = log.last(CorednsLineKind.WAITING_FOR_API)
            failed = log.last(CorednsLineKind.API_FAILURE)
            synced = _reached(pods.pod(log.pod), proven.get(log.pod))
            if waited is None or waited < since or (failed is not None and failed >= since):
                continue
            if not follows(synced, waited):
                reason = f"{log.pod} waits for the Kubernetes API ({timestamp(waited)}) and does not say why"
                gaps.append(Gap(what=f"API access of {log.pod}", reason=reason))
        return tuple(gaps)


def _call_failure(
    name: str, seen: SeenLines[CorednsLine], pod: CorednsPod | None, proven: datetime | None
) -> CallFailure:
    assert seen.line.api is not None  # noqa: S101  # callers pass API failures
    synced = _synced_since(pod)
    later = f"the pod became Ready at {timestamp(synced)}" if follows(synced, seen.last_at) else ""
    forbidden = seen.line.api.kind is ApiFailureKind.FORBIDDEN and seen.line.api.resource != "services"
    if not later and not forbidden and follows(proven, seen.last_at):
        later = "it answers cluster names, which it has read from the API since"
    return CallFailure(
        pod=name,
        node=pod.node if pod else "",
        failure=seen.line.api,
        count=seen.count,
        first_at=seen.first_at,
        last_at=seen.last_at,
        sample=seen.samples[0],
        contradicted_by=later,
    )


def _synced_since(pod: CorednsPod | None) -> datetime | None:
    return pod.synced_since if pod else None


def _reached(pod: CorednsPod | None, proven: datetime | None) -> datetime | None:
    """Return the latest time at which the pod is known to have reached the API."""
    return max((at for at in (_synced_since(pod), proven) if at is not None), default=None)


def collect(look: View) -> CorednsLogs:
    """Read and classify the logs of the CoreDNS pods whose container ever ran."""
    parameters: LogParameters = look.parameters
    wanted = LogRange.of(parameters, look.started_at)
    pods = [pod for pod in sorted(look.need(CorednsPods).pods, key=most_suspect) if pod.container.has_run]
    chosen, left = pods[: parameters.max_pods], pods[parameters.max_pods :]
    logs, gaps = read_logs(look.cluster, [LogSource.of(pod) for pod in chosen], wanted)
    return CorednsLogs(
        pods=tuple(coredns_pod_log(log, wanted.since) for log in sorted(logs, key=lambda log: log.pod)),
        pods_total=len(pods),
        window_seconds=wanted.window_seconds,
        others_well=sum(seen_well(pod, wanted.since) for pod in left),
        gaps=(*gaps, *unread_gaps(CorednsLogs.application, left, len(pods), wanted.since)),
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
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(LOG_PERMISSION,),
    needs=(CorednsPods,),
    parameters=LogParameters,
)
