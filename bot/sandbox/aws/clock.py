"""The time in the simulated AWS, which a world may let pass, and what is to come."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime


class WorldClock:
    """The machine's time and what was let pass besides. Not thread-safe: whoever holds the cloud's lock may use it."""

    def __init__(self, happened: Callable[[], None]) -> None:
        """Call `happened` whenever something that was to come has come."""
        self._happened = happened
        self._ahead = 0.0
        self._to_come: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def reset(self) -> None:
        """Forget what is to come and what was let pass."""
        self._ahead = 0.0
        self._to_come.clear()

    def now(self) -> float:
        """Return the time by which things come, in seconds since 1970: ahead of the machine's by what was let pass."""
        return time.time() + self._ahead

    @staticmethod
    def stamp() -> float:
        """Return the time that a resource shows, in seconds since 1970: the machine's, so that none is of tomorrow."""
        return time.time()

    @staticmethod
    def stamp_text() -> str:
        """Return the same in ISO 8601."""
        return datetime.now(UTC).isoformat()

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._ahead += seconds

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do `act` after so many seconds, when somebody looks (`settle`); 0: now."""
        if seconds <= 0:
            act()
        else:
            heapq.heappush(self._to_come, (self.now() + seconds, next(self._numbers), act))

    def settle(self) -> None:
        """Do what has come due, in the order in which it did."""
        while self._to_come and self._to_come[0][0] <= self.now():
            _, _, act = heapq.heappop(self._to_come)
            act()
            self._happened()
