from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox.kubernetes.pod_statuses import ContainerState, pod_status

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
SMALL = {"cpu": "100m", "memory": "70Mi"}


@pytest.mark.parametrize(
    ("resources", "said", "quality"),
    [
        pytest.param({}, "", "BestEffort", id="nothing-asked-for"),
        pytest.param({"requests": SMALL}, "", "Burstable", id="requests-alone"),
        pytest.param({"requests": SMALL, "limits": {"memory": "170Mi"}}, "", "Burstable", id="coredns"),
        pytest.param({"limits": SMALL}, "", "Guaranteed", id="limits-alone"),
        pytest.param({"requests": SMALL, "limits": SMALL}, "", "Guaranteed", id="both-alike"),
        pytest.param({"requests": SMALL}, "BestEffort", "BestEffort", id="the-api-server-has-said-it"),
    ],
)
def test_the_class_of_a_pod_follows_from_its_resources_and_never_changes(
    resources: dict[str, Any], said: str, quality: str
) -> None:
    """A real API server refuses a status with another class than the one it gave the pod."""
    status = {"qosClass": said} if said else {}
    pod = {"spec": {"containers": [{"name": "web", "resources": resources}]}, "status": status}

    written = pod_status(
        pod, [ContainerState(name="web", image="web:1")], address="10.0.0.9", node_address="10.0.0.1", now=NOW
    )

    assert written["qosClass"] == quality
