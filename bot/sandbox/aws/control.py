"""What tests and worlds set for calls, and the log of the calls that came. The routes are in `control_routes.py`."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from bot.sandbox.aws.life_cycle import Pace
from bot.sandbox.aws.orders import Order, Orders
from bot.sandbox.aws.rates import Rates


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
class Fault(Order):
    """One fault."""

    kind: FaultKind
    seconds: float | None = None
    """How long it delays (None: 1 s) or hangs (None: until the faults change; then the connection is reset)."""

    def __post_init__(self) -> None:
        """Take the kind from JSON's text."""
        self.kind = FaultKind(self.kind)


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
    denied_in: str = ""
    """The account in which they are refused; empty: in all."""
    latency_ms: int = 0
    paces: Orders[Pace] = field(default_factory=Orders)
    rates: Rates = field(default_factory=Rates)
    _faults: Orders[Fault] = field(default_factory=Orders)
    _calls: list[LoggedCall] = field(default_factory=list)
    _places: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _writes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace all faults and let go of requests that hang."""
        self._faults.replace(faults)
        with self._lock:
            released, self._changed = self._changed, threading.Event()
        released.set()

    def take_fault(self, action: str) -> Fault | None:
        """Return the first fault for this action and count it down, or None."""
        return self._faults.take(action)

    def wait(self, seconds: float | None) -> None:
        """Wait this long (None: without end), or until the faults change."""
        with self._lock:
            changed = self._changed
        changed.wait(seconds)

    def deny(self, actions: Iterable[str], account: str = "") -> None:
        """Refuse these actions, in place of former ones, to everybody of one account or of all."""
        self.denied, self.denied_in = tuple(actions), account

    def denies(self, action: str, account: str) -> bool:
        """Return whether this action is refused to everybody of this account."""
        return self.denied_in in ("", account) and any(fnmatchcase(action, pattern) for pattern in self.denied)

    def arrived(self, *, action: str, account: str, region: str, access_key: str, dry_run: bool) -> LoggedCall:
        """Add a call to the log."""
        entry = LoggedCall(action=action, at=datetime.now(UTC), region=region, access_key=access_key, dry_run=dry_run)
        with self._lock:
            self._calls.append(entry)
            self._places.setdefault((account, region), set()).add(action.partition(":")[0])
        return entry

    def places(self) -> list[dict[str, Any]]:
        """Return the accounts and regions in which anybody has called, with the services called there."""
        with self._lock:
            return [
                {"account": account, "region": region, "services": sorted(services)}
                for (account, region), services in sorted(self._places.items())
            ]

    def wrote(self) -> None:
        """Note that something behind the API may have changed."""
        with self._lock:
            self._writes += 1

    def writes(self) -> int:
        """Return how often something may have changed since the start. It never goes back."""
        with self._lock:
            return self._writes

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls so far, in the order in which they arrived."""
        with self._lock:
            return [call.document() for call in self._calls]

    def forget_calls(self) -> None:
        """Empty the call log."""
        with self._lock:
            self._calls.clear()

    def reset(self) -> None:
        """Forget faults, paces, rates, denials, latency, calls and places."""
        self.set_faults([])
        self.paces.replace([])
        self.rates.clear()
        self.deny(())
        self.latency_ms = 0
        self.forget_calls()
        with self._lock:
            self._places.clear()
        self.wrote()
