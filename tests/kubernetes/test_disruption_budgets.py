from __future__ import annotations

from typing import Any

import pytest

from bot.kubernetes.disruption_budgets import DisruptionBudget, down_at_once


def _controller(replicas: int, strategy: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {} if strategy is None else {"strategy": strategy, "updateStrategy": strategy}
    return {"spec": {"replicas": replicas, **told}, "status": {"desiredNumberScheduled": replicas}}


def _rolling(**members: Any) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": members}


@pytest.mark.parametrize(
    ("kind", "answer", "down"),
    [
        pytest.param("Deployment", _controller(10), 2, id="deployment-25-percent-rounded-down"),
        pytest.param("Deployment", _controller(3), 0, id="small-deployment-surges"),
        pytest.param("Deployment", _controller(4, _rolling(maxUnavailable=3)), 3, id="deployment-number"),
        pytest.param("Deployment", _controller(3, _rolling(maxUnavailable="30%", maxSurge=0)), 1, id="both-nought"),
        pytest.param("Deployment", _controller(5, {"type": "Recreate"}), 5, id="deployment-recreate"),
        pytest.param("StatefulSet", _controller(5), 1, id="stateful-set"),
        pytest.param("StatefulSet", _controller(5, _rolling(maxUnavailable="30%")), 2, id="stateful-set-rounded-up"),
        pytest.param("DaemonSet", _controller(30), 1, id="daemon-set"),
        pytest.param("DaemonSet", _controller(30, _rolling(maxUnavailable="10%")), 3, id="daemon-set-percent"),
        pytest.param("DaemonSet", _controller(30, _rolling(maxSurge=1, maxUnavailable=0)), 0, id="daemon-set-surges"),
    ],
)
def test_a_rollout_takes_down_as_many_pods_as_its_strategy_says(kind: str, answer: dict[str, Any], down: int) -> None:
    """Percentages are rounded as each controller rounds them; a Deployment of which both are nought takes down one."""
    assert down_at_once(kind, answer) == down


def _expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        pytest.param({"matchLabels": {"app": "ui"}}, True, id="label"),
        pytest.param({"matchLabels": {"app": "ui", "tier": "back"}}, False, id="one-label-differs"),
        pytest.param({}, True, id="empty-selects-all"),
        pytest.param(None, False, id="none-selects-nothing"),
        pytest.param(_expression("app", "In", "db", "ui"), True, id="in"),
        pytest.param(_expression("app", "NotIn", "ui"), False, id="not-in"),
        pytest.param(_expression("zone", "NotIn", "a"), True, id="not-in-without-the-label"),
        pytest.param(_expression("tier", "Exists"), True, id="exists"),
        pytest.param(_expression("tier", "DoesNotExist"), False, id="does-not-exist"),
    ],
)
def test_a_budget_is_of_the_pods_that_its_selector_selects(selector: Any, selects: bool) -> None:  # noqa: FBT001
    """As the API selects by labels; a status that is not there yet allows nothing."""
    answer = {"metadata": {"namespace": "shop", "name": "ui"}, "spec": {"selector": selector}}

    found = DisruptionBudget.of(answer)

    assert found.selects({"app": "ui", "tier": "front"}) is selects
    assert found.allowed == 0
