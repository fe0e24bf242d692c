"""The deadline of the call that this thread is making.

Sockets, retries and credential lookups far below a client ask here how long they may still wait:
neither urllib3 nor botocore hands a total deadline down to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot.domain.deadline import Deadline

UNLIMITED_SECONDS = 10.0
"""What a wait outside any call may take."""

_LIMIT: ContextVar[Deadline | None] = ContextVar("time_limit", default=None)


@contextmanager
def within(deadline: Deadline) -> Iterator[None]:
    """Bound every wait of this thread inside the block by `deadline`."""
    token = _LIMIT.set(deadline)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def seconds_left() -> float:
    """Return the seconds that a wait may still take. Raises `TimeoutError` when there are none."""
    limit = _LIMIT.get()
    seconds = UNLIMITED_SECONDS if limit is None else limit.remaining()
    if seconds <= 0:
        raise TimeoutError("the deadline of this call has passed")
    return seconds
