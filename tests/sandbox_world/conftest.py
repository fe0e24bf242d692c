"""One pair of far ends for all tests of a module; each test builds its own world in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.running.running_world import RunningWorld


@pytest.fixture(scope="session")
def running() -> Iterator[RunningWorld]:
    """Return a running world; call `restart` for the scenario and seed that the test is about."""
    with RunningWorld(seed=1) as world:
        yield world
