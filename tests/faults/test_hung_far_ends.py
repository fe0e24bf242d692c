from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import Question
from bot.domain.findings import Verdict
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from tests.environment import environment

pytestmark = pytest.mark.slow
DEADLINE_SECONDS = 3.0
START_SECONDS = 20.0
"""What starting Python and loading both clients may take on a busy machine; no part of the promise."""


@pytest.fixture(scope="module")
def silent() -> Iterator[RunningWorld]:
    """A world whose far ends take every call and never answer."""
    with RunningWorld(scenario="healthy", seed=3) as world, environment(world.environment):
        hang = [{"action": "*", "kind": "hang", "times": None, "seconds": 600}]
        world.aws_control("POST", "faults", hang)
        world.kubernetes_control("POST", "faults", hang)
        yield world


def test_process_is_gone_when_nobody_answers(silent: RunningWorld) -> None:
    """`dnsbot diagnose` ends within its deadline and two seconds, with every check UNKNOWN and exit 3."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bot", "diagnose", "cluster-prod", "--deadline", "3s", "--output", "json",
         "--config", str(silent.directory / "dnsbot.yaml")],
        env={**os.environ, "DATABASE_URL": f"sqlite:///{silent.directory}/history.db"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    took_seconds = time.monotonic() - started

    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert report["coverage"]["ran"] == 0
    assert took_seconds < DEADLINE_SECONDS + 2 + START_SECONDS


def test_hundred_hung_diagnoses_leave_no_threads(silent: RunningWorld) -> None:
    """A hundred diagnoses of a silent cluster all end by their deadline, and their threads with them."""
    settings = load_settings(silent.directory / "dnsbot.yaml", {})
    sources = SourceBook(settings)
    diagnoser = make_diagnoser(settings, sources, deadline_seconds=DEADLINE_SECONDS)
    diagnoser.run(Question(cluster="cluster-prod"))
    before = threading.active_count()
    verdicts: list[Verdict] = []

    runs = [
        threading.Thread(target=lambda: verdicts.append(diagnoser.run(Question(cluster="cluster-prod")).verdict))
        for _ in range(100)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    limit = time.monotonic() + 15
    while threading.active_count() > before and time.monotonic() < limit:
        time.sleep(0.05)

    assert verdicts == [Verdict.UNKNOWN] * 100
    assert threading.active_count() <= before
    sources.close()
