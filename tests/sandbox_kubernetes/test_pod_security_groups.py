from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import EVERYTHING, daemon_set, deployment, small_cluster
from bot.sandbox.network.branch_interfaces import ANNOTATION, BranchInterface, NoInterface
from bot.sandbox.network.source import FixedNetwork
from bot.sandbox.network.vpc import Group, Permission, Port

MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"
INSIDE = "kubernetes.default.svc.cluster.local."


@dataclass
class Maker:
    """Makes branch interfaces in a VPC that the test owns."""

    network: FixedNetwork | None = None
    made: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Groups by id of the interface."""
    removed: list[str] = field(default_factory=list)
    refusals: int = 0
    """So many further calls are refused."""

    def create(self, instance_id: str, group_ids: Sequence[str]) -> BranchInterface:
        """See `BranchMaker.create`."""
        assert self.network is not None
        if self.refusals:
            self.refusals -= 1
            raise NoInterface("503")
        name, number = f"eni-branch-{len(self.made)}", len(self.made) + 1
        self.made[name] = tuple(group_ids)
        first = next(port for port in self.network.home.ports if port.instance_id == instance_id)
        address = first.primary.rpartition(".")[0] + f".{200 + number}"
        port = Port(
            id=name,
            instance_id="",
            subnet_id=first.subnet_id,
            primary=address,
            secondary=(),
            prefixes=(),
            groups=frozenset(group_ids),
            is_branch=True,
        )
        self.network.home = replace(self.network.home, ports=(*self.network.home.ports, port))
        return BranchInterface(eniId=name, privateIp=address, vlanId=number, subnetCidr="10.0.1.0/24")

    def remove(self, eni_id: str) -> None:
        """See `BranchMaker.remove`."""
        self.removed.append(eni_id)

    def forget(self) -> None:
        """See `BranchMaker.forget`."""


@pytest.fixture
def maker() -> Maker:
    """Return a maker of branch interfaces."""
    return Maker()


@pytest.fixture
def served(maker: Maker) -> Iterator[ServedCluster]:
    """Return the small cluster, in which new pods of `till` get the group `sg-till`, which nodes let in by nothing."""
    served = ServedCluster(branches=maker)
    maker.network = served.network
    nobody = Permission(protocol="-1", from_port=-1, to_port=-1, groups=("sg-nodes",))
    served.home = replace(
        served.home,
        groups={
            "sg-nodes": Group(inbound=(nobody,), outbound=(EVERYTHING,)),
            "sg-till": Group(inbound=(), outbound=(EVERYTHING,)),
        },
    )
    served.put(*small_cluster())
    served.settle()
    yield served
    served.stop()


def policy(*groups: str, **labels: str) -> dict[str, Any]:
    """Return a SecurityGroupPolicy of the namespace `shop`."""
    return {
        "apiVersion": "vpcresources.k8s.aws/v1beta1",
        "kind": "SecurityGroupPolicy",
        "metadata": {"name": "till", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": labels}, "securityGroups": {"groupIds": list(groups)}},
    }


def open_till(served: ServedCluster, *, replicas: int = 2) -> list[dict[str, Any]]:
    """Apply the policy and the application; return its pods."""
    served.put(
        policy("sg-till", app="till"),
        deployment("till", namespace="shop", image="registry/till:1", replicas=replicas),
    )
    served.settle()
    return served.pods("app=till")


def test_a_pod_that_a_policy_selects_gets_an_interface_of_its_own(served: ServedCluster, maker: Maker) -> None:
    """It requests one, is annotated with it, and has its address and the policy's groups."""
    pods = open_till(served)

    found = {json.loads(pod["metadata"]["annotations"][ANNOTATION])[0]["eniId"]: pod for pod in pods}
    assert maker.made == dict.fromkeys(found, ("sg-till",))
    assert len(found) == 2
    for pod in pods:
        (said,) = json.loads(pod["metadata"]["annotations"][ANNOTATION])
        assert pod["status"]["podIP"] == said["privateIp"]
        assert pod["spec"]["containers"][0]["resources"]["requests"][ANNOTATION] == "1"


