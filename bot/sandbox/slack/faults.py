"""Answers that go wrong on demand: rate limits, errors, lost connections, slowness."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """How a call goes wrong."""

    RATE_LIMITED = "rate limited"
    """429 with Retry-After; nothing is done."""
    ERROR = "error"
    """`ok: false` with the error named; nothing is done."""
    LOST_ANSWER = "lost answer"
    """The call is done, then the connection closes without an answer."""
    DOWN = "down"
    """500; nothing is done."""
    SLOW = "slow"
    """The call is done, `seconds` later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFault:
    """One way for calls of one method to go wrong, a number of times."""

    method: str
    """`chat.postMessage`, `response_url`, or `*` for all."""
    kind: FaultKind
    times: int = 1
    """How many calls it meets; negative: all."""
    passes: int = 0
    """How many calls go well before it meets the first."""
    retry_after_seconds: int = 1
    error: str = "internal_error"
    seconds: float = 0.0


class Faults:
    """The faults that are still to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[WebFault, int, int]] = []
        """Each with how many calls it still lets pass, and how many it still meets."""

    def add(self, fault: WebFault) -> None:
        """Let the next calls meet this fault."""
        with self._lock:
            self._left.append((fault, fault.passes, fault.times))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._left.clear()

    def take(self, method: str) -> WebFault | None:
        """Return the fault that this call meets, if any, and count it."""
        with self._lock:
            for index, (fault, passes, left) in enumerate(self._left):
                if fault.method not in {"*", method} or left == 0:
                    continue
                if passes:
                    self._left[index] = (fault, passes - 1, left)
                    continue
                self._left[index] = (fault, 0, left - 1)
                return fault
        return None
