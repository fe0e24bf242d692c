"""kube-proxy's logs on a sample of nodes: does it still hear from the control plane (C4)?

Without the API kube-proxy keeps rules that go stale. Pods that restarted or are not ready come first,
the others are spread over the nodes. Costs one call a pod, two after a restart.

In a playbook: `{collector: kube_proxy_logs, with: {window: 15m, max_pods: 20}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.collectors._log_window import LOG_PERMISSION, LogParameters, LogRange, LogSource, LogsRead, read_logs
from bot.collectors.kube_proxy_pods import KubeProxyPod, KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure, stamp
from bot.dns.kube_proxy_log import KubeProxyLine, KubeProxyLineKind, kube_proxy_line
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import grouped
from bot.domain.evidence import Collector, Gap, Look

MOST_CLASSES = 50
ROUTING = ("services", "endpointslices", "endpoints")
"""What kube-proxy writes its rules from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenKubeProxyLines:
    """Lines of one class in one pod's log."""

    line: KubeProxyLine
    count: int
    recent: int
    """How many of them are inside the collector's window."""
    first_at: datetime
    last_at: datetime
    samples: tuple[str, ...]
    """The newest, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyPodLog:
    """What one pod's log says."""

    pod: str
    node: str
    seen: tuple[SeenKubeProxyLines, ...]
    """Newest class first."""

    @property
    def never_synced(self) -> bool:
        """Return whether the log shows the process starting and never reading what it writes rules from.

        A wait for one cache says nothing of the others: kube-proxy waits for several at once, each in a goroutine of
        its own, and on a busy node it begins to wait for the last after it has read the first.
        """
        if self._started(*ROUTING) is None:
            return False
        return not any(self._read_since_start(resource) for resource in ROUTING)

    @property
    def failed_since_start(self) -> bool:
        """Return whether a call failed after the last start that the log shows."""
        started, failed = self._started(*ROUTING), self._last(KubeProxyLineKind.API_FAILURE)
        return failed is not None and (started is None or failed >= started)

    def works_since(self, resource: str, failed_at: datetime) -> datetime | None:
        """Return when, after `failed_at`, a line showed that `resource` was read; None: no such line."""
        resources = (resource,) if resource else ROUTING
        found = [self._last(KubeProxyLineKind.API_WORKS, one) for one in resources]
        return max((at for at in found if at is not None and at > failed_at), default=None)

    def _started(self, *resources: str) -> datetime | None:
        return self._last(KubeProxyLineKind.STARTED, "", *resources)

    def _read_since_start(self, resource: str) -> bool:
        started, read = self._started(resource), self._last(KubeProxyLineKind.API_WORKS, resource)
        return read is not None and (started is None or read >= started)

    def _last(self, kind: KubeProxyLineKind, *resources: str) -> datetime | None:
        """Return when a line of this kind, and about one of these where any are given, came last."""
        return max(
            (
                seen.last_at
                for seen in self.seen
                if seen.line.kind is kind and (not resources or seen.line.resource in resources)
            ),
            default=None,
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


def _call_failure(log: KubeProxyPodLog, seen: SeenKubeProxyLines) -> CallFailure:
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
        contradicted_by=f"the same was read at {stamp(works)}" if works else "",
    )


def collect(look: Look) -> KubeProxyLogs:
    """Read and classify the logs of a sample of kube-proxy pods."""
    parameters: LogParameters = look.parameters
    pods = [pod for pod in look.need(KubeProxyPods).pods if pod.has_run]
    chosen = sample(pods, parameters.max_pods)
    wanted = LogRange.of(parameters, look.started_at)
    logs, gaps = read_logs(look.cluster, [_source(pod) for pod in chosen], wanted)
    node_of = {pod.name: pod.node for pod in chosen}
    return KubeProxyLogs(
        pods=tuple(_pod_log(log, node_of[log.pod], wanted.since) for log in sorted(logs, key=lambda log: log.pod)),
        pods_total=len(pods),
        window_seconds=wanted.window_seconds,
        gaps=gaps,
    )


def sample(pods: list[KubeProxyPod], most: int) -> list[KubeProxyPod]:
    """Return at most `most` pods: half from those not ready or restarted, the rest evenly over the nodes."""
    if len(pods) <= most:
        return list(pods)
    suspects = sorted((pod for pod in pods if not pod.ready or pod.restarts), key=_most_suspect)[: most // 2]
    taken = {pod.name for pod in suspects}
    others = sorted((pod for pod in pods if pod.name not in taken), key=lambda pod: (pod.node, pod.name))
    wanted = most - len(suspects)
    return [*suspects, *(others[at * len(others) // wanted] for at in range(wanted))]


def _most_suspect(pod: KubeProxyPod) -> tuple[bool, float, str]:
    return pod.ready, -(pod.last_terminated_at.timestamp() if pod.last_terminated_at else 0.0), pod.name


def _source(pod: KubeProxyPod) -> LogSource:
    return LogSource(pod=pod.name, container=pod.container, restarted=pod.restarts > 0, ended_at=pod.last_terminated_at)


def _pod_log(log: PodLog, node: str, since: datetime) -> KubeProxyPodLog:
    classified = [(kube_proxy_line(line.text), line) for line in log.lines]
    groups = grouped(((key, line) for key, line in classified if key.kind is not KubeProxyLineKind.OTHER), since=since)
    seen = [
        SeenKubeProxyLines(
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
    return KubeProxyPodLog(pod=log.pod, node=node, seen=tuple(seen[:MOST_CLASSES]))


def summarise(found: KubeProxyLogs) -> str:
    """State the sample and what the logs complain about."""
    kinds = sorted(
        {seen.line.failure.kind.value for log in found.pods for seen in log.seen if seen.line.failure is not None}
    )
    return f"{found.read}; {'API failures: ' + ', '.join(kinds) if kinds else 'no API failure'}"


COLLECTOR = Collector(
    name="kube_proxy_logs",
    title="kube-proxy logs",
    evidence=KubeProxyLogs,
    collect=collect,
    summarise=summarise,
    permissions=(LOG_PERMISSION,),
    needs=(KubeProxyPods,),
    parameters=LogParameters,
)
