"""A running world and, in it, a bot whose every call of the database and of a writer can be broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.app import SourceBook, make_diagnoser, writer_opener
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from tests.crash_points.worlds import Bot, Configured
from tests.emptied_history import EmptiedHistory
from tests.environment import environment
from tests.patience import patient
from tests.workflow_approval.conftest import FakeDirectory, SwitchableHistory, World, people


@pytest.fixture(scope="module")
def world(far_ends: RunningWorld) -> Iterator[RunningWorld]:
    """Far ends that are emptied and built anew for each point."""
    with environment(far_ends.environment):
        yield far_ends


@pytest.fixture
def bot(world: RunningWorld, kept_history: EmptiedHistory) -> Iterator[Bot]:
    """A bot in that world, with an empty history."""
    opened: list[SourceBook] = []

    def configured() -> Configured:
        settings = load_settings(world.directory / "dnsbot.yaml", {})
        opened.append(SourceBook(settings))
        return Configured(
            diagnoser=patient(make_diagnoser(settings, opened[-1])),
            open_writers=writer_opener(settings),
            policies=dict(settings.approvals),
        )

    first = configured()
    collectors = first.diagnoser.catalogue.collectors.values()
    real = kept_history.emptied({one.name: one.evidence for one in collectors})
    made = Bot(
        world=World(),
        directory=FakeDirectory(standings=people()),
        history=SwitchableHistory(real),
        fixes={},
        policies={},
        targets={},
        slept=[],
        playbooks={},
        configured=configured,
    )
    made.configure(first)
    yield made
    for sources in opened:
        sources.close()
