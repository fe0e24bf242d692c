"""Last words that the history did not take yet: kept in memory, and handed to it until it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.json_values import JsonObject


@dataclass(slots=True)
class Unsettled:
    """What notes are to say. Safe among threads; it ends with the process, which the outbox then says."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _bodies: dict[str, JsonObject] = field(default_factory=dict)

    def put(self, key: str, body: JsonObject) -> None:
        """Keep what a note is to say."""
        with self._lock:
            self._bodies[key] = body

    def hand_over(self, settle: Callable[[str, JsonObject], None]) -> None:
        """Let the history have everything. Raises what `settle` raises; the rest is kept then."""
        with self._lock:
            for key in list(self._bodies):
                settle(key, self._bodies[key])
                del self._bodies[key]
