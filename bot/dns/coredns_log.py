"""CoreDNS's log: errors, the kubernetes plugin's reflectors, start-up, reload, loop, ready, queries.

Formats of CoreDNS 1.2 to 1.15 (plugin/errors, plugin/reload, plugin/loop, plugin/ready and plugin/log
pages): with or without a timestamp of its own, `kubectl --prefix` or journald head. Total: any text
gives a line, if only of kind OTHER.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.dns.api_failure import ApiFailure, api_failure
from bot.dns.upstream_failure import UpstreamFailure, answered_upstream, upstream_failure


class CorednsLineKind(StrEnum):
    """What a line says."""

    API_FAILURE = "api failure"
    WAITING_FOR_API = "waiting for api"
    """The kubernetes plugin waits, and does not say for what."""
    UPSTREAM_FAILURE = "upstream failure"
    UPSTREAM_ANSWERED = "upstream answered"
    """A query-log line whose answer came from an upstream server."""
    COREFILE_ERROR = "corefile error"
    """At start-up: CoreDNS ends."""
    RELOAD_FAILED = "reload failed"
    """The old configuration keeps running; logged once."""
    CONFIGURATION_LOADED = "configuration loaded"
    """At start-up or by a reload."""
    LOOP = "loop"
    LISTEN_FAILED = "listen failed"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileError:
    """Where CoreDNS stopped reading its configuration, and why."""

    file: str
    line: int
    """1-based; 0 where the message names none."""
    plugin: str
    """The plugin that refused its arguments; empty for a directive nobody knows."""
    message: str
    word: str
    """The refused word, as quoted in the message; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsLine:
    """One classified line."""

    kind: CorednsLineKind
    api: ApiFailure | None = None
    upstream: UpstreamFailure | None = None
    corefile: CorefileError | None = None
    loop: str = ""
    """`127.0.0.1:34614 -> :53 for zone "."`; without a zone in old versions."""


_LEVEL = re.compile(r"\[(?:INFO|WARNING|ERROR|FATAL|DEBUG|PANIC)\] ")
_COREFILE = re.compile(
    r"(?:plugin/(\w+): )?(\S{0,300}Corefile\S{0,80}?):(\d{1,9}) - (?:Error during parsing|Syntax error): (.*)",
    re.DOTALL,
)
_QUOTED = re.compile(r"'([^']{1,200})'")
_LOOP = re.compile(r'plugin/loop: Loop \((\S{1,100}) -> (\S{1,100})\) detected for zone "([^"]{0,300})"')
_OLD_LOOP = re.compile(r'plugin/loop: Seen "[^"]{0,300}" more than twice')
_RELOAD_FAILED = re.compile(r"(?:plugin/reload: )?Corefile (?:changed but reload|parse) failed: ")
_LOADED = ("Reloading complete", "plugin/reload: Running configuration ")
_QUERY_HEAD = re.compile(r'\S{1,100}:\d{1,5} - \d{1,5} "')
"""plugin/log: what follows holds a name that anybody may choose."""
_WAITING = (
    "waiting for Kubernetes API before starting server",
    "starting server with unsynced Kubernetes API",
    'Still waiting on: "kubernetes"',
    'Plugins not ready: "kubernetes"',
)


def coredns_line(text: str) -> CorednsLine:
    """Classify one line, without the API's timestamp."""
    level = _LEVEL.search(text)
    body = text[level.end() :] if level else text
    if _QUERY_HEAD.match(body):
        answered = answered_upstream(body)
        return CorednsLine(kind=CorednsLineKind.UPSTREAM_ANSWERED if answered else CorednsLineKind.OTHER)
    return _configuration(body) or _state(body) or _forwarded(body) or _api(body)


def _configuration(body: str) -> CorednsLine | None:
    failed = _RELOAD_FAILED.match(body)
    if failed:
        return CorednsLine(kind=CorednsLineKind.RELOAD_FAILED, corefile=_corefile_error(body[failed.end() :]))
    if body.startswith(_LOADED):
        return CorednsLine(kind=CorednsLineKind.CONFIGURATION_LOADED)
    if _COREFILE.match(body):
        return CorednsLine(kind=CorednsLineKind.COREFILE_ERROR, corefile=_corefile_error(body))
    return None


def _corefile_error(message: str) -> CorefileError:
    match = _COREFILE.search(message)  # 1.15 says before it what it was about to do
    if match is None:
        return CorefileError(file="", line=0, plugin="", message=message[:400], word="")
    plugin, file, line, reason = match.groups()
    quoted = _QUOTED.search(reason)
    return CorefileError(
        file=file,
        line=int(line),
        plugin=plugin or "",
        message=reason[:400],
        word=quoted.group(1) if quoted else "",
    )


def _state(body: str) -> CorednsLine | None:
    loop = _LOOP.search(body)
    if loop:
        return CorednsLine(kind=CorednsLineKind.LOOP, loop='{} -> {} for zone "{}"'.format(*loop.groups()))
    if _OLD_LOOP.search(body):
        return CorednsLine(kind=CorednsLineKind.LOOP, loop="a query came back to its sender")
    if any(words in body for words in _WAITING):
        return CorednsLine(kind=CorednsLineKind.WAITING_FOR_API)
    if body.startswith("Listen: "):
        return CorednsLine(kind=CorednsLineKind.LISTEN_FAILED)
    return None


def _forwarded(body: str) -> CorednsLine | None:
    failure = upstream_failure(body)
    return CorednsLine(kind=CorednsLineKind.UPSTREAM_FAILURE, upstream=failure) if failure else None


def _api(body: str) -> CorednsLine:
    if body.startswith(("plugin/errors: ", "plugin/forward: ")):
        return CorednsLine(kind=CorednsLineKind.OTHER)
    failure = api_failure(body)
    if failure is None:
        return CorednsLine(kind=CorednsLineKind.OTHER)
    return CorednsLine(kind=CorednsLineKind.API_FAILURE, api=failure)
