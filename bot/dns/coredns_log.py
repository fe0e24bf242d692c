"""CoreDNS's log: errors, the kubernetes plugin's reflectors, start-up, reload, loop, ready, queries.

Formats of CoreDNS 1.2 to 1.15 (plugin/errors, plugin/reload, plugin/loop, plugin/ready and plugin/log
pages): with or without a timestamp of its own, `kubectl --prefix` or journald head, or as JSON (1.15). Total: any
text gives a line; no [ERROR] or [FATAL] of CoreDNS and no E or F of client-go's klog is of kind OTHER.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from bot.dns.api_failure import ApiFailure, api_failure
from bot.dns.coredns_wordings import ENDS_THE_START, KNOWN, NOT_EXECUTED, PLUGIN_SUBJECTS
from bot.dns.corefile_error import CorefileError, corefile_error, start_error
from bot.dns.klog import klog_line
from bot.dns.log_wordings import Complaint, Subject, known_wording
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
    """At start-up: CoreDNS ends of its configuration, whichever file of it and whatever the words."""
    START_FAILED = "start failed"
    """At start-up: CoreDNS ends of something else that it was given."""
    RELOAD_FAILED = "reload failed"
    """The old configuration keeps running; logged once."""
    CONFIGURATION_LOADED = "configuration loaded"
    """At start-up or by a reload."""
    LOOP = "loop"
    NOT_EXECUTED = "not executed"
    """The container runtime could not run the program: CoreDNS never began, and read no configuration."""
    LISTEN_FAILED = "listen failed"
    """At start-up: CoreDNS ends, a port cannot be had."""
    PANIC = "panic"
    """CoreDNS itself broke: it ends."""
    COMPLAINT = "complaint"
    """An error line of known wording that is none of the above; `complaint` says what it may be about."""
    UNKNOWN_ERROR = "unknown error"
    """An error line that no class knows: it is kept, and leaves open what it may be about."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsLine:
    """One classified line."""

    kind: CorednsLineKind
    api: ApiFailure | None = None
    upstream: UpstreamFailure | None = None
    corefile: CorefileError | None = None
    complaint: Complaint | None = None
    loop: str = ""
    """`127.0.0.1:34614 -> :53 for zone "."`; without a zone in old versions."""


_LEVEL = re.compile(r"\[(INFO|WARN|WARNING|ERROR|FATAL|DEBUG|PANIC)\] ")
_LOOP = re.compile(r'plugin/loop: Loop \((\S{1,100}) -> (\S{1,100})\) detected for zone "([^"]{0,300})"')
_OLD_LOOPS = (
    re.compile(r'plugin/loop: Seen "[^"]{0,300}" more than twice'),
    re.compile(r'Forwarding loop detected in "[^"]{0,300}" zone'),
)
"""Up to 1.2.2, and to 1.2.6."""
_RELOAD_FAILED = re.compile(r"(?:plugin/reload: )?Corefile (?:changed but reload|parse) failed: ")
_LOADED = ("Reloading complete", "plugin/reload: Running configuration ")
_QUERY_HEAD = re.compile(r'\S{1,100}:\d{1,5} - \d{1,5} "')
"""plugin/log: what follows holds a name that anybody may choose."""
_PLUGIN = re.compile(r"plugin/(\w{1,60}): ")
_PANICS = ("panic: ", "fatal error: ")
"""What the Go runtime prints, without a level."""
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
_KLOG_ERRORS = frozenset({"E", "F"})
_WAITING = (
    "waiting for Kubernetes API before starting server",
    "starting server with unsynced Kubernetes API",
    'Still waiting on: "kubernetes"',
    'Plugins not ready: "kubernetes"',
)


