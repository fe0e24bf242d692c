"""How resources come to be, change and go: at once, after a while, or not at all, as the world has ordered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bot.sandbox.aws.clock import WorldClock
from bot.sandbox.aws.orders import Order, Orders

Become: TypeAlias = Callable[[str, str], None]
"""become(status, message): write both where the API shows them."""


@dataclass(slots=True, kw_only=True)
class Pace(Order):
    """How long a change takes that a call of this action begins, in seconds of the world, and how it ends."""

    seconds: float = 0.0
    fails: str = ""
    """Why it fails in the end; empty: it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The statuses of one change, in the words of the API."""

    during: str
    after: str
    """Empty: nothing is left that could have a status."""
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """The statuses of a kind of resource."""

    create: Phase
    update: Phase
    delete: Phase


class Changes:
    """Lets resources go through their changes."""

    def __init__(self, clock: WorldClock, paces: Orders[Pace]) -> None:
        self._clock, self._paces = clock, paces

    def begin(self, action: str, phase: Phase, become: Become, done: Callable[[], object] = lambda: None) -> None:
        """Begin a change that a call of `action` asked for; `done` carries it out when the time has come."""
        pace = self._paces.take(action) or Pace(action=action)
        become(phase.during, "")

        def end() -> None:
            if pace.fails:
                become(phase.failed, pace.fails)
                return
            done()
            if phase.after:
                become(phase.after, "")

        self._clock.later(pace.seconds, end)
