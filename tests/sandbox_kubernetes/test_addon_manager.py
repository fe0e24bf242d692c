from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import daemon_set, small_cluster
from bot.sandbox.world.cluster_objects import addon_manager

MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"
PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"
BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks:addon-cluster-admin"
MANAGER = addon_manager()


@dataclass
class Eks:
    """Stands for EKS: what it wants, and what it was told."""

    wanted: Mapping[str, str] | None = field(default_factory=dict)
    told: list[dict[str, str]] = field(default_factory=list)
    coredns: Mapping[str, Any] | None = None
    """What the add-on coredns is configured with."""
    told_of_coredns: list[dict[str, str]] = field(default_factory=list)
    away: bool = False
    refusals: dict[str, str] = field(default_factory=dict)
    """What it was last told that the cluster refuses, by add-on."""

    async def variables(self, addon: str) -> Mapping[str, str] | None:
        """See `AddonSource.variables`."""
        assert addon == "vpc-cni"
        return self.wanted

    async def configuration(self, addon: str) -> Mapping[str, Any] | None:
        """See `AddonSource.configuration`."""
        assert addon == "coredns"
        return self.coredns

    async def tell(self, addon: str, changed: Mapping[str, str]) -> bool:
        """See `AddonSource.tell`."""
        told = {"vpc-cni": self.told, "coredns": self.told_of_coredns}[addon]
        if not self.away:
            told.append(dict(changed))
        return not self.away

    async def refused(self, addon: str, message: str) -> bool:
        """See `AddonSource.refused`."""
        self.refusals[addon] = message
        return True

    def forget(self) -> None:
        """See `AddonSource.forget`."""


@pytest.fixture
def eks() -> Eks:
    """Return an EKS whose add-on sets no variable."""
    return Eks()


@pytest.fixture
def served(eks: Eks) -> Iterator[ServedCluster]:
    """Return the small cluster with aws-node on both nodes."""
    served = ServedCluster(addons=eks)
    served.put(*small_cluster(), daemon_set("aws-node", "registry/amazon-k8s-cni:v1.19.2-eksbuild.1"))
    served.settle()
    yield served
    served.stop()


def variables(served: ServedCluster) -> dict[str, str]:
    """Return aws-node's variables as the API shows them, but the one that every container of these tests has."""
    containers: list[dict[str, Any]] = served.get(PATH)["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in containers[0]["env"] if one["name"] != "A"}


def set_by_hand(served: ServedCluster, value: str) -> None:
    """Set the mode as `kubectl set env` does."""
    container = {"name": "aws-node", "env": [{"name": MODE, "value": value}]}
    served.patch(PATH, {"spec": {"template": {"spec": {"containers": [container]}}}})


def test_the_daemon_set_follows_the_add_on_and_is_rolled(served: ServedCluster, eks: Eks) -> None:
    """Whoever looks sees what EKS wants; its pods are made anew; what is no longer wanted goes."""
    before = {pod["metadata"]["name"] for pod in served.pods("k8s-app=aws-node")}

    eks.wanted = {MODE: "standard"}

    assert variables(served) == {MODE: "standard"}
    served.settle()
    assert before.isdisjoint(pod["metadata"]["name"] for pod in served.pods("k8s-app=aws-node"))
    eks.wanted = {}
    assert variables(served) == {}


def test_what_others_set_stays_and_eks_is_told(served: ServedCluster, eks: Eks) -> None:
    """It is told again until it hears, and nothing is overwritten; only what EKS sets is its own again."""
    eks.away = True
    set_by_hand(served, "strict")
    served.turn(2)
    assert (variables(served), eks.told) == ({MODE: "strict"}, [])

    eks.away = False
    served.settle()
    served.get(PATH)

    assert (variables(served), eks.told) == ({MODE: "strict"}, [{MODE: "strict"}])
    eks.wanted = {MODE: "standard"}  # EKS was told to overwrite it
    served.get(PATH)
    served.get(PATH)
    assert (variables(served), eks.told[-1]) == ({MODE: "standard"}, {})


def test_without_the_add_on_the_daemon_set_is_its_owners(served: ServedCluster, eks: Eks) -> None:
    """Nobody sets anything back."""
    eks.wanted = None
    set_by_hand(served, "standard")
    served.settle()

    assert variables(served) == {MODE: "standard"}


def test_without_its_binding_the_manager_changes_nothing_and_eks_is_told(served: ServedCluster, eks: Eks) -> None:
    """Who deletes the ClusterRoleBinding that EKS made with the cluster stops it; who makes it anew lets it go on."""
    served.put(*MANAGER)
    served.settle()
    assert eks.refusals == {}

    served.ask("DELETE", BINDING)
    eks.wanted = {MODE: "standard"}

    assert variables(served) == {}
    assert set(eks.refusals) == {"coredns", "kube-proxy", "vpc-cni"}
    assert 'User "eks:addon-manager" cannot patch resource "daemonsets"' in eks.refusals["vpc-cni"]
    served.put(*MANAGER)
    assert variables(served) == {MODE: "standard"}
    assert set(eks.refusals.values()) == {""}
