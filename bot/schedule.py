"""The clock: APScheduler 3 with a memory store, and nothing but ticks.

What a tick does is handed in; it keeps no state here, so a missed tick is made good by the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from types import TracebackType
from typing import Self

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)


class Clock:
    """Calls functions at intervals, each at most once at a time, from a thread of its own."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(timezone=UTC, daemon=True)

    def every(self, name: str, tick: Callable[[], object], *, interval: timedelta = EVERY) -> None:
        """Call `tick` each `interval`, the first time one interval after `start`.

        A tick that raises is logged by APScheduler and called again at its next time. Ticks that were
        missed (a suspended machine) are made up for by one call.
        """
        self._scheduler.add_job(
            tick,
            IntervalTrigger(seconds=interval.total_seconds(), timezone=UTC),
            id=name,
            name=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
        log.info("tick planned", extra={"tick": name, "every_seconds": interval.total_seconds()})

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; waits for a tick that is being served."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def __enter__(self) -> Self:
        """Start the clock."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the clock."""
        self.stop()
