"""The log of a node-local-dns pod: node-cache's own lines, and those of the CoreDNS inside it.

Source: kubernetes/dns 1.22 to 1.26, cmd/node-cache (every `clog.Error*`, `Warning*`, `Fatal*` and what "Added back"
says). Total: any text gives a line, and no [ERROR] or [FATAL] is of kind OTHER.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.log_wordings import Complaint, Subject
from bot.dns.open_errors import not_kept, open_errors
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import SeenLines, seen_lines
from bot.dns.upstream_failure import UpstreamFailure, UpstreamFailureKind
from bot.domain.evidence import Gap


class NodeCacheLineKind(StrEnum):
    """What a line says."""

    ADDRESS_IN_USE = "address in use"
    """Another program listens there: it ends."""
    ADDRESS_MISSING = "address not on the node"
    """What its Corefile binds stands on no interface: it ends."""
    LOOP = "loop"
    """Its own queries come back to it: it ends."""
    BAD_ARGUMENTS = "bad arguments"
    """It ends before anything else: an argument is no address, or no port."""
    CONFIGURATION = "configuration"
    """Its Corefile is not taken: at the start it ends, at a reload the old one stays."""
    NO_UPSTREAM_SERVICE = "no upstream service"
    """Its environment names no address of the Service that it asks for cluster names."""
    NOT_LAID = "rules or interface not laid"
    LAID_AGAIN = "rules laid again"
    """At a start and, where it comes later, because somebody removed them."""
    UPSTREAM_FAILURE = "upstream failure"
    SERVES = "serves"
    """The CoreDNS inside says its version: from now on it answers."""
    COMPLAINT = "complaint"
    UNKNOWN_ERROR = "unknown error"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCacheLine:
    """One classified line, without what differs from line to line."""

    kind: NodeCacheLineKind
    address: str = ""
    """Where it could not listen, without port."""
    upstream: str = ""
    """Whom it asked in vain."""
    protocol: str = ""
    """udp or tcp, of that."""
    failure: UpstreamFailureKind | None = None
    self_test: bool = False
    complaint: Complaint | None = None


_LEVEL = re.compile(r"^\[(INFO|WARNING|ERROR|FATAL)\] ")
_LISTEN = re.compile(r"^Listen: listen (?:tcp|udp) \[?([0-9A-Fa-f.:]{0,60}?)\]?:\d{1,5}: bind: (.{1,100})$")
_VERSION = re.compile(r"^CoreDNS-\d")
_OWN = (
    ("Error parsing flags - ", NodeCacheLineKind.BAD_ARGUMENTS),
    ("Unable to lookup IP address of Upstream service ", NodeCacheLineKind.NO_UPSTREAM_SERVICE),
    ("Error adding iptables rule ", NodeCacheLineKind.NOT_LAID),
    ("Error checking/adding iptables rule ", NodeCacheLineKind.NOT_LAID),
    ("Error adding ebtables rule ", NodeCacheLineKind.NOT_LAID),
    ("Failed to add non-existent interface ", NodeCacheLineKind.NOT_LAID),
    ("Error checking dummy device ", NodeCacheLineKind.NOT_LAID),
    ("Added back nodelocaldns rule - ", NodeCacheLineKind.LAID_AGAIN),
    ("Invalid config: ", NodeCacheLineKind.CONFIGURATION),
    ("Failed to write config file ", NodeCacheLineKind.CONFIGURATION),
)
_HARMLESS = (
    "Failed to read node-cache coreFile ",
    "Failed to sync ",
    "Untrapped signal, tearing down",
)
"""Errors that nodes log which work."""
_OF_COREDNS = {
    CorednsLineKind.LOOP: NodeCacheLineKind.LOOP,
    CorednsLineKind.COREFILE_ERROR: NodeCacheLineKind.CONFIGURATION,
    CorednsLineKind.RELOAD_FAILED: NodeCacheLineKind.CONFIGURATION,
    CorednsLineKind.START_FAILED: NodeCacheLineKind.CONFIGURATION,
}


def node_cache_line(text: str) -> NodeCacheLine:
    """Classify one line, without the API's timestamp."""
    level = _LEVEL.match(text)
    body = text[level.end() :] if level else text
    own = next((kind for words, kind in _OWN if body.startswith(words)), None)
    if own:
        return NodeCacheLine(kind=own)
    if body.startswith(_HARMLESS):
        meaning = "it read no template or no ConfigMap at that moment, which it does again"
        return NodeCacheLine(
            kind=NodeCacheLineKind.COMPLAINT, complaint=Complaint(subject=Subject.NONE, meaning=meaning)
        )
    if _VERSION.match(body):
        return NodeCacheLine(kind=NodeCacheLineKind.SERVES)
    listen = _LISTEN.match(body)
    if listen and "in use" in listen[2]:
        return NodeCacheLine(kind=NodeCacheLineKind.ADDRESS_IN_USE, address=listen[1])
    if listen and "cannot assign" in listen[2]:
        return NodeCacheLine(kind=NodeCacheLineKind.ADDRESS_MISSING, address=listen[1])
    return _of_coredns(text)


