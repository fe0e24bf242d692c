"""NodeLocal DNSCache's logs: why its pods end, whom they ask in vain, what they cannot lay on their nodes.

Each pod's log is read from its tail at any age, since a pod that cannot start says why once a run, and the previous
container's after a restart. Kept are classes of lines with counts and samples. Costs one or two calls a pod.

In a playbook: `{collector: node_local_logs, with: {window: 15m}}`.
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
from bot.collectors.node_local_dns import NodeLocalDns
from bot.dns.node_cache_log import NodeCacheLineKind, NodeCachePodLog, node_cache_pod_log
from bot.domain.evidence import Collector
from bot.domain.views import View

_NORMAL = frozenset({NodeCacheLineKind.SERVES, NodeCacheLineKind.LAID_AGAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalLogs(LogsRead):
    """What the logs of the node-local-dns pods say."""

    application: ClassVar[str] = "node-local-dns"
    pods: tuple[NodeCachePodLog, ...]

    def log(self, pod: str) -> NodeCachePodLog | None:
        """Return the log of a pod; None: it was not read."""
        return next((log for log in self.pods if log.pod == pod), None)


def collect(look: View) -> NodeLocalLogs:
    """Read and classify the logs of a sample of the pods."""
    parameters: LogParameters = look.parameters
    pods = [pod for pod in look.need(NodeLocalDns).pods if pod.container.has_run]
    chosen = sample(pods, parameters.max_pods)
    wanted = LogRange.of(parameters, look.started_at)
    logs, gaps = read_logs(look.cluster, [LogSource.of(pod) for pod in chosen], wanted)
    node_of = {pod.name: pod.node for pod in chosen}
    left = [pod for pod in pods if pod.name not in node_of]
    return NodeLocalLogs(
        pods=tuple(
            node_cache_pod_log(log, node_of[log.pod], wanted.since) for log in sorted(logs, key=lambda log: log.pod)
        ),
        pods_total=len(pods),
        window_seconds=wanted.window_seconds,
        others_well=sum(seen_well(pod, wanted.since) for pod in left),
        gaps=(*gaps, *unread_gaps(NodeLocalLogs.application, left, len(pods), wanted.since)),
    )


def summarise(found: NodeLocalLogs) -> str:
    """State the sample and what the logs complain about."""
    if not found.pods_total:
        return "no node-local-dns pod"
    kinds = sorted({one.line.kind.value for log in found.pods for one in log.seen if one.line.kind not in _NORMAL})
    return f"{found.read}; {'seen: ' + ', '.join(kinds) if kinds else 'no complaint'}"


COLLECTOR = Collector(
    name="node_local_logs",
    title="NodeLocal DNSCache's logs",
    evidence=NodeLocalLogs,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(LOG_PERMISSION,),
    needs=(NodeLocalDns,),
    parameters=LogParameters,
)
