"""Faults, denials, latency and the call log, set through the control routes.

    POST   /sandbox/faults   [{"action": "ec2:DescribeVpcs"|"eks:*"|"*", "kind": …, "times": N|null, "seconds": S}]
    DELETE /sandbox/faults
    POST   /sandbox/deny     {"actions": ["ec2:DescribeNetworkAcls", …]}      replaces the former list
    POST   /sandbox/latency  {"ms": N}
    GET    /sandbox/calls    [{"action", "at", "region", "access_key", "dry_run", "status", "took_ms"}]
    DELETE /sandbox/calls
    POST   /sandbox/reset    everything empty again, ids from the seed

Kinds: deny, throttle, hang, reset, empty, html, truncate, error500, delay. `seconds` counts for delay (default 1)
and hang (default: until the faults change; then the connection is reset). `times` null: always.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong."""

    DENY = "deny"
    THROTTLE = "throttle"
    HANG = "hang"
    RESET = "reset"
    EMPTY = "empty"
    HTML = "html"
    TRUNCATE = "truncate"
    ERROR500 = "error500"
    DELAY = "delay"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault; `times` counts down."""

    action: str
    kind: FaultKind
    times: int | None
    seconds: float | None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Fault:
        """Return the fault that this JSON object describes, or raise ValueError."""
        unknown = set(document) - {"action", "kind", "times", "seconds"}
        if unknown or "action" not in document or "kind" not in document:
            message = f"a fault has action, kind, times and seconds; got {sorted(document)}"
            raise ValueError(message)
        return cls(
            action=str(document["action"]),
            kind=FaultKind(document["kind"]),
            times=document.get("times"),
            seconds=document.get("seconds"),
        )


@dataclass(slots=True, kw_only=True)
class LoggedCall:
    """One call that arrived."""

    action: str
    at: datetime
    region: str
    access_key: str
    dry_run: bool
    status: int = 0
    """0: no answer was sent, or not yet."""
    took_ms: int = 0

    def answered(self, status: int) -> None:
        """Note what was answered."""
        self.status = status
        self.took_ms = round((datetime.now(UTC) - self.at).total_seconds() * 1000)

    def document(self) -> dict[str, Any]:
        """Return the call as JSON."""
        return {
            "action": self.action,
            "at": self.at.isoformat(),
            "region": self.region,
            "access_key": self.access_key,
            "dry_run": self.dry_run,
            "status": self.status,
            "took_ms": self.took_ms,
        }


@dataclass(slots=True)
class Control:
    """The state behind the control routes. Every method is safe to call from several threads."""

    denied: tuple[str, ...] = ()
    latency_ms: int = 0
    _faults: list[Fault] = field(default_factory=list)
    _calls: list[LoggedCall] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)

    def set_faults(self, documents: list[dict[str, Any]]) -> None:
        """Replace all faults and let go of requests that hang."""
        faults = [Fault.of(document) for document in documents]
        with self._lock:
            self._faults = faults
            released, self._changed = self._changed, threading.Event()
        released.set()

    def take_fault(self, action: str) -> Fault | None:
        """Return the first fault for this action and count it down, or None."""
        with self._lock:
            for fault in self._faults:
                if fault.times != 0 and fnmatchcase(action, fault.action):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def wait(self, seconds: float | None) -> None:
        """Wait this long (None: without end), or until the faults change."""
        with self._lock:
            changed = self._changed
        changed.wait(seconds)

    def denies(self, action: str) -> bool:
        """Return whether this action is refused to everybody."""
        return any(fnmatchcase(action, pattern) for pattern in self.denied)

    def arrived(self, *, action: str, region: str, access_key: str, dry_run: bool) -> LoggedCall:
        """Add a call to the log."""
        entry = LoggedCall(action=action, at=datetime.now(UTC), region=region, access_key=access_key, dry_run=dry_run)
        with self._lock:
            self._calls.append(entry)
        return entry

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls so far, in the order in which they arrived."""
        with self._lock:
            return [call.document() for call in self._calls]

    def forget_calls(self) -> None:
        """Empty the call log."""
        with self._lock:
            self._calls.clear()

    def reset(self) -> None:
        """Forget faults, denials, latency and calls."""
        self.set_faults([])
        self.denied, self.latency_ms = (), 0
        self.forget_calls()
