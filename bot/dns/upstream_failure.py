"""Queries that CoreDNS forwarded: those that failed (plugin/errors) and those that came back (plugin/log)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class UpstreamFailureKind(StrEnum):
    """What became of the query, in the words of the log where they are always the same."""

    TIMEOUT = "i/o timeout"
    REFUSED = "connection refused"
    NO_ROUTE = "no route to host"
    UNREACHABLE = "network is unreachable"
    NOT_PERMITTED = "operation not permitted"
    """The node's own kernel does not let the packet out."""
    CERTIFICATE = "certificate not accepted"
    """Of a server that is asked over TLS."""
    RESET = "connection reset"
    END_OF_FILE = "EOF"
    DEADLINE = "context deadline exceeded"
    """CoreDNS's own five seconds for a query were over."""
    OVERLOADED = "concurrent queries exceeded maximum"
    """The Corefile's own limit `max_concurrent`."""
    NO_UPSTREAM = "no healthy proxies"
    NOT_FORWARDED = "no next plugin found"
    """The Corefile names no server for this name."""
    BAD_ANSWER = "answer not understood"
    OTHER = "another reason"
    """Counted all the same: what it means is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFailure:
    """One query that CoreDNS did not answer, or several that one line stands for."""

    kind: UpstreamFailureKind
    upstream: str
    """IP address of the server asked, without port; empty where the line names none."""
    protocol: str
    """udp or tcp; empty where the line names none."""
    name: str
    self_test: bool
    """A HINFO question: the loop plugin's own at start-up, which many servers ignore."""
    queries: int = 1
    """How many failed so: a line of `consolidate` stands for several."""


_WORDS: tuple[tuple[UpstreamFailureKind, tuple[str, ...]], ...] = (
    (UpstreamFailureKind.TIMEOUT, ("i/o timeout",)),
    (UpstreamFailureKind.REFUSED, ("connection refused",)),
    (UpstreamFailureKind.NO_ROUTE, ("no route to host", "host is down")),
    (UpstreamFailureKind.UNREACHABLE, ("network is unreachable",)),
    (UpstreamFailureKind.NOT_PERMITTED, ("operation not permitted", "permission denied")),
    (UpstreamFailureKind.CERTIFICATE, ("x509: ", "tls: failed to verify", "tls: bad certificate")),
    (UpstreamFailureKind.RESET, ("connection reset", "broken pipe", "connection was closed by peer", "tls: ")),
    (UpstreamFailureKind.OVERLOADED, ("concurrent queries exceeded maximum",)),
    (UpstreamFailureKind.NO_UPSTREAM, ("no healthy proxies", "no upstream host", "unreachable backend")),
    (UpstreamFailureKind.NOT_FORWARDED, ("no next plugin found", "no forwarder defined")),
    (UpstreamFailureKind.DEADLINE, ("context deadline exceeded",)),
    (UpstreamFailureKind.BAD_ANSWER, ("dns: ", "bad rdata", "overflow ")),
)
"""Sources: the errors of Go's net package, of miekg/dns, and of plugin/forward, plugin/proxy (up to 1.4), plugin.go."""
_END_OF_FILE = re.compile(r"\bEOF\b")
_ERROR = re.compile(r"^(?:plugin/errors: )?\d{1,4} (\S{1,1100}) ([\w-]{0,20}): (.*)$", re.DOTALL)
_CONSOLIDATED = re.compile(r"^(?:plugin/errors: )?(\d{1,9}) errors like '(.{1,500})' occurr?ed in last ")
"""Version 1.2 has a slip of the pen."""
_EXCHANGE = re.compile(r"\b(?:read|write|dial|select) (udp|tcp)\b")
_SENT_TO = re.compile(r"->\[?([0-9A-Fa-f.:]{2,60}?)\]?:\d{1,5}(?=[:\s])")
_DIALLED = re.compile(r"\b(?:dial|select) (?:udp|tcp) \[?([0-9A-Fa-f.:]{2,60}?)\]?:\d{1,5}(?=[:\s])")
_QUERY = re.compile(
    r'^\S{1,100}:\d{1,5} - \d{1,5} "\S{1,12} \S{1,12} \S{1,300} \w{1,8} \d{1,6} \w{1,6} \d{1,6}" '
    r"(?:NOERROR|NXDOMAIN) (\S{1,40}) \d{1,6} (\d{1,6}\.\d{1,12})s"
)
CACHED_BELOW_SECONDS = 0.001
"""An answer faster than this came from the cache: it shows nothing about the upstream server now."""


def upstream_failure(body: str) -> UpstreamFailure | None:
    """Return the query that failed, or None. `body` begins after the level (`[ERROR] `).

    Every line of plugin/errors is one, whatever its reason.
    """
    consolidated = _CONSOLIDATED.match(body)
    error = None if consolidated else _ERROR.match(body)
    if error is None and consolidated is None:
        return _unread(body)
    name, kind_of_query, reason = error.groups() if error else ("", "", consolidated.group(2) if consolidated else "")
    kind = _kind(reason)
    if kind is UpstreamFailureKind.OTHER and not body.startswith("plugin/errors: "):
        return None  # up to 1.4 nothing else marks the line
    exchange = _EXCHANGE.search(reason)
    address = _SENT_TO.search(reason) or _DIALLED.search(reason)
    return UpstreamFailure(
        kind=kind,
        upstream=address.group(1) if address else "",
        protocol=exchange.group(1) if exchange else "",
        name=name,
        self_test=kind_of_query == "HINFO",
        queries=int(consolidated.group(1)) if consolidated else 1,
    )


def _unread(body: str) -> UpstreamFailure | None:
    if not body.startswith("plugin/errors: "):
        return None
    return UpstreamFailure(kind=UpstreamFailureKind.OTHER, upstream="", protocol="", name="", self_test=False)


def _kind(reason: str) -> UpstreamFailureKind:
    found = next((kind for kind, words in _WORDS if any(word in reason for word in words)), None)
    if found is None and _END_OF_FILE.search(reason):
        return UpstreamFailureKind.END_OF_FILE
    return found or UpstreamFailureKind.OTHER


def answered_upstream(body: str) -> bool:
    """Return whether this query-log line (default format) shows an answer that came from an upstream server."""
    query = _QUERY.match(body)
    return query is not None and "ra" in query.group(1).split(",") and float(query.group(2)) >= CACHED_BELOW_SECONDS
