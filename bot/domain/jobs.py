"""The port to whatever runs work outside the thread that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol


class Lane(StrEnum):
    """Kinds of work that must not starve one another: each lane has threads of its own."""

    QUICK = "quick"
    """Seconds at most: decisions, history, help, modals, single chat messages."""
    DIAGNOSE = "diagnose"
    """Up to a diagnosis's deadline, a minute by default."""
    REPAIR = "repair"
    """Minutes: steps of an approved plan, roll-outs, verification."""


class Jobs(Protocol):
    """Runs named work. Nothing here is durable: what must survive a crash stands in the history's journal."""

    def submit(self, lane: Lane, key: str, work: Callable[[], None]) -> bool:
        """Queue `work` and return True; False when `key` is queued or running already, or the queue has stopped.

        The same key may be submitted again once its work has ended.
        """
        ...

    def stop(self, *, grace_seconds: float) -> tuple[str, ...]:
        """Take no more work, drop what has not begun, wait up to `grace_seconds`; return the keys still running."""
        ...
