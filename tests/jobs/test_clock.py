from __future__ import annotations

import threading
from datetime import timedelta

from bot.schedule import Clock


def test_clock_ticks_again_and_again_and_survives_a_tick_that_raises() -> None:
    """A tick that raises is called again at its next time."""
    calls: list[int] = []
    three = threading.Event()

    def tick() -> None:
        calls.append(1)
        if len(calls) == 1:
            message = "the database did not answer"
            raise OSError(message)
        if len(calls) == 3:
            three.set()

    clock = Clock()
    clock.every("expire", tick, interval=timedelta(milliseconds=20))
    with clock:
        assert three.wait(5)
    stopped_at = len(calls)
    threading.Event().wait(0.1)

    assert len(calls) == stopped_at
