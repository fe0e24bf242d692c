"""kube-proxy's logs on a sample of nodes: does it still hear from the control plane (C4)?

Without the API kube-proxy keeps rules that go stale. Pods that restarted or are not ready come first,
the others are spread over the nodes. Costs one call a pod, two after a restart.

In a playbook: `{collector: kube_proxy_logs, with: {window: 15m, max_pods: 20}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.collectors._log_window import (
    LOG_PERMISSION,
    LogParameters,
    LogRange,
    LogSource,
    LogsRead,
    read_logs,
    sample,
    seen_well,
    unread_gaps,
)
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure
from bot.dns.kube_proxy_log import KubeProxyLine, KubeProxyLineKind
from bot.dns.kube_proxy_pod_log import KubeProxyPodLog, kube_proxy_pod_log
from bot.dns.timestamped import SeenLines
from bot.domain.evidence import Collector, Gap
from bot.domain.phrases import timestamp
from bot.domain.views import View

_COMPLAINTS = (
    KubeProxyLineKind.RULES_NOT_WRITTEN,
    KubeProxyLineKind.ENDED,
    KubeProxyLineKind.COMPLAINT,
    KubeProxyLineKind.UNKNOWN_ERROR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyLogs(LogsRead):
    """What the logs of a sample of kube-proxy pods say."""

    application: ClassVar[str] = "kube-proxy"
    pods: tuple[KubeProxyPodLog, ...]

    def api_failures(self, *kinds: ApiFailureKind) -> tuple[CallFailure, ...]:
        """Return failed API calls of these kinds, newest first, with what contradicts them."""
        failures = [
            _call_failure(log, seen)
            for log in self.pods
            for seen in log.seen
            if seen.line.failure is not None and seen.line.failure.kind in kinds
        ]
        return tuple(sorted(failures, key=lambda one: one.last_at, reverse=True))

    @property
    def waits_unexplained(self) -> tuple[Gap, ...]:
        """Return a gap for each pod that has read nothing since its start and logged no failure since.

        With WatchList requests (client-go's default from 1.35) 1.36 says nothing at all while nobody answers.
        """
        return tuple(
            Gap(
                what=f"API access of {log.pod}",
                reason=f"{log.pod} has waited for the Kubernetes API since its start and does not say why",
            )
            for log in self.pods
            if log.never_synced and not log.failed_since_start
        )

    def unsynced_nodes(self, nodes: frozenset[str]) -> frozenset[str]:
        """Return those of `nodes` whose kube-proxy has written no rule since its start, as its log proves."""
        return frozenset(log.node for log in self.pods if log.node in nodes and log.never_synced)


def _call_failure(log: KubeProxyPodLog, seen: SeenLines[KubeProxyLine]) -> CallFailure:
    assert seen.line.failure is not None  # noqa: S101  # callers pass API failures
    works = log.works_since(seen.line.failure.resource, seen.last_at)
    return CallFailure(
        pod=log.pod,
        node=log.node,
        failure=seen.line.failure,
        count=seen.count,
        first_at=seen.first_at,
        last_at=seen.last_at,
        sample=seen.samples[0],
        contradicted_by=f"the same was read at {timestamp(works)}" if works else "",
    )


def collect(look: View) -> KubeProxyLogs:
    """Read and classify the logs of a sample of kube-proxy pods."""
    parameters: LogParameters = look.parameters
    pods = [pod for pod in look.need(KubeProxyPods).pods if pod.container.has_run]
    chosen = sample(pods, parameters.max_pods)
    wanted = LogRange.of(parameters, look.started_at)
    logs, gaps = read_logs(look.cluster, [LogSource.of(pod) for pod in chosen], wanted)
    node_of = {pod.name: pod.node for pod in chosen}
    left = [pod for pod in pods if pod.name not in node_of]
    return KubeProxyLogs(
        pods=tuple(
            kube_proxy_pod_log(log, node_of[log.pod], wanted.since) for log in sorted(logs, key=lambda log: log.pod)
        ),
        pods_total=len(pods),
        window_seconds=wanted.window_seconds,
        others_well=sum(seen_well(pod, wanted.since) for pod in left),
        gaps=(*gaps, *unread_gaps(KubeProxyLogs.application, left, len(pods), wanted.since)),
    )


def summarise(found: KubeProxyLogs) -> str:
    """State the sample and what the logs complain about."""
    kinds = sorted(
        {seen.line.failure.kind.value for log in found.pods for seen in log.seen if seen.line.failure is not None}
    )
    other = sorted({seen.line.kind.value for log in found.pods for seen in log.of(*_COMPLAINTS)})
    failures = "API failures: " + ", ".join(kinds) if kinds else "no API failure"
    return f"{found.read}; {failures}" + (f"; seen: {', '.join(other)}" if other else "")


COLLECTOR = Collector(
    name="kube_proxy_logs",
    title="kube-proxy logs",
    evidence=KubeProxyLogs,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(LOG_PERMISSION,),
    needs=(KubeProxyPods,),
    parameters=LogParameters,
)
