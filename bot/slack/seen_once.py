"""Each delivery of Slack takes effect once, however often it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bot.errors import HistoryUnavailable

REMEMBERED = 10_000


class SeenOnce:
    """Remembers delivery keys in the history, and the newest in memory for when the history is down."""

    def __init__(self, once: Callable[[str], bool], seen: Callable[[str], bool]) -> None:
        self._once, self._kept = once, seen
        self._lock = threading.Lock()
        self._seen: dict[str, None] = {}

    def seen(self, key: str) -> bool:
        """Return whether `first` was told of `key`; memory alone decides while the history does not answer."""
        with self._lock:
            if key in self._seen:
                return True
        try:
            return self._kept(key)
        except HistoryUnavailable:
            return False

    def first(self, key: str, *, without_history: bool) -> bool:
        """Return True the first time `key` is seen.

        When the history does not answer: memory alone decides if `without_history` is true (looking needs
        no record), else `HistoryUnavailable` goes on (nothing is approved or changed unrecorded).
        """
        with self._lock:
            if key in self._seen:
                return False
            self._seen[key] = None
            while len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        try:
            return self._once(key)
        except HistoryUnavailable:
            if without_history:
                return True
            with self._lock:
                self._seen.pop(key, None)
            raise
