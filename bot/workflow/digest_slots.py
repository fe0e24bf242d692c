"""When digests are due, and that each is made by one process.

The database's clock says what time it is, and its rows who makes a digest: a slot is held while that goes on, and
taken over where its process ended. What is posted is a note of the outbox whose key is the slot's: said a second time,
by a process that was only slow, it changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.domain.digests import DigestSchedule
from bot.domain.health import HealthStore
from bot.errors import HistoryUnavailable

log = logging.getLogger(__name__)

HELD_SECONDS = 60.0
RENEWED_EVERY_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDigest:
    """A digest that is to be made now."""

    schedule: DigestSchedule
    slot: str
    """The local time that it is for."""

    @property
    def key(self) -> str:
        """The same in every process."""
        return f"{self.schedule.name} {self.slot}"


def due_digests(schedules: Sequence[DigestSchedule], store: HealthStore) -> tuple[DueDigest, ...]:
    """Return the newest slot of each schedule that is no older than its grace, made or not."""
    if not schedules:
        return ()
    now = store.now()
    found = ((one, one.cron.newest(now, ZoneInfo(one.timezone), within=one.grace)) for one in schedules)
    return tuple(DueDigest(schedule=one, slot=slot.name) for one, slot in found if slot is not None)


@contextmanager
def holding(
    store: HealthStore,
    due: DueDigest,
    owner: str,
    *,
    seconds: float = HELD_SECONDS,
    every_seconds: float = RENEWED_EVERY_SECONDS,
) -> Iterator[bool]:
    """Hold a slot for as long as the block takes; False: another process holds it, or it is done.

    Where the block did not end it, the slot may be taken again at once.
    """
    name, slot = due.schedule.name, due.slot
    if not store.claim(name, slot, owner, seconds=seconds):
        yield False
        return
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(every_seconds):
            try:
                if not store.renew(name, slot, owner, seconds=seconds):
                    return
            except HistoryUnavailable as error:
                log.warning("a digest's slot is not renewed", extra={"slot": slot, "reason": str(error)})

    keeper = threading.Thread(target=renew, name=f"hold {name}", daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        ended.set()
        keeper.join()
        _let_go(store, name, slot, owner)


def _let_go(store: HealthStore, name: str, slot: str, owner: str) -> None:
    try:
        store.give_back(name, slot, owner)
    except HistoryUnavailable as error:
        log.warning("a digest's slot is not given back; it runs out", extra={"slot": slot, "reason": str(error)})
