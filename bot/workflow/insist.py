"""What must reach the history after an effect is tried again for a while: the effect is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.errors import HistoryUnavailable

T = TypeVar("T")

PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


def insist(call: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Return what `call` gives; where the database does not answer, try again for about 15 seconds."""
    for pause_seconds in PAUSES_SECONDS:
        try:
            return call()
        except HistoryUnavailable:
            sleep(pause_seconds)
    return call()
