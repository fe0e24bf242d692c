"""Keeps calls within what an account may make a second in a region, before AWS refuses them.

Route 53 and Route 53 Resolver take five requests a second from an account (Route 53 Developer Guide, "Quotas":
"Maximums on API requests"), whoever sends them; Resolver counts each region by itself. CloudTrail takes two lookups of
events a second in a region (CloudTrail API Reference, LookupEvents), CloudWatch 50 reads of metrics (CloudWatch User
Guide, "CloudWatch service quotas"). EC2 counts each operation by itself: a read's bucket holds 100 and gets 20 more a
second (EC2 Developer Guide, "Request throttling"); the 20 are kept to, so that what people's own tools need at once is
left in it. Of EKS no number is published; ten a second of each operation are kept to. All clusters of one process that
share an account wait for one another here. Of the process's own identity no account is known beforehand: what it sends
is counted by itself, and beside a role of the same account AWS's own throttling decides.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.clients.time_limit import seconds_left
from bot.errors import SourceTimeout

CALLS_A_SECOND = {"route53resolver": 5, "route53": 5, "cloudtrail": 2, "cloudwatch": 50}
"""Of each service that is kept to it."""
CALLS_A_SECOND_OF_EACH = {"ec2": 20, "eks": 10}
"""Of each operation of a service."""
_WINDOW_SECONDS = 1.05
"""A second, and what requests may gain on one another on their way."""
_SPARE_SECONDS = 0.2
"""Time that must be left for the answer, or the wait is not worth it."""


@dataclass(slots=True)
class Pace:
    """The turns of one process. Safe among threads."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _turns: dict[tuple[str, str, str], deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, service: str, account: str, region: str, operation: str = "") -> None:
        """Return when it is this request's turn. Raises `SourceTimeout` where that comes after the thread's limit."""
        most = CALLS_A_SECOND.get(service) or CALLS_A_SECOND_OF_EACH.get(service)
        if most is None:
            return
        called = service if service in CALLS_A_SECOND else f"{service}:{operation}"
        left = seconds_left() - _SPARE_SECONDS
        with self._lock:
            now = self.clock()
            turns = self._turns.setdefault((called, account, region), deque(maxlen=most))
            at = max(now, turns[0] + _WINDOW_SECONDS) if len(turns) == most else now
            if at - now > left:
                whose = f"account {account}" if account else "the bot's own account"
                where = f"{region} of {whose}" if region else whose
                raise SourceTimeout(
                    f"Cannot call {called} in {where} in time: {most} requests a second are kept to there, "
                    f"and the next turn is in {at - now:.1f} s. Ask again in a minute."
                )
            turns.append(at)
        if at > now:
            self.sleep(at - now)
