from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.errors import ClusterMismatch
from bot.sandbox.slack import Seen, as_text
from bot.slack.watching import watch_clusters
from tests.slack.samples import TARGET, finding, sample_diagnosis

if TYPE_CHECKING:
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

CHANNEL, RULE = "C0123456789", "dns_blocked_by_security_group"


@pytest.fixture
def script(script: Script) -> Script:
    """One watched cluster with a critical problem, and one that nobody watches."""
    script.targets["cluster-prod"] = replace(TARGET, watch_seconds=300)
    return script


def look(stage: Stage, times: int = 1) -> None:
    """Let so many looks become due, one after the other."""
    for _ in range(times):
        with stage.script.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE watches SET looked_at = '2026-01-01 00:00:00.000000'")
        watch_clusters(stage.bot.tools)
        stage.quiet()


def told(stage: Stage) -> list[Seen]:
    """Return what the channel was told."""
    return stage.slack.person("ben").sees(CHANNEL)


def healthy(*arguments: Any) -> Diagnosis:
    """Return a diagnosis that finds it well."""
    return replace(sample_diagnosis(*arguments), id="d-well", findings=(finding(RULE, Verdict.HEALTHY, "Open."),))


def test_critical_problem_is_told_once_and_its_end_in_the_same_thread(stage: Stage) -> None:
    """When two looks found it, and when two found it well; nothing is proposed."""
    look(stage)
    assert told(stage) == []
    look(stage, times=3)

    (message,) = told(stage)
    assert "New: cluster-prod: DNS is blocked by a security group" in as_text(message)
    assert [one.cluster for one in stage.script.diagnosed] == ["cluster-prod"] * 4

    stage.script.make = healthy
    look(stage, times=3)

    _, end = told(stage)
    assert end.thread_ts == message.ts
    assert "Resolved: cluster-prod: DNS is blocked by a security group" in as_text(end)
    assert stage.script.repaired == []


def test_looks_that_find_the_same_stay_out_of_the_history(stage: Stage) -> None:
    """One that finds something else is there."""
    look(stage, times=3)
    first = [one.verdict for one in stage.script.history.recent("cluster-prod")]
    stage.script.make = healthy
    look(stage, times=3)

    assert first == [Verdict.PROBLEM]
    assert [one.verdict for one in stage.script.history.recent("cluster-prod")].count(Verdict.PROBLEM) == 1
    assert len(stage.script.history.recent("cluster-prod")) == 2


def test_cluster_that_cannot_be_looked_at_is_told_of(stage: Stage) -> None:
    """It must not pass for one in which nothing is wrong; a cluster that is seen again is told of, too."""

    def refuse(*_: Any) -> Diagnosis:
        message = "The Kubernetes credentials lead to another cluster."
        raise ClusterMismatch(message)

    stage.script.make = refuse
    look(stage, times=3)
    stage.script.make = healthy
    look(stage, times=2)

    first, second = map(as_text, told(stage))
    assert "New: cluster-prod: The cluster cannot be watched: looks at it fail" in first
    assert "The Kubernetes credentials lead to another cluster." in first
    assert "Resolved: cluster-prod: The cluster cannot be watched" in second


def test_what_is_muted_is_not_told(stage: Stage) -> None:
    """It is told when that is over."""
    stage.script.muted = frozenset({RULE})
    look(stage, times=3)
    assert told(stage) == []

    stage.script.muted = frozenset()
    look(stage, times=2)
    assert len(told(stage)) == 1


def test_the_message_offers_a_diagnosis_that_answers_in_its_thread(stage: Stage) -> None:
    """Whoever may ask presses it."""
    look(stage, times=2)
    (message,) = told(stage)

    stage.slack.person("ben").clicks(message, "Diagnose cluster-prod")
    stage.quiet()

    assert message.ts in [one.thread_ts for one in told(stage)]
    assert len(stage.script.diagnosed) == 3
