"""The job port on threads of this process. One process only; nothing survives a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from types import MappingProxyType

from bot.domain.jobs import Lane

log = logging.getLogger(__name__)

THREADS: Mapping[Lane, int] = MappingProxyType({Lane.QUICK: 8, Lane.DIAGNOSE: 16, Lane.REPAIR: 4, Lane.SEND: 8})
"""Threads a lane may have. A diagnosis mostly waits on sockets, so more of them than cores."""


LAST_WORDS_SECONDS = 5.0
"""How long messages may still be sent when all other work has ended."""


class InProcessJobs:
    """Bounded threads for each lane; a key runs once at a time."""

    def __init__(self, *, threads: Mapping[Lane, int] = THREADS) -> None:
        most = {**THREADS, **threads}
        self._pools = {
            lane: ThreadPoolExecutor(max_workers=most[lane], thread_name_prefix=f"job-{lane}") for lane in Lane
        }
        self._lock = threading.Lock()
        self._futures: dict[str, Future[None]] = {}
        self._lanes: dict[str, Lane] = {}
        self._again: dict[str, tuple[Lane, Callable[[], None]]] = {}
        self._stopped: frozenset[Lane] = frozenset()

    def submit(self, lane: Lane, key: str, work: Callable[[], None], *, again: bool = False) -> bool:
        """Queue `work` under `key`; False when that key is queued or running, or after `stop`.

        `again`: where the key is taken, the work is queued when that has ended.
        """
        with self._lock:
            if lane in self._stopped:
                return False
            if key in self._futures:
                if again:
                    self._again[key] = (lane, work)
                return False
            future = self._begin(lane, key, work)
        future.add_done_callback(lambda ended: self._ended(key, ended))
        return True

    def _begin(self, lane: Lane, key: str, work: Callable[[], None]) -> Future[None]:
        future = self._pools[lane].submit(work)
        self._futures[key], self._lanes[key] = future, lane
        return future

    def running(self) -> tuple[str, ...]:
        """Return the keys that are queued or running now, sorted."""
        with self._lock:
            return tuple(sorted(self._futures))

    def stop(self, *, grace_seconds: float) -> tuple[str, ...]:
        """Take no more work, cancel what has not begun, wait for the rest; return the keys still running.

        What ends meanwhile may still say so: messages are sent last. Threads cannot be killed: what is named in the
        answer ends with its own deadlines.
        """
        started_at = time.monotonic()
        others, last = frozenset(Lane) - {Lane.SEND}, frozenset({Lane.SEND})
        for lanes, seconds in ((others, grace_seconds), (last, LAST_WORDS_SECONDS)):
            with self._lock:
                self._stopped |= lanes
                futures = dict(self._futures)
                theirs = [one for key, one in futures.items() if self._lanes[key] in lanes]
            for lane in lanes:
                self._pools[lane].shutdown(wait=False, cancel_futures=True)
            wait_for([one for one in theirs if not one.cancelled()], timeout=seconds)
        left = tuple(sorted(key for key, future in futures.items() if not future.done()))
        log.info("jobs stopped", extra={"left": left, "waited_ms": int((time.monotonic() - started_at) * 1000)})
        return left

    def _ended(self, key: str, future: Future[None]) -> None:
        """Log how it ended, then let the key go: who sees it gone can read the log."""
        if future.cancelled():
            log.warning("job dropped before it began", extra={"job": key})
        elif error := future.exception():
            log.error("job ended by an error", extra={"job": key}, exc_info=error)
        with self._lock:
            del self._futures[key], self._lanes[key]
            again = self._again.pop(key, None)
            if again is None or again[0] in self._stopped:
                return
            following = self._begin(again[0], key, again[1])
        following.add_done_callback(lambda ended: self._ended(key, ended))
