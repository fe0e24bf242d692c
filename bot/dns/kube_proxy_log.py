"""kube-proxy's log: calls to the API that failed, lines that only a working call can cause, rules it could not write.

`"SyncProxyRules complete"` and its kin are no success: kube-proxy syncs rules from whatever it holds,
stale or not. What shows a call working is a cache that was populated or synced, a node address that
was read, and a service or endpoint that changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.dns.api_failure import ApiFailure, api_failure
from bot.dns.klog import KlogLine, klog_line
from bot.dns.kube_proxy_wordings import ENDS_THE_PROCESS, KNOWN, RULES_NOT_WRITTEN, SOURCE_SUBJECTS
from bot.dns.log_wordings import Complaint, Subject, known_wording


class KubeProxyLineKind(StrEnum):
    """What a line says."""

    API_FAILURE = "api failure"
    API_WORKS = "api works"
    STARTED = "started"
    """The process began, or began to wait for one of its caches: that has not been read from the API yet."""
    RULES_NOT_WRITTEN = "rules not written"
    """Something that it should write into the kernel is not there; logged anew with each try."""
    ENDED = "ended"
    """kube-proxy ends, or does not begin: nothing will be written. Every line of klog's severity F is one."""
    COMPLAINT = "complaint"
    """An error line of known wording that takes nothing away from the way of a lookup."""
    UNKNOWN_ERROR = "unknown error"
    """An error line that no class knows: it is kept, and leaves open what it may be about."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyLine:
    """One classified line."""

    kind: KubeProxyLineKind
    failure: ApiFailure | None = None
    complaint: Complaint | None = None
    resource: str = ""
    """For API_WORKS: what was read. For STARTED: what is waited for; empty: everything, the process began."""


_CACHES = {
    "service config": "services",
    "endpoint slice config": "endpointslices",
    "endpoints config": "endpoints",
    "node config": "nodes",
    "servicecidr config": "servicecidrs",
}
_CHANGES = {
    "successfully retrieved node": "nodes",
    "adding new service port": "services",
    "removing service port": "services",
    "updating existing service port": "services",
    "service updated ports": "services",
    "setting endpoints for": "endpointslices",
    "removing endpoints for": "endpointslices",
}
_STARTS = (
    '"version info"',
    "using iptables prox",
    "using ipvs prox",
    "using nftables prox",
    "flag proxy-mode",
    "flag: --",
)
_WAITS = re.compile(r'waiting for caches to sync(?:" controller="| for |)([\w ]*)')
_WAITED = {"": "", **_CACHES}
"""From 1.36 on it waits for its own node before anything else, in a line that names no cache."""
_POPULATED = re.compile(r'caches populated(?:" type="| for )\*v\w+\.(\w+)')
"""The reflector's line for each list that came (`--v=2`, client-go from 1.27)."""
_ERRORS = frozenset({"E", "F"})
_OTHER = KubeProxyLine(kind=KubeProxyLineKind.OTHER)


def kube_proxy_line(text: str) -> KubeProxyLine:
    """Classify one line, without the API's timestamp. Total over all text."""
    head = klog_line(text)
    message = head.message if head else text
    failure = api_failure(message)
    if failure is not None:
        return KubeProxyLine(kind=KubeProxyLineKind.API_FAILURE, failure=failure)
    complaint = _complaint(head, message)
    if complaint is not None:
        return complaint
    lowered = message.lower()
    read = _read(lowered)
    if read:
        return KubeProxyLine(kind=KubeProxyLineKind.API_WORKS, resource=read)
    waits = _WAITS.search(lowered)
    if waits and waits[1] in _WAITED:
        return KubeProxyLine(kind=KubeProxyLineKind.STARTED, resource=_WAITED[waits[1]])
    if any(start in lowered for start in _STARTS):
        return KubeProxyLine(kind=KubeProxyLineKind.STARTED)
    return _OTHER


def _complaint(head: KlogLine | None, message: str) -> KubeProxyLine | None:
    severity = head.severity if head else ""
    known = known_wording(message, KNOWN) if severity == "E" else None
    if known is not None:
        return KubeProxyLine(kind=KubeProxyLineKind.COMPLAINT, complaint=known.complaint)
    rules = known_wording(message, RULES_NOT_WRITTEN) if severity != "F" else None
    if rules is not None:
        return KubeProxyLine(kind=KubeProxyLineKind.RULES_NOT_WRITTEN, complaint=rules.complaint)
    if head is None or severity not in _ERRORS:
        return None
    ended = known_wording(message, ENDS_THE_PROCESS)
    if ended is not None:
        return KubeProxyLine(kind=KubeProxyLineKind.ENDED, complaint=ended.complaint)
    if severity == "F":
        return KubeProxyLine(kind=KubeProxyLineKind.ENDED, complaint=Complaint(subject=Subject.ANY))
    subject = SOURCE_SUBJECTS.get(head.source.partition(":")[0], Subject.ANY)
    return KubeProxyLine(kind=KubeProxyLineKind.UNKNOWN_ERROR, complaint=Complaint(subject=subject))


def _read(lowered: str) -> str:
    populated = _POPULATED.search(lowered)
    if populated:
        return populated[1] if populated[1].endswith("s") else f"{populated[1]}s"
    if "caches are synced" in lowered:
        return next((resource for cache, resource in _CACHES.items() if cache in lowered), "")
    return next((resource for words, resource in _CHANGES.items() if words in lowered), "")
