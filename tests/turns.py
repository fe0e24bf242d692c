"""When calls went out that wait for their turn: a clock without waiting, and how many came within a second."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Time that passes only while somebody sleeps. Safe among threads."""

    now: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.now += seconds


def most_in_a_second(times: list[float]) -> int:
    """Return the largest number of calls within any second."""
    return max(sum(start <= time < start + 1 for time in times) for start in times)
