from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import update

from bot.history import open_history
from bot.history.health import SqlHealth
from bot.history.tables import queues
from tests.history.processes.digest_process import POINTS, SCHEDULE, make, posted, slot_of

PATIENCE_SECONDS = 240.0
"""Nothing is timed: a machine under load may take its time."""


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < limit, "it did not come to hold"
        time.sleep(0.02)


def test_a_digest_whose_process_is_killed_at_any_point_is_posted_once(url: str, tmp_path: Path) -> None:
    """Between claim and post, and between post and the row that says so: another process ends what is missing."""
    module = "tests.history.processes.digest_process"
    started = {
        point: subprocess.Popen(
            [sys.executable, "-m", module, url, str(tmp_path), point], cwd=Path(__file__).parents[3]
        )
        for point in POINTS
    }
    for point, victim in started.items():
        until((tmp_path / point).exists)
        victim.kill()
        victim.wait()
    history = open_history(url, {})
    with history.database.writing() as connection:
        connection.execute(update(queues).values(sender_until=None))  # they run out after 40 s
    store, ended = SqlHealth(database=history.database), ("done", "tried", "posted")

    for point in POINTS:
        due = slot_of(point)
        if point in ended:
            assert not make(history, tmp_path, "heir", due)
        else:
            until(partial(make, history, tmp_path, "heir", due))
        assert not make(history, tmp_path, "third", due)
        assert not store.claim(SCHEDULE.name, due.slot, "third", seconds=60)

    by = {point: posted(tmp_path, slot_of(point).key) for point in POINTS}
    assert by == {point: ["victim" if point == "posted" else "heir"] for point in POINTS}
    assert history.unsent() == 0
    history.close()
