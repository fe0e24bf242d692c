"""Far ends for a file's cases, and a diagnosis within this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.report.json_report import json_report
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from bot.workflow.diagnose import Diagnoser
from tests.environment import environment
from tests.patience import patient

EVERYTHING = Question(cluster="cluster-prod")


@pytest.fixture(scope="module")
def world(far_ends: RunningWorld) -> RunningWorld:
    """Far ends that are emptied and built anew for each case."""
    return far_ends


@pytest.fixture(scope="module")
def run_here(world: RunningWorld) -> Iterator[Callable[..., Diagnosis]]:
    """Diagnose: the same parts as the command, without the second that starting Python costs.

    Without a question everything is looked at, and the names that the scenario is about are asked.
    """
    opened: list[SourceBook] = []

    def make() -> Diagnoser:
        settings = load_settings(world.directory / "dnsbot.yaml", {})
        opened.append(SourceBook(settings))
        return patient(make_diagnoser(settings, opened[-1]))

    alone = cache(make)

    def run(asked: Question | None = None) -> Diagnosis:
        """Look at the world as it is configured; what was assumed in a peer's account ends with that world."""
        diagnoser = make() if world.scenario.elsewhere else alone()
        return diagnoser.run(asked or replace(EVERYTHING, names=world.scenario.names))

    with environment(world.environment):
        yield run
        for sources in opened:
            sources.close()


@pytest.fixture(scope="module")
def diagnose_here(run_here: Callable[[], Diagnosis]) -> Callable[[], dict[str, Any]]:
    """Diagnose and return the JSON report."""
    return lambda: dict(json.loads(json.dumps(json_report(run_here()))))


@pytest.fixture(scope="module")
def seen(world: RunningWorld, run_here: Callable[[], Diagnosis]) -> Callable[[str, int], Diagnosis]:
    """Build a scenario's world and diagnose it; what was seen once is not looked at again."""

    @cache
    def diagnosed(scenario: str, seed: int) -> Diagnosis:
        world.restart(scenario=scenario, seed=seed)
        return run_here()

    return diagnosed
