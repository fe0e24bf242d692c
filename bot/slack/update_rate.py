"""How often messages are updated: at most once per 3 s each, and 40 times a minute in all. No Slack in here."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

PER_MESSAGE_SECONDS = 3.0
SHARED_PER_MINUTE = 40
MESSAGES_REMEMBERED = 1_000


class UpdateRate:
    """Says whether progress may be sent now. What is not allowed is dropped: the next one says more."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()
        self._last: dict[str, float] = {}

    def allows(self, message: str) -> bool:
        """Return whether `message` may be updated now, and count it if so."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            if len(self._sent) >= SHARED_PER_MINUTE:
                return False
            if now - self._last.get(message, -PER_MESSAGE_SECONDS) < PER_MESSAGE_SECONDS:
                return False
            self._count(message, now)
            return True

    def spend(self, message: str) -> None:
        """Count an update that must be sent whatever the budget says: a final report, a decided card."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            self._count(message, now)

    def _forget(self, now: float) -> None:
        while self._sent and now - self._sent[0] >= 60:  # noqa: PLR2004  # seconds in a minute
            self._sent.popleft()

    def _count(self, message: str, now: float) -> None:
        self._sent.append(now)
        self._last.pop(message, None)
        self._last[message] = now
        while len(self._last) > MESSAGES_REMEMBERED:
            del self._last[next(iter(self._last))]
