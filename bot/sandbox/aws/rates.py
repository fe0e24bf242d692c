"""How many calls a second an account may make in a region, where the world limits them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from bot.sandbox.aws.orders import Order, Orders
from bot.sandbox.aws.requests import Call


@dataclass(slots=True, kw_only=True)
class Rate(Order):
    """A limit on all calls that `action` matches, together, for each account and region."""

    per_second: float


class Rates:
    """Buckets of calls: a full one holds a second's calls, one at least, and fills with time. Safe for threads."""

    def __init__(self) -> None:
        self.orders: Orders[Rate] = Orders()
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def exceeded(self, call: Call, now: float) -> bool:
        """Return whether this call, at `now` (seconds), is one too many."""
        rate = self.orders.take(call.action)
        if rate is None:
            return False
        key = (rate.action, call.account, call.region)
        with self._lock:
            full = max(rate.per_second, 1.0)
            held, at = self._buckets.get(key, (full, now))
            held = min(full, held + (now - at) * rate.per_second)
            self._buckets[key] = (held - 1 if held >= 1 else held, now)
        return held < 1

    def clear(self) -> None:
        """Limit nothing."""
        self.orders.replace([])
        with self._lock:
            self._buckets.clear()