def coredns_line(text: str) -> CorednsLine:
    """Classify one line, without the API's timestamp."""
    text = _without_json(text)
    level = _LEVEL.search(text)
    body = text[level.end() :] if level else text
    if _QUERY_HEAD.match(body):
        answered = answered_upstream(body)
        return CorednsLine(kind=CorednsLineKind.UPSTREAM_ANSWERED if answered else CorednsLineKind.OTHER)
    severity = level[1] if level else ""
    is_error = _is_error(text, severity)
    good = None if is_error else _progress(body)
    known = good or _reload(body) or _state(body) or _forwarded(body) or _api(body) or _start(body, severity)
    return known or (_complaint(body, severity) if is_error else CorednsLine(kind=CorednsLineKind.OTHER))


def _without_json(text: str) -> str:
    """Return a line of `-log-format json` (1.15) in the shape of any other."""
    if not text.startswith('{"time"'):
        return text
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return text
    level, plugin, message = (str(entry.get(key, "")) for key in ("level", "plugin", "msg"))
    if plugin:
        return f"[{level}] plugin/{plugin}: {message}"
    return message if level == "FATAL" else f"[{level}] {message}"


def _is_error(text: str, level: str) -> bool:
    if level:
        return level in _ERRORS
    head = klog_line(text)
    return head is not None and head.severity in _KLOG_ERRORS


def _progress(body: str) -> CorednsLine | None:
    """Return what a line without an error's level says of how far CoreDNS has come."""
    if body.startswith(_LOADED):
        return CorednsLine(kind=CorednsLineKind.CONFIGURATION_LOADED)
    if any(words in body for words in _WAITING):
        return CorednsLine(kind=CorednsLineKind.WAITING_FOR_API)
    return None


def _reload(body: str) -> CorednsLine | None:
    failed = _RELOAD_FAILED.match(body)
    if failed:
        return CorednsLine(kind=CorednsLineKind.RELOAD_FAILED, corefile=corefile_error(body[failed.end() :]))
    return None


def _state(body: str) -> CorednsLine | None:
    loop = _LOOP.search(body)
    if loop:
        return CorednsLine(kind=CorednsLineKind.LOOP, loop='{} -> {} for zone "{}"'.format(*loop.groups()))
    if any(old.search(body) for old in _OLD_LOOPS):
        return CorednsLine(kind=CorednsLineKind.LOOP, loop="a query came back to its sender")
    if body.startswith("Listen: "):
        return CorednsLine(kind=CorednsLineKind.LISTEN_FAILED)
    return None


def _forwarded(body: str) -> CorednsLine | None:
    failure = upstream_failure(body)
    return CorednsLine(kind=CorednsLineKind.UPSTREAM_FAILURE, upstream=failure) if failure else None


def _api(body: str) -> CorednsLine | None:
    failure = None if body.startswith("plugin/forward: ") else api_failure(body)
    return CorednsLine(kind=CorednsLineKind.API_FAILURE, api=failure) if failure else None


def _start(body: str, severity: str) -> CorednsLine | None:
    """Return what ended the process: lines without a level, but for one [FATAL]."""
    ended = known_wording(body, ENDS_THE_START) if severity in {"", "FATAL"} else None
    if ended:
        return CorednsLine(kind=CorednsLineKind.START_FAILED, complaint=ended.complaint)
    if severity:
        return None
    never_began = known_wording(body, NOT_EXECUTED)
    if never_began:
        return CorednsLine(kind=CorednsLineKind.NOT_EXECUTED, complaint=never_began.complaint)
    if body.startswith(_PANICS):
        return CorednsLine(kind=CorednsLineKind.PANIC)
    error = start_error(body)
    return CorednsLine(kind=CorednsLineKind.COREFILE_ERROR, corefile=error) if error else None


def _complaint(body: str, severity: str) -> CorednsLine:
    """Return the class of an error line: of known words, where the process goes on after it, or unknown."""
    wording = known_wording(body, KNOWN) if severity == "ERROR" else None
    if wording:
        return CorednsLine(kind=CorednsLineKind.COMPLAINT, complaint=wording.complaint)
    plugin = _PLUGIN.match(body)
    subject = PLUGIN_SUBJECTS.get(plugin[1], Subject.ANY) if plugin else Subject.ANY
    return CorednsLine(kind=CorednsLineKind.UNKNOWN_ERROR, complaint=Complaint(subject=subject))
