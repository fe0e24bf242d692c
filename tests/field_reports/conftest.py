"""Far ends for all reports, and a diagnosis within this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import Question
from bot.report.json_report import json_report
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from tests.environment import environment
from tests.field_reports.field import Field
from tests.field_reports.report import Report
from tests.field_reports.told import ToldSources
from tests.patience import patient


@pytest.fixture(scope="module")
def running(far_ends: RunningWorld) -> Iterator[RunningWorld]:
    """Far ends that are emptied and built anew for each report."""
    with environment(far_ends.environment):
        yield far_ends


@pytest.fixture
def diagnosed(running: RunningWorld) -> Callable[[Report], dict[str, Any]]:
    """Arrange a report, diagnose it with every playbook of `diagnose`, and return the JSON report."""

    def run(report: Report) -> dict[str, Any]:
        running.restart(scenario=report.scenario, seed=1, nodes=report.nodes)
        running.operator.time_passes(3_600)  # it has stood for an hour
        field = Field(running)
        report.arrange(field)
        running.settle()
        settings = load_settings(running.directory / "dnsbot.yaml", {})
        book = SourceBook(settings)
        diagnoser = make_diagnoser(settings, lambda target: ToldSources(book(target), field.told, field.nodes))
        found = patient(diagnoser).run(Question(cluster="cluster-prod", pod=report.pod, names=report.names))
        book.close()
        return dict(json.loads(json.dumps(json_report(found))))

    return run
