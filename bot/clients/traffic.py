"""How much went over the wire."""

from __future__ import annotations

import threading
from collections.abc import Mapping


class WireTraffic:
    """Counts requests, and the bytes of their bodies in both directions. Implements `ports.Traffic`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._bytes = 0

    def count(self, *, sent_bytes: int, received_bytes: int) -> None:
        """Add one request."""
        with self._lock:
            self._calls += 1
            self._bytes += sent_bytes + received_bytes

    def totals(self) -> Mapping[str, int]:
        """Return `calls` (requests sent) and `bytes` (of bodies, both directions) so far."""
        with self._lock:
            return {"calls": self._calls, "bytes": self._bytes}
