"""CoreDNS's logs: calls to the API that failed, upstream servers that do not answer, bad configuration.

Each pod's log is read from its tail at any age, since some lasting faults are logged once (a failed
reload), and the previous container's after a restart. What is kept is not the lines but their classes,
with counts, first and last times and the newest samples. Costs one or two calls a pod.

In a playbook: `{collector: coredns_logs, with: {window: 15m}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.collectors._log_window import LOG_PERMISSION, LogParameters, LogRange, LogSource, LogsRead, read_logs
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure, stamp
from bot.dns.coredns_log import CorednsLine, CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog, coredns_pod_log
from bot.dns.timestamped import SeenLines, whole_second
from bot.domain.evidence import Collector, Gap, Look


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsLogs(LogsRead):
    """What the CoreDNS pods' logs say."""

    application: ClassVar[str] = "CoreDNS"
    pods: tuple[CorednsPodLog, ...]

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
            if synced is None or synced < whole_second(waited):
                reason = f"{log.pod} waits for the Kubernetes API ({stamp(waited)}) and does not say why"
                gaps.append(Gap(what=f"API access of {log.pod}", reason=reason))
        return tuple(gaps)


def _call_failure(name: str, seen: SeenLines[CorednsLine], pod: CorednsPod | None) -> CallFailure:
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
        if synced and synced >= whole_second(seen.last_at)
        else "",
    )


def _synced_since(pod: CorednsPod | None) -> datetime | None:
    return pod.synced_since if pod else None


def collect(look: Look) -> CorednsLogs:
    """Read and classify the logs of the CoreDNS pods whose container ever ran."""
    parameters: LogParameters = look.parameters
    wanted = LogRange.of(parameters, look.started_at)
    sources = [_source(pod) for pod in _worst_first(look.need(CorednsPods)) if pod.container and pod.container.has_run]
    logs, gaps = read_logs(look.cluster, sources[: parameters.max_pods], wanted)
    return CorednsLogs(
        pods=tuple(coredns_pod_log(log, wanted.since) for log in sorted(logs, key=lambda log: log.pod)),
        pods_total=len(sources),
        window_seconds=wanted.window_seconds,
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
    permissions=(LOG_PERMISSION,),
    needs=(CorednsPods,),
    parameters=LogParameters,
)