def _of_coredns(text: str) -> NodeCacheLine:
    line = coredns_line(text)
    if line.upstream:
        return _upstream(line.upstream)
    kind = _OF_COREDNS.get(line.kind)
    if kind:
        return NodeCacheLine(kind=kind)
    if line.kind in {CorednsLineKind.UNKNOWN_ERROR, CorednsLineKind.LISTEN_FAILED, CorednsLineKind.PANIC}:
        complaint = line.complaint or Complaint(subject=Subject.ANY)
        return NodeCacheLine(kind=NodeCacheLineKind.UNKNOWN_ERROR, complaint=complaint)
    if line.complaint:
        return NodeCacheLine(kind=NodeCacheLineKind.COMPLAINT, complaint=line.complaint)
    return NodeCacheLine(kind=NodeCacheLineKind.OTHER)


def _upstream(failure: UpstreamFailure) -> NodeCacheLine:
    return NodeCacheLine(
        kind=NodeCacheLineKind.UPSTREAM_FAILURE,
        upstream=failure.upstream,
        protocol=failure.protocol,
        failure=failure.kind,
        self_test=failure.self_test,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCachePodLog:
    """What one pod's log says."""

    pod: str
    node: str
    seen: tuple[SeenLines[NodeCacheLine], ...]
    """Newest class first."""
    left_out: int = 0
    """Lines that say something and belong to classes beyond those kept."""
    last_words: tuple[str, ...] = ()
    """The newest lines of any kind, oldest first."""

    def of(self, *kinds: NodeCacheLineKind) -> tuple[SeenLines[NodeCacheLine], ...]:
        """Return the classes of these kinds, newest first."""
        return tuple(one for one in self.seen if one.line.kind in kinds)

    def last(self, *kinds: NodeCacheLineKind) -> datetime | None:
        """Return when a line of these kinds was last logged."""
        return max((one.last_at for one in self.of(*kinds)), default=None)

    def open_errors(self, subject: Subject, since: datetime) -> tuple[Gap, ...]:
        """Return a gap for each class of error lines since `since` that may be about `subject`."""
        return (*open_errors(self.pod, self.seen, subject, since), *not_kept(self.pod, self.left_out, subject))


def node_cache_pod_log(log: PodLog, node: str, since: datetime) -> NodeCachePodLog:
    """Classify a pod's log and count its classes; `since` is where the window begins."""
    classified = [(node_cache_line(line.text), line) for line in log.lines]
    told = [(said, line) for said, line in classified if said.kind is not NodeCacheLineKind.OTHER]
    seen = seen_lines(told, since=since, kind=lambda line: line.kind)
    return NodeCachePodLog(
        pod=log.pod,
        node=node,
        seen=seen,
        left_out=len(told) - sum(one.count for one in seen),
        last_words=log.last_words,
    )
