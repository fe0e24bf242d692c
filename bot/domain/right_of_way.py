"""Who goes first where all threads of the process share one interpreter: what must be answered at once.

Slack waits three seconds for an acknowledgement, which takes some three milliseconds of processor time. Behind fifty
diagnoses each of its steps waits for its turn among hundreds of threads. So the others stop where a cluster, AWS or the
database is to be asked, or has answered, for as long as an acknowledgement is under way.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LONGEST_SECONDS = 2.0
"""So long a call is held up: whoever keeps the bot acknowledging delays diagnoses, and stops none."""

TURN_SECONDS = 0.000_5
"""Python's own is 5 ms."""


@dataclass(slots=True)
class RightOfWay:
    """Holds up what may wait. Safe among threads."""

    longest_seconds: float = LONGEST_SECONDS
    _under_way: int = 0
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _gate: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Go before all that gives way."""
        with self._lock:
            self._under_way += 1
            # somebody who passes holds it for a moment: then the next one closes it
            self._closed = self._closed or self._gate.acquire(blocking=False)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                if self._closed and not self._under_way:
                    self._closed = False
                    self._gate.release()

    @property
    def busy(self) -> bool:
        """Whether something goes first now."""
        return self._under_way > 0

    def give_way(self) -> None:
        """Wait until nothing that goes first is under way; those that waited go on one after the other."""
        if self._closed and self._gate.acquire(timeout=self.longest_seconds):
            self._gate.release()


def take_short_turns() -> None:
    """Let a thread that waits for the interpreter wait a tenth of the usual time for each thread before it."""
    sys.setswitchinterval(TURN_SECONDS)


ACKS = RightOfWay()
"""The process's, as its interpreter is."""
