from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.kubernetes.memory import memory_limit
from bot.sandbox.kubernetes.served_cluster import ServedCluster


@pytest.mark.parametrize(
    ("said", "limit"),
    [("170Mi", 178_257_920), ("7Mi", 7_340_032), ("1Gi", 2**30), ("512M", 512_000_000), ("1.5k", 1_500), (4096, 4096)],
)
def test_a_limit_is_read_as_kubernetes_writes_quantities(said: object, limit: int) -> None:
    """By powers of 1024 with an i, of 1000 without."""
    assert memory_limit({"name": "web", "resources": {"limits": {"memory": said}}}) == limit


def test_no_limit_is_none_and_what_is_no_quantity_is_refused() -> None:
    """A limit of processors alone bounds no memory."""
    assert memory_limit({"name": "web", "resources": {"limits": {"cpu": "1"}}}) is None
    with pytest.raises(ValueError, match="'much' of the container web is no quantity"):
        memory_limit({"name": "web", "resources": {"limits": {"memory": "much"}}})


def _limited(served: ServedCluster, memory: str) -> None:
    """Let CoreDNS hold so much, in new pods."""
    held = served.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    template = held["spec"]["template"]
    (container,) = template["spec"]["containers"]
    made = {**container, "resources": {"limits": {"memory": memory}}}
    spec = {**held["spec"], "template": {**template, "spec": {**template["spec"], "containers": [made]}}}
    served.put({**held, "spec": spec})
    served.settle()


def _ends(served: ServedCluster) -> list[tuple[str, int]]:
    statuses: list[dict[str, Any]] = [pod["status"]["containerStatuses"][0] for pod in served.pods("k8s-app=kube-dns")]
    ended = [one["lastState"].get("terminated") for one in statuses]
    return [(one["reason"], one["exitCode"]) for one in ended if one]


def test_a_container_that_may_not_hold_what_its_program_needs_is_killed(served: ServedCluster) -> None:
    """OOMKilled and 137 as a kubelet writes them, again and again; with enough it runs."""
    _limited(served, "70Mi")
    enough = _ends(served)

    _limited(served, "7Mi")

    assert (enough, set(_ends(served))) == ([], {("OOMKilled", 137)})
