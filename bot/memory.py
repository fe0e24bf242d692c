"""How the process takes memory: rarely looked through, and given back soon."""

from __future__ import annotations

import atexit
import ctypes
import gc

NEW_OBJECTS_BEFORE_A_LOOK = 200_000
"""Python looks for circular garbage whenever 700 objects more were made than let go. A diagnosis of 3,000 nodes makes a
million that are none, and looking through them time and again was a third of its work."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of mallopt(3)."""
_LARGE_BYTES = 256 * 1024
"""A block of this size goes back to the system at once. glibc raises that limit to 32 MB with the first large answer
that is let go, and keeps what follows; each thread keeps its own."""
_FEW_ARENAS = 2


def take_little_memory() -> None:
    """Set the process's allocators; where the C library is not glibc, only Python's own.

    At its end the process lets go of everything at once: Python would look for circular garbage among all that was
    made, and then among what it imported, which is a seventh of a small diagnosis.
    """
    gc.set_threshold(NEW_OBJECTS_BEFORE_A_LOOK, 20, 100)
    atexit.register(gc.freeze)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, _FEW_ARENAS)
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)


def leave_what_was_loaded() -> None:
    """Never look for circular garbage among what was made so far.

    Start-up makes nearly as many objects as it takes for a look; the one that came in the midst of a small diagnosis,
    through modules that stay, was a thirtieth of its work.
    """
    gc.freeze()
