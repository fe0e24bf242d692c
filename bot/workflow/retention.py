"""Retention: once a day one process deletes what is older than it is kept, a little at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.health import HealthStore
from bot.domain.history import History
from bot.errors import HistoryUnavailable

log = logging.getLogger(__name__)

RETENTION = "retention"
HELD_SECONDS = 600.0
AT_ONCE = 50
"""So many diagnoses a transaction: nobody waits for long to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Deletes evidence and series. Made once, by the composition root."""

    history: History
    store: HealthStore
    owner: str
    evidence: timedelta
    """How long what diagnoses read is kept."""
    series: timedelta
    """How long hours of measurements are kept."""
    stopping: Callable[[], bool] = lambda: False

    def __call__(self) -> None:
        """Delete what is old, unless that was done today or another process does it. For the clock."""
        try:
            self._delete(f"{self.store.now():%Y-%m-%d}")
        except HistoryUnavailable as error:
            log.warning("what is old is not deleted yet", extra={"reason": str(error)})

    def _delete(self, day: str) -> None:
        if not self.store.claim(RETENTION, day, self.owner, seconds=HELD_SECONDS):
            return
        deleted = some = self.history.delete_evidence(self.evidence, most=AT_ONCE)
        while some == AT_ONCE:
            if self.stopping() or not self.store.renew(RETENTION, day, self.owner, seconds=HELD_SECONDS):
                self.store.give_back(RETENTION, day, self.owner)
                return
            some = self.history.delete_evidence(self.evidence, most=AT_ONCE)
            deleted += some
        self.store.forget(hours_older_than=self.series)
        self.store.done(RETENTION, day, self.owner, {"diagnoses": deleted})
        log.info("old evidence deleted", extra={"diagnoses": deleted, "older_than_days": self.evidence.days})
