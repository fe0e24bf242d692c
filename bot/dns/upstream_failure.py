"""Queries that CoreDNS forwarded: those that failed (plugin/errors) and those that came back (plugin/log)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class UpstreamFailureKind(StrEnum):
    """What became of the query. Only TIMEOUT may also be a limit that is exceeded under load."""

    TIMEOUT = "i/o timeout"
    REFUSED = "connection refused"
    NO_ROUTE = "no route to host"
    UNREACHABLE = "network is unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFailure:
    """One forwarded query without an answer."""

    kind: UpstreamFailureKind
    upstream: str
    """IP address of the server asked, without port; empty where the line names none."""
    protocol: str
    """udp or tcp."""
    name: str
    self_test: bool
    """A HINFO question: the loop plugin's own at start-up, which many servers ignore."""


_ERROR = re.compile(r"^(?:plugin/errors: )?\d{1,2} (\S{1,300}) ([A-Z0-9]{1,12}): (.*)$", re.DOTALL)
_CONSOLIDATED = re.compile(r"^(?:plugin/errors: )?\d{1,9} errors like '(.{1,500})' occurred in last ")
_EXCHANGE = re.compile(r"\b(?:read|write|dial|select) (udp|tcp)\b")
_READ_FROM = re.compile(r"->\[?([0-9A-Fa-f.:]{2,60}?)\]?:\d{1,5}(?=[:\s])")
_DIALLED = re.compile(r"\b(?:dial|select) (?:udp|tcp) \[?([0-9A-Fa-f.:]{2,60}?)\]?:\d{1,5}(?=[:\s])")
_QUERY = re.compile(
    r'^\S{1,100}:\d{1,5} - \d{1,5} "\S{1,12} \S{1,12} \S{1,300} \w{1,8} \d{1,6} \w{1,6} \d{1,6}" '
    r"(?:NOERROR|NXDOMAIN) (\S{1,40}) \d{1,6} (\d{1,6}\.\d{1,12})s"
)
CACHED_BELOW_SECONDS = 0.001
"""An answer faster than this came from the cache: it shows nothing about the upstream server now."""


def upstream_failure(body: str) -> UpstreamFailure | None:
    """Return the forwarded query that failed, or None. `body` begins after the level (`[ERROR] `)."""
    consolidated = _CONSOLIDATED.match(body)
    error = None if consolidated else _ERROR.match(body)
    if error is None and consolidated is None:
        return None
    name, kind_of_query, reason = error.groups() if error else ("", "", consolidated.group(1) if consolidated else "")
    exchange = _EXCHANGE.search(reason)
    kind = next((kind for kind in UpstreamFailureKind if kind.value in reason), None)
    if exchange is None or kind is None:
        return None
    address = _READ_FROM.search(reason) or _DIALLED.search(reason)
    return UpstreamFailure(
        kind=kind,
        upstream=address.group(1) if address else "",
        protocol=exchange.group(1),
        name=name,
        self_test=kind_of_query == "HINFO",
    )


def answered_upstream(body: str) -> bool:
    """Return whether this query-log line (default format) shows an answer that came from an upstream server."""
    query = _QUERY.match(body)
    return query is not None and "ra" in query.group(1).split(",") and float(query.group(2)) >= CACHED_BELOW_SECONDS
