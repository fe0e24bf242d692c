"""How often messages are posted: once a second to each channel, as Slack asks. No Slack in here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

CHANNELS_REMEMBERED = 1_000


@dataclass(slots=True, kw_only=True)
class PostRate:
    """Waits before a post for as long as the last one to the same channel is not long enough ago."""

    every_seconds: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _posted: dict[str, float] = field(default_factory=dict)

    def wait(self, channel: str) -> None:
        """Wait until a message may be posted to the channel, and count it."""
        with self._lock:
            now = self.clock()
            free_at = max(now, self._posted.pop(channel, now - self.every_seconds) + self.every_seconds)
            self._posted[channel] = free_at
            while len(self._posted) > CHANNELS_REMEMBERED:
                del self._posted[next(iter(self._posted))]
        if free_at > now:
            self.sleep(free_at - now)
