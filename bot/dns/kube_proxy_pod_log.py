"""One kube-proxy pod's log as classes of lines, and what their order shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.dns.kube_proxy_log import KubeProxyLine, KubeProxyLineKind, kube_proxy_line
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import SeenLines, seen_lines

_ROUTING = ("services", "endpointslices", "endpoints")
"""What kube-proxy writes its rules from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyPodLog:
    """What one pod's log says."""

    pod: str
    node: str
    seen: tuple[SeenLines[KubeProxyLine], ...]
    """Newest class first."""

    @property
    def never_synced(self) -> bool:
        """Return whether the log shows the process starting and never reading what it writes rules from.

        A wait for one cache says nothing of the others: kube-proxy waits for several at once, each in a goroutine of
        its own, and on a busy node it begins to wait for the last after it has read the first.
        """
        if self._started(*_ROUTING) is None:
            return False
        return not any(self._read_since_start(resource) for resource in _ROUTING)

    @property
    def failed_since_start(self) -> bool:
        """Return whether a call failed after the last start that the log shows."""
        started, failed = self._started(*_ROUTING), self._last(KubeProxyLineKind.API_FAILURE)
        return failed is not None and (started is None or failed >= started)

    def works_since(self, resource: str, failed_at: datetime) -> datetime | None:
        """Return when, after `failed_at`, a line showed that `resource` was read; None: no such line."""
        resources = (resource,) if resource else _ROUTING
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


def kube_proxy_pod_log(log: PodLog, node: str, since: datetime) -> KubeProxyPodLog:
    """Classify a pod's log and count its classes; `since` is where the window begins."""
    classified = [(kube_proxy_line(line.text), line) for line in log.lines]
    told = ((key, line) for key, line in classified if key.kind is not KubeProxyLineKind.OTHER)
    return KubeProxyPodLog(pod=log.pod, node=node, seen=seen_lines(told, since=since))
