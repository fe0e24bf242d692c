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

THREADS: Mapping[Lane, int] = MappingProxyType({Lane.QUICK: 8, Lane.DIAGNOSE: 16, Lane.REPAIR: 4})
"""Threads a lane may have. A diagnosis mostly waits on sockets, so more of them than cores."""


class InProcessJobs:
    """Bounded threads for each lane; a key runs once at a time."""

    def __init__(self, *, threads: Mapping[Lane, int] = THREADS) -> None:
        self._pools = {
            lane: ThreadPoolExecutor(max_workers=threads[lane], thread_name_prefix=f"job-{lane}") for lane in Lane
        }
        self._lock = threading.Lock()
        self._futures: dict[str, Future[None]] = {}
        self._stopped = False

    def submit(self, lane: Lane, key: str, work: Callable[[], None]) -> bool:
        """Queue `work` under `key`; False when that key is queued or running, or after `stop`."""
        with self._lock:
            if self._stopped or key in self._futures:
                return False
            future = self._pools[lane].submit(work)
            self._futures[key] = future
        future.add_done_callback(lambda ended: self._ended(key, ended))
        return True

    def running(self) -> tuple[str, ...]:
        """Return the keys that are queued or running now, sorted."""
        with self._lock:
            return tuple(sorted(self._futures))

    def stop(self, *, grace_seconds: float) -> tuple[str, ...]:
        """Take no more work, cancel what has not begun, wait for the rest; return the keys still running.

        Threads cannot be killed: what is named in the answer ends with its own deadlines.
        """
        with self._lock:
            self._stopped = True
            futures = dict(self._futures)
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        started_at = time.monotonic()
        wait_for([future for future in futures.values() if not future.cancelled()], timeout=grace_seconds)
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
            self._futures.pop(key, None)
