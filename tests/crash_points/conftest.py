"""A running world and, in it, a bot whose every call of the database and of a writer can be broken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app import SourceBook, make_diagnoser, writer_opener
from bot.history import migrate, open_history
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from tests.crash_points.worlds import Bot, Configured
from tests.patience import patient
from tests.workflow_approval.conftest import FakeDirectory, SwitchableHistory, World, people


@pytest.fixture(scope="module")
def world(far_ends: RunningWorld) -> Iterator[RunningWorld]:
    """Far ends that are emptied and built anew for each point."""
    before = dict(os.environ)
    os.environ.update(far_ends.environment)
    yield far_ends
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def bot(world: RunningWorld, tmp_path: Path) -> Iterator[Bot]:
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
    url = f"sqlite:///{tmp_path / 'history.db'}"
    migrate(url)
    real = open_history(url, {one.name: one.evidence for one in first.diagnoser.catalogue.collectors.values()})
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
    real.close()
