"""How much the answers to one call may hold, all its pages together.

botocore hands nothing down to the exchange far below it; like the deadline (`time_limit`) this is the thread's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Room:
    """What is left of it."""

    bytes_left: int
    parts_left: int
    """Objects, arrays, members and items."""


_ROOM: ContextVar[Room | None] = ContextVar("room", default=None)


@contextmanager
def in_room(room: Room) -> Iterator[None]:
    """Let every answer to this thread inside the block take of `room`."""
    token = _ROOM.set(room)
    try:
        yield
    finally:
        _ROOM.reset(token)


def room_left() -> Room | None:
    """Return the room of the call that this thread is making; None: it has no other bound than that of each answer."""
    return _ROOM.get()
