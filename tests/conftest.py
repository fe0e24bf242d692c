"""The order of the whole suite, and the far ends that many of its files build their worlds in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.sandbox.running.running_world import RunningWorld
from tests.emptied_history import EmptiedHistory

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if "CI" not in os.environ:  # there hypothesis takes a profile of its own, which is as patient
    settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that hold slow tests first, those with the longest limits and the most of them before the others.

    A file is one worker's: the last one to begin decides when all are done.
    """
    slow: dict[Path, list[float]] = {}
    for item in items:
        if item.get_closest_marker("slow"):
            limit = item.get_closest_marker("timeout")
            slow.setdefault(item.path, []).append(limit.args[0] if limit else 0)
    items.sort(key=lambda item: (-max(slow.get(item.path, [-1])), -len(slow.get(item.path, ()))))


@pytest.fixture(scope="session")
def far_ends() -> Iterator[RunningWorld]:
    """One pair of far ends, to be emptied and built anew (`restart`): starting a pair takes seconds."""
    with RunningWorld(nodes=2) as running:
        yield running


@pytest.fixture(scope="session")
def kept_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmptiedHistory]:
    """One open history, to be emptied for each test."""
    kept = EmptiedHistory(tmp_path_factory.mktemp("history"))
    yield kept
    kept.close()
