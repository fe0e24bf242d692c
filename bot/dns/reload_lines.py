"""Whether a running CoreDNS has taken up a changed Corefile, told by the end of its log (plugin/reload, plugin/log).

No clock is compared: what counts is which configuration was said last to run, and whether query-log lines follow it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLUGIN = r'(?:\[(?:INFO|ERROR)\] plugin/reload: |"plugin":"reload","msg":")'
_RUNS = re.compile(_PLUGIN + r"Running configuration (?:SHA512|MD5) = ([0-9a-f]{8,128})")
_FAILED = re.compile(_PLUGIN + r"Corefile (?:changed but reload|parse) failed: (.{1,400})")
_QUERY = re.compile(r'\[INFO\] \S{1,100}:\d{1,5} - \d{1,5} "')
"""A line of plugin/log in its usual form (C12)."""
_JSON_QUERY = re.compile(r'"msg":"\S{1,100}:\d{1,5} - \d{1,5} \\"')


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """What the end of one pod's log says."""

    running: str = ""
    """Hash of the configuration that it last said to run; empty: no such line is there."""
    logs_queries: bool = False
    """Whether a query-log line stands behind that, or at all where it is not there."""
    failed: str = ""
    """Why it last refused to reload, where that stands behind it; empty: it did not."""


def taken_up(log: str) -> TakenUp:
    """Return what the lines say, the oldest first. Total."""
    running, failed, queries = "", "", False
    for line in log.split("\n"):
        short = line[:1_000]
        if _QUERY.search(short) or _JSON_QUERY.search(short):
            queries = True
        elif runs := _RUNS.search(short):
            running, failed, queries = runs[1], "", False
        elif refused := _FAILED.search(short):
            failed = refused[1]
    return TakenUp(running=running, logs_queries=queries, failed=failed)
