"""Holding a repair: its lease is renewed from a thread of its own while the repair runs.

The database's clock decides who holds a repair. Beside it the holder keeps a clock of its own that only moves
forward: a process that was frozen past its lease knows it before it writes anything further.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.domain.history import RENEWED_EVERY_SECONDS, History, Lease
from bot.errors import HistoryUnavailable

log = logging.getLogger(__name__)

STOPPING = "The bot is being stopped: nothing further was begun."
LOST = (
    "This process no longer holds the repair (it was frozen, or the database did not answer for too long): "
    "nothing further was begun."
)


@dataclass(slots=True, kw_only=True)
class Holding:
    """A lease that is kept, and whether the repair may go on."""

    lease: Lease
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    """Whether the process is being stopped."""
    _good_until: float
    _lost: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)
    _renewing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lost(self) -> bool:
        """Whether another process may hold the repair by now."""
        return self._lost or self.clock() >= self._good_until

    def why_stop(self) -> str:
        """Return why no further step may be begun, or an empty text."""
        if self.lost:
            return LOST
        return STOPPING if self.stopping() else ""

    def lose(self) -> None:
        """Know that another process has taken the repair over."""
        self._lost = True
        self._ended.set()

    def renew(self, history: History) -> None:
        """Renew the lease once; a database that does not answer leaves it as it is."""
        asked_at = self.clock()
        try:
            kept = history.renew(self.lease)
        except HistoryUnavailable as error:
            log.warning("lease not renewed", extra={"proposal": self.lease.proposal_id, "reason": str(error)})
            return
        if kept:
            self._good_until = asked_at + self.lease.seconds
        else:
            self.lose()

    def keep(self, history: History, every_seconds: float) -> None:
        """Renew until the repair ends or the lease is lost."""
        while not self._ended.wait(every_seconds):
            with self._renewing:
                if not self._ended.is_set():
                    self.renew(history)

    def end(self) -> None:
        """Renew no more, not even late: once this returns nothing lengthens the lease that is let go or released."""
        self._ended.set()
        with self._renewing:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Holds repairs for this process. Made once, by the composition root."""

    history: History
    owner: str
    """Names this process among all that work on the database."""
    clock: Callable[[], float]
    """Seconds that only move forward (`time.monotonic`)."""
    stopping: Callable[[], bool]
    """Whether the process is being stopped."""
    renewed_every_seconds: float = RENEWED_EVERY_SECONDS

    @contextmanager
    def hold(self, lease: Lease, asked_at: float) -> Iterator[Holding]:
        """Yield the holding of a lease, renewed until the block ends.

        `asked_at`: what `clock` said before the lease was asked for; it is good from then on at the longest.
        """
        good_until = asked_at + lease.seconds
        holding = Holding(lease=lease, clock=self.clock, stopping=self.stopping, _good_until=good_until)
        name = f"lease {lease.proposal_id}"
        arguments = (self.history, self.renewed_every_seconds)
        threading.Thread(target=holding.keep, args=arguments, name=name, daemon=True).start()
        try:
            yield holding
        finally:
            holding.end()
