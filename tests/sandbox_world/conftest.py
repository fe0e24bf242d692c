"""One pair of far ends for all tests; each test builds its own world in it."""

from __future__ import annotations

import pytest

from bot.sandbox.running.running_world import RunningWorld


@pytest.fixture(scope="session")
def running(far_ends: RunningWorld) -> RunningWorld:
    """Return a running world; call `restart` for the scenario and seed that the test is about."""
    return far_ends
