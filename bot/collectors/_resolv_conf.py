"""A pod's `/etc/resolv.conf`, read by one exec, as several collectors need it. No collector itself."""

from __future__ import annotations

from bot.dns.lookup_tools import READ_RESOLV_CONF
from bot.domain.cluster import PodName
from bot.domain.evidence import Gap
from bot.domain.ports import PodProber
from bot.errors import EvidenceUnavailable
from bot.kubernetes.pods import Pod


def read_resolv_conf(prober: PodProber, pod: Pod) -> str | Gap:
    """Return the text of the file, or the gap in its place."""
    try:
        result = prober.run(PodName(namespace=pod.namespace, name=pod.name), pod.container.name, READ_RESOLV_CONF)
        return result.text() if result.exit_code == 0 else not_read(pod, result.complaint.strip() or "cat failed")
    except EvidenceUnavailable as error:
        return Gap.of(_file_of(pod), error)


def not_read(pod: Pod, reason: str) -> Gap:
    """Return the gap in the file's place."""
    return Gap(what=_file_of(pod), reason=reason)


def _file_of(pod: Pod) -> str:
    return f"/etc/resolv.conf of pod {pod.namespace}/{pod.name}"
