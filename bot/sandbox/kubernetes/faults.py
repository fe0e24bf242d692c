"""Faults on request: what an operator or an unlucky network would do to one call.

`kind`: deny (403), throttle (429), hang, reset, empty (200 without a body), html (200 with a page),
truncate (half the body, then the connection ends), error500, delay (`seconds`, then normal).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.kubernetes.refusals import Refusal, bad_request
from bot.sandbox.kubernetes.resources import Json

KINDS = ("deny", "throttle", "hang", "reset", "empty", "html", "truncate", "error500", "delay")
HANG_SECONDS = 600.0
THROTTLED = "Too many requests, please try again later.\n"
"""Body of a 429: priority and fairness answers in plain text, not with a Status."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault; `times` counts down, None is for ever."""

    action: str
    kind: str
    times: int | None = None
    seconds: float = 1.0


class Faults:
    """The faults, refusals and delays in force, and the calls that came in."""

    def __init__(self, *, latency_ms: int = 0, denied: Sequence[str] = ()) -> None:
        self._faults: list[Fault] = []
        self.latency_ms = latency_ms
        self.denied = frozenset(denied)
        self.calls: list[Json] = []

    def replace(self, faults: Sequence[Json]) -> None:
        """Put these faults in place of all others."""
        made = [
            Fault(
                action=str(fault["action"]),
                kind=str(fault["kind"]),
                times=fault.get("times"),
                seconds=float(fault.get("seconds") or 1.0),
            )
            for fault in faults
        ]
        for fault in made:
            if fault.kind not in KINDS:
                raise bad_request(f"unknown fault kind {fault.kind!r}; known: {', '.join(KINDS)}")
        self._faults = made

    def clear(self) -> None:
        """Remove all faults."""
        self._faults = []

    def record(self, action: str, path: str) -> None:
        """Note that a call came in."""
        self.calls.append({"action": action, "path": path, "at": time.time()})

    def take(self, action: str) -> Fault | None:
        """Return the first fault in force for this action and count it down."""
        for fault in self._faults:
            if fault.action in (action, "*") and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


def internal_error() -> Refusal:
    """Return what an API server answers when etcd is away."""
    details = {"causes": [{"message": "etcdserver: request timed out"}]}
    return Refusal(500, "InternalError", "Internal error occurred: etcdserver: request timed out", details)
