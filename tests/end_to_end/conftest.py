"""A broken world, a local Slack with people in it, and the real bot between them, each a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.running.running_world import RunningWorld
from tests.end_to_end.office import Office, opened


@pytest.fixture(scope="session")
def world() -> Iterator[RunningWorld]:
    """Return a world whose cluster security group lets no DNS through, built once."""
    with RunningWorld(scenario="security-group", seed=5, nodes=3) as running:
        yield running


@pytest.fixture(scope="session")
def shared_office(world: RunningWorld) -> Iterator[Office]:
    """Return an office in HTTP mode, opened once."""
    with opened(world) as office:
        yield office


@pytest.fixture
def office(shared_office: Office) -> Office:
    """Return the shared office with the world broken anew."""
    shared_office.breaks()
    return shared_office