def test_pods_that_run_already_and_other_pods_keep_what_they_have(served: ServedCluster, maker: Maker) -> None:
    """A policy counts when a pod is created, and for the pods that it selects."""
    running = served.pods(namespace="shop")
    served.put(policy("sg-till", **running[0]["metadata"]["labels"]))
    served.settle()
    assert (len(running), maker.made) == (len(served.pods(namespace="shop")), {})

    till = open_till(served)

    own = {pod["metadata"]["name"] for pod in served.pods() if ANNOTATION in (pod["metadata"].get("annotations") or {})}
    assert own == {pod["metadata"]["name"] for pod in till}


def test_a_pod_waits_until_there_is_an_interface_for_it(served: ServedCluster, maker: Maker) -> None:
    """Where AWS refuses it stays Pending, takes no address of the node's, and is tried again."""
    maker.refusals = 100
    served.put(policy("sg-till", app="till"), deployment("till", namespace="shop", image="registry/till:1", replicas=1))
    served.turn(5)
    (pod,) = served.pods("app=till")
    assert (maker.made, (pod.get("status") or {}).get("podIP")) == ({}, None)
    assert maker.refusals < 100

    maker.refusals = 0
    served.settle()

    (pod,) = served.pods("app=till")
    assert (list(maker.made), pod["status"]["phase"]) == (["eni-branch-0"], "Running")


def test_an_interface_goes_with_its_pod(served: ServedCluster, maker: Maker) -> None:
    """Pods that a rollout replaced leave nothing behind."""
    open_till(served)

    open_till(served, replicas=1)

    assert len(maker.removed) == 1


def test_packets_of_a_branch_interface_are_filtered_even_on_one_node(served: ServedCluster) -> None:
    """Its groups decide, also towards CoreDNS on its own node; a plain pod beside it is not filtered there."""
    till = {pod["spec"]["nodeName"]: pod for pod in open_till(served)}
    shop = {pod["spec"]["nodeName"]: pod for pod in served.pods(namespace="shop") if pod not in till.values()}
    coredns = {pod["spec"]["nodeName"]: pod["status"]["podIP"] for pod in served.pods("k8s-app=kube-dns")}

    for node, pod in till.items():
        assert "timed out" in served.dig(pod, coredns[node], INSIDE)
    for node in shop.keys() & coredns.keys():
        assert "status: NOERROR" in served.dig(shop[node], coredns[node], INSIDE)


def aws_node(mode: str) -> dict[str, Any]:
    """Return aws-node's DaemonSet with an enforcing mode."""
    made = daemon_set("aws-node", "602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.19.2-eksbuild.1")
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": MODE, "value": mode}]
    return made


def answers_on_own_node(served: ServedCluster) -> set[bool]:
    """Return whether CoreDNS on a pod's own node answers the pods of `till`, and nothing on another node does."""
    coredns = {pod["spec"]["nodeName"]: pod["status"]["podIP"] for pod in served.pods("k8s-app=kube-dns")}
    found = set()
    for pod in served.pods("app=till"):
        for node, address in coredns.items():
            text = served.dig(pod, address, INSIDE)
            if node == pod["spec"]["nodeName"]:
                found.add("status: NOERROR" in text)
            else:
                assert "timed out" in text
    return found


def test_in_standard_mode_no_group_filters_within_a_node(served: ServedCluster) -> None:
    """To another node the pod's own groups still decide."""
    served.put(aws_node("standard"))
    served.settle()

    open_till(served)

    assert answers_on_own_node(served) == {True}


def test_a_pod_keeps_the_mode_that_it_was_made_under(served: ServedCluster) -> None:
    """aws-node's change counts for pods that are made after it, one way and the other."""
    served.put(aws_node("strict"))
    open_till(served)
    served.put(aws_node("standard"))
    served.settle()
    assert answers_on_own_node(served) == {False}

    for pod in served.pods("app=till"):
        served.ask("DELETE", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")
    served.settle()

    assert answers_on_own_node(served) == {True}
