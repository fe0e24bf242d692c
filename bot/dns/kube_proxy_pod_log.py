"""One kube-proxy pod's log as classes of lines, and what their order shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.dns.kube_proxy_log import KubeProxyLine, KubeProxyLineKind, kube_proxy_line
from bot.dns.log_wordings import Subject
from bot.dns.open_errors import not_kept, open_errors
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import SeenLines, seen_lines
from bot.domain.evidence import Gap

_ROUTING = ("services", "endpointslices", "endpoints")
"""What kube-proxy writes its rules from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyPodLog:
    """What one pod's log says."""

    pod: str
    node: str
    seen: tuple[SeenLines[KubeProxyLine], ...]
    """Newest class first."""
    left_out: int = 0
    """Lines that say something and belong to classes beyond those kept."""
    last_words: tuple[str, ...] = ()
    """The newest lines of any kind, oldest first: what a container that ended said last."""

    def open_errors(self, subject: Subject, since: datetime) -> tuple[Gap, ...]:
        """Return a gap for each class of error lines since `since` that may be about `subject`."""
        found = self.of(KubeProxyLineKind.UNKNOWN_ERROR, KubeProxyLineKind.ENDED)
        return (*open_errors(self.pod, found, subject, since), *not_kept(self.pod, self.left_out, subject))

    def of(self, *kinds: KubeProxyLineKind) -> tuple[SeenLines[KubeProxyLine], ...]:
        """Return the classes of these kinds, newest first."""
        return tuple(one for one in self.seen if one.line.kind in kinds)

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
    told = [(key, line) for key, line in classified if key.kind is not KubeProxyLineKind.OTHER]
    seen = seen_lines(told, since=since, kind=lambda line: line.kind)
    return KubeProxyPodLog(
        pod=log.pod,
        node=node,
        seen=seen,
        left_out=len(told) - sum(one.count for one in seen),
        last_words=log.last_words,
    )
