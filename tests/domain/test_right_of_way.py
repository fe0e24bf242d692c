from __future__ import annotations

import threading
import time

import pytest

from bot.domain.right_of_way import RightOfWay


def begun(way: RightOfWay) -> threading.Event:
    """Let somebody give way, and return what tells that they went on."""
    went_on = threading.Event()

    def work() -> None:
        way.give_way()
        went_on.set()

    threading.Thread(target=work, daemon=True).start()
    return went_on


def test_work_waits_until_the_last_of_what_goes_first_has_ended() -> None:
    """All of it goes on then, and is not held up any more."""
    way = RightOfWay(longest_seconds=60)

    with way.first():
        with way.first():
            waiting = [begun(way) for _ in range(5)]
            assert way.busy
        assert not any(one.wait(0.05) for one in waiting)

    assert all(one.wait(30) for one in waiting)
    assert not way.busy
    assert begun(way).wait(30)


def test_work_waits_no_longer_than_it_may() -> None:
    """Whoever keeps the bot acknowledging stops nothing, and nobody goes on at once as if nothing were under way."""
    way = RightOfWay(longest_seconds=0.1)

    with way.first():
        before = time.monotonic()
        way.give_way()
        waited = time.monotonic() - before
        assert begun(way).wait(30)

    assert waited >= 0.09


def test_fault_of_what_goes_first_lets_work_go_on() -> None:
    """The way is free again whatever happens."""
    way = RightOfWay(longest_seconds=60)

    with pytest.raises(LookupError), way.first():
        raise LookupError

    assert begun(way).wait(30)


def test_one_that_begins_while_somebody_passes_leaves_the_next_to_close_the_way() -> None:
    """What goes first never waits for what gives way."""
    way = RightOfWay(longest_seconds=60)
    way._gate.acquire()  # noqa: SLF001  # somebody passes

    with way.first():
        way._gate.release()  # noqa: SLF001
        assert begun(way).wait(30)
        with way.first():
            held = begun(way)
            assert not held.wait(0.05)

    assert held.wait(30)
