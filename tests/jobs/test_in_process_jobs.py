from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from bot.domain.jobs import Lane
from bot.jobs.in_process import InProcessJobs


@pytest.fixture
def jobs() -> Iterator[InProcessJobs]:
    """Jobs with two threads a lane, stopped afterwards."""
    made = InProcessJobs(threads={Lane.QUICK: 2, Lane.DIAGNOSE: 2, Lane.REPAIR: 2})
    yield made
    made.stop(grace_seconds=5)


def test_same_key_twice_runs_once(jobs: InProcessJobs) -> None:
    """A key that is still running is not taken a second time."""
    go = threading.Event()
    ran: list[int] = []

    def work() -> None:
        go.wait(5)
        ran.append(1)

    taken = [jobs.submit(Lane.QUICK, "repair:1", work), jobs.submit(Lane.QUICK, "repair:1", work)]
    go.set()
    jobs.stop(grace_seconds=5)

    assert taken == [True, False]
    assert ran == [1]


def test_key_may_come_again_when_its_work_has_ended(jobs: InProcessJobs) -> None:
    """A key is free again once its work is done."""
    first = threading.Event()
    second = threading.Event()

    jobs.submit(Lane.QUICK, "progress", first.set)
    assert first.wait(5)
    while jobs.running():
        threading.Event().wait(0.005)
    taken = jobs.submit(Lane.QUICK, "progress", second.set)

    assert taken
    assert second.wait(5)


def test_full_lane_delays_no_other_lane(jobs: InProcessJobs) -> None:
    """Fifty hanging diagnoses leave decisions and repairs running."""
    hang = threading.Event()
    decided = threading.Event()
    repaired = threading.Event()
    for number in range(50):
        assert jobs.submit(Lane.DIAGNOSE, f"diagnose:{number}", lambda: void(hang.wait(10)))

    jobs.submit(Lane.QUICK, "decide", decided.set)
    jobs.submit(Lane.REPAIR, "repair", repaired.set)

    assert decided.wait(3)
    assert repaired.wait(3)
    hang.set()


def test_stop_waits_for_what_runs_and_drops_what_has_not_begun() -> None:
    """Stopping drains: running work ends, queued work never starts, new work is refused."""
    jobs = InProcessJobs(threads={Lane.QUICK: 1, Lane.DIAGNOSE: 1, Lane.REPAIR: 1})
    begun = threading.Event()
    go = threading.Event()
    ended: list[str] = []

    def running() -> None:
        begun.set()
        go.wait(5)
        ended.append("running")

    jobs.submit(Lane.QUICK, "running", running)
    jobs.submit(Lane.QUICK, "queued", lambda: ended.append("queued"))
    assert begun.wait(5)
    threading.Timer(0.05, go.set).start()
    begun_at = time.monotonic()
    left = jobs.stop(grace_seconds=5)

    assert left == ()
    assert time.monotonic() - begun_at < 4
    assert ended == ["running"]
    assert not jobs.submit(Lane.QUICK, "late", lambda: ended.append("late"))


def test_stop_names_what_outlives_its_grace() -> None:
    """Work that does not end in time is named, not waited for."""
    jobs = InProcessJobs(threads={Lane.QUICK: 1, Lane.DIAGNOSE: 1, Lane.REPAIR: 1})
    begun = threading.Event()
    go = threading.Event()

    def slow() -> None:
        begun.set()
        go.wait(10)

    jobs.submit(Lane.REPAIR, "repair:slow", slow)
    assert begun.wait(5)
    left = jobs.stop(grace_seconds=0.05)
    go.set()

    assert left == ("repair:slow",)


def test_work_that_raises_is_logged_and_frees_its_key(jobs: InProcessJobs, caplog: pytest.LogCaptureFixture) -> None:
    """An error inside work reaches the log with the key, and the next work runs."""
    after = threading.Event()

    def broken() -> None:
        message = "the far end is gone"
        raise OSError(message)

    with caplog.at_level(logging.ERROR, logger="bot.jobs.in_process"):
        jobs.submit(Lane.QUICK, "broken", broken)
        while jobs.running():
            after.wait(0.005)
        jobs.submit(Lane.QUICK, "broken", after.set)

    assert after.wait(5)
    assert [record.message for record in caplog.records] == ["job ended by an error"]


def void(_: object) -> None:
    """Drop a value."""


def test_work_that_ends_while_the_rest_is_dropped_is_no_error() -> None:
    """Between the list of what runs and the wait for it a job may end, and is known no more."""
    jobs = InProcessJobs(threads={Lane.QUICK: 1, Lane.DIAGNOSE: 1, Lane.REPAIR: 1})
    begun, go = threading.Event(), threading.Event()

    def running() -> None:
        begun.set()
        go.wait(5)

    class EndsItMeanwhile(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            """Let the running job end as soon as the queued one is dropped."""
            if record.getMessage() != "job dropped before it began":
                return
            go.set()
            until = time.monotonic() + 5
            while "running" in jobs.running() and time.monotonic() < until:
                time.sleep(0.005)

    jobs.submit(Lane.DIAGNOSE, "running", running)
    assert begun.wait(5)
    jobs.submit(Lane.DIAGNOSE, "queued", begun.set)
    handler = EndsItMeanwhile()
    logging.getLogger("bot.jobs.in_process").addHandler(handler)

    left = jobs.stop(grace_seconds=5)

    logging.getLogger("bot.jobs.in_process").removeHandler(handler)
    assert left == ()
