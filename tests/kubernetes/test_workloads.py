from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.kubernetes.events import Event
from bot.kubernetes.rollouts import unfinished
from bot.kubernetes.workloads import RESTARTED_AT, environment, template_annotations


def test_the_pod_template_says_its_annotations_and_variables(daemon_set: Any) -> None:
    """A variable without a value is empty; one that comes from elsewhere is left out."""
    assert template_annotations(daemon_set) == {RESTARTED_AT: "2026-11-19T08:00:00Z"}
    assert environment(daemon_set, "aws-node") == {"ENABLE_POD_ENI": "true", "EMPTY": ""}
    assert environment(daemon_set, "aws-eks-nodeagent") == {}


def test_without_a_template_there_is_nothing_to_say() -> None:
    """Optional members that are absent are empty."""
    assert template_annotations({"spec": {"template": {}}}) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"observedGeneration": 3}, "the change has not been noticed yet"),
        ({"updatedNumberScheduled": 1}, "1 of 3 pods are new"),
        ({"numberReady": 2}, "2 of 3 pods are Ready"),
    ],
    ids=["done", "not noticed", "old pods", "not ready"],
)
def test_a_daemon_set_is_rolled_out_when_every_node_has_its_new_pod(
    daemon_set: Any, changes: dict[str, int], expected: str
) -> None:
    """What is still missing is said in words."""
    daemon_set["status"] |= changes

    assert unfinished("DaemonSet", daemon_set) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"updatedReplicas": 1}, "1 of 2 pods are new"),
        ({"replicas": 3}, "1 old pods are still there"),
        ({"readyReplicas": None}, "0 of 2 pods are Ready"),
    ],
    ids=["done", "old pods", "an old pod beside the new ones", "none ready"],
)
def test_a_deployment_is_rolled_out_when_only_new_pods_are_there_and_ready(
    changes: dict[str, int | None], expected: str
) -> None:
    """As `kubectl rollout status` has it; the API leaves out a number that is zero."""
    status = {"observedGeneration": 7, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2} | changes
    answer = {"metadata": {"generation": 7}, "spec": {"replicas": 2}, "status": status}

    assert unfinished("Deployment", answer) == expected


def test_replicas_that_nobody_set_are_one() -> None:
    """The API's default."""
    answer = {"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1}}

    assert unfinished("StatefulSet", answer) == "0 of 1 pods are new"


@pytest.mark.parametrize(
    ("absent", "count", "last_seen"),
    [
        ((), 31, datetime(2026, 11, 21, 8, 59, 30, 123456, tzinfo=UTC)),
        (("series",), 30, datetime(2026, 11, 21, 8, 59, tzinfo=UTC)),
        (("series", "count", "lastTimestamp"), 1, datetime(2026, 11, 21, 8, tzinfo=UTC)),
    ],
    ids=["a series", "a count", "seen once"],
)
def test_an_event_tells_how_often_and_when_it_was_last_seen(
    event: Any, absent: tuple[str, ...], count: int, last_seen: datetime
) -> None:
    """The newest of the three ways in which events were counted over the years comes first."""
    for key in absent:
        event[key] = None

    found = Event.of(event)

    assert (found.reason, found.count, found.last_seen) == ("BackOff", count, last_seen)
