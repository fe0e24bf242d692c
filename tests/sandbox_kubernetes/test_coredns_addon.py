from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster

PATH = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
AFFINITY: dict[str, Any] = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}


class Eks:
    """Stands for EKS: what it wants, and what it was told."""

    def __init__(self) -> None:
        self.wanted: Mapping[str, Any] | None = {}
        self.told: list[dict[str, str]] = []

    async def variables(self, addon: str) -> Mapping[str, str] | None:
        """See `AddonSource.variables`."""
        del addon
        return None

    async def configuration(self, addon: str) -> Mapping[str, Any] | None:
        """See `AddonSource.configuration`."""
        return self.wanted if addon == "coredns" else None

    async def tell(self, addon: str, changed: Mapping[str, str]) -> bool:
        """See `AddonSource.tell`."""
        assert addon == "coredns"
        self.told.append(dict(changed))
        return True

    async def refused(self, addon: str, message: str) -> bool:
        """See `AddonSource.refused`."""
        raise AssertionError((addon, message))

    def forget(self) -> None:
        """See `AddonSource.forget`."""


@pytest.fixture
def eks() -> Eks:
    """Return an EKS whose add-on sets nothing."""
    return Eks()


@pytest.fixture
def served(eks: Eks) -> Iterator[ServedCluster]:
    """Return the small cluster with two nodes."""
    served = ServedCluster(addons=eks)
    served.put(*small_cluster())
    served.settle()
    yield served
    served.stop()


def pods(served: ServedCluster) -> list[str]:
    """Return the names of CoreDNS's pods."""
    return [pod["metadata"]["name"] for pod in served.pods("k8s-app=kube-dns")]


def test_the_deployment_follows_the_add_on_and_is_rolled(served: ServedCluster, eks: Eks) -> None:
    """What the configuration names is set; what it names no longer is EKS's default again."""
    before = pods(served)

    eks.wanted = {"affinity": AFFINITY, "replicaCount": 3}
    served.get(PATH)
    served.settle()

    found = served.get(PATH)["spec"]
    assert (found["template"]["spec"]["affinity"], found["replicas"]) == (AFFINITY, 3)
    assert set(before).isdisjoint(pods(served))
    eks.wanted = {}
    found = served.get(PATH)["spec"]
    assert ("affinity" in found["template"]["spec"], found["replicas"]) == (False, 2)


@pytest.mark.parametrize(("scaled", "replicas"), [({"minReplicas": 4, "maxReplicas": 9}, 4), ({}, 2)])
def test_eks_scales_it_where_it_is_told_to(
    served: ServedCluster, eks: Eks, scaled: dict[str, int], replicas: int
) -> None:
    """By nodes and cores, within the limits."""
    eks.wanted = {"autoScaling": {"enabled": True, **scaled}}
    served.get(PATH)
    served.settle()

    assert served.get(PATH)["spec"]["replicas"] == replicas
    assert len(pods(served)) == replicas


def test_what_others_set_stays_and_eks_is_told(served: ServedCluster, eks: Eks) -> None:
    """Nothing is overwritten until EKS wants another value for it."""
    served.patch(PATH, {"spec": {"template": {"spec": {"affinity": AFFINITY}}}})
    served.settle()
    served.get(PATH)

    assert eks.told == [{"affinity": json.dumps(AFFINITY)}]
    eks.wanted = {"affinity": {}}
    assert served.get(PATH)["spec"]["template"]["spec"]["affinity"] == {}


def test_a_constraint_that_holds_keeps_a_second_pod_of_a_rollout_off_a_node(served: ServedCluster) -> None:
    """Two nodes, two pods, one on each, whatever the old ones are on; a third would be one too many for none."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        "matchLabelKeys": ["pod-template-hash"],
    }
    first = served.pods("k8s-app=kube-dns")[0]["spec"]["nodeName"]
    others = [node["metadata"]["name"] for node in served.get("/api/v1/nodes")["items"]]
    served.patch(PATH, {"spec": {"template": {"spec": {"topologySpreadConstraints": [constraint]}}}})
    served.settle()

    assert sorted(pod["spec"]["nodeName"] for pod in served.pods("k8s-app=kube-dns")) == sorted(others)
    assert first in others


CONFIG = "/api/v1/namespaces/kube-system/configmaps/coredns"
COREFILE = ".:53 {\n    log\n    errors\n    ready\n    kubernetes cluster.local\n    reload\n}\n"


def test_the_config_map_follows_the_corefile_of_the_configuration(served: ServedCluster, eks: Eks) -> None:
    """EKS writes it, the pods reload it, and it goes when the configuration no longer names it."""
    former = served.get(CONFIG)["data"]["Corefile"]

    eks.wanted = {"corefile": COREFILE}
    written = served.get(CONFIG)
    eks.wanted = {}

    assert written["data"]["Corefile"] == COREFILE
    assert "eks" in {one["manager"] for one in written["metadata"]["managedFields"]}
    assert served.get(CONFIG)["data"]["Corefile"] == former


def test_eks_is_told_who_edited_the_corefile_by_hand(served: ServedCluster, eks: Eks) -> None:
    """What others wrote stays; EKS decides whether that is a conflict."""
    served.patch(CONFIG, {"data": {"Corefile": COREFILE}})
    served.settle()
    served.get(CONFIG)

    assert json.loads(eks.told[-1]["corefile"]) == COREFILE
    assert served.get(CONFIG)["data"]["Corefile"] == COREFILE
