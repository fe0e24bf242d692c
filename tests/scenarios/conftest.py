"""One pair of far ends for a file's cases, and a diagnosis within this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import Question
from bot.report.json_report import json_report
from bot.sandbox.running import RunningWorld
from bot.settings import load_settings


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    """One pair of far ends, emptied and built anew for each case."""
    with RunningWorld() as running:
        yield running


@pytest.fixture(scope="module")
def diagnose_here(world: RunningWorld) -> Iterator[Callable[[], dict[str, Any]]]:
    """Diagnose and return the JSON report: the same parts, without the second that starting Python costs."""
    before = dict(os.environ)
    os.environ.update(world.environment)
    settings = load_settings(world.directory / "dnsbot.yaml", {})
    sources = SourceBook(settings)
    diagnoser = make_diagnoser(settings, sources)
    yield lambda: dict(json.loads(json.dumps(json_report(diagnoser.run(Question(cluster="cluster-prod"))))))
    sources.close()
    os.environ.clear()
    os.environ.update(before)
