"""Lines of logs at times of the diagnosis's day, and pods that wait in a crash loop."""

from __future__ import annotations

from typing import Any

A, B = "10.0.1.7", "10.0.2.7"
"""Addresses of the two CoreDNS pods."""
LOOPED = '[FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone ".", see https://coredns.io/plugins/loop'


def at(time: str, line: str) -> str:
    """Return a line at `time`: hh:mm of the day of the diagnosis, or a whole time."""
    stamp = time if "T" in time else f"2026-11-21T{time}:00Z"
    return f"{stamp} {line}\n"


def crashing(make: Any) -> Any:
    """Return two pods that do not come up."""
    changes = {
        "ready": False,
        "ready_since": None,
        "container_running_since": None,
        "container_waiting_reason": "CrashLoopBackOff",
    }
    return make.coredns_pods(make.coredns_pod("coredns-a", A, **changes), make.coredns_pod("coredns-b", B, **changes))
