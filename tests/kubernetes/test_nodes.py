from __future__ import annotations

from typing import Any

import pytest

from bot.kubernetes.nodes import COMPUTE_TYPE, Compute, Node, Taint


def test_a_node_with_all_that_the_api_says(node: Any) -> None:
    """Instance, first internal address, group, zone, taints, system and readiness."""
    found = Node.of(node)

    assert found == Node(
        name="node-1",
        provider_id="aws:///eu-west-1a/i-1",
        internal_ip="10.0.1.5",
        node_group="blue",
        zone="eu-west-1a",
        ready=True,
        compute=Compute.MANAGED,
        taints=(Taint(key="dedicated", value="dns", effect="NoSchedule"),),
        os="windows",
    )
    assert found.instance_id == "i-1"


def test_a_node_of_which_only_the_name_is_known() -> None:
    """A node that has just registered has no address, and is not ready."""
    found = Node.of({"metadata": {"name": "node-1"}})

    assert (found.internal_ip, found.instance_id, found.ready, found.os) == ("", "", False, "linux")


@pytest.mark.parametrize(
    ("labels", "provider_id", "compute", "instance_id", "runs_kube_proxy"),
    [
        ({"eks.amazonaws.com/nodegroup": "blue"}, "aws:///eu-west-1a/i-1", Compute.MANAGED, "i-1", True),
        ({"karpenter.sh/nodepool": "default"}, "aws:///eu-west-1a/i-1", Compute.SELF_MANAGED, "i-1", True),
        ({}, "aws:///eu-west-1a/i-1", Compute.SELF_MANAGED, "i-1", True),
        ({COMPUTE_TYPE: "fargate"}, "", Compute.FARGATE, "", False),
        ({}, "aws:///eu-west-1a/abc/fargate-ip-10-0-1-9", Compute.FARGATE, "", False),
        (
            {COMPUTE_TYPE: "auto", "karpenter.sh/nodepool": "system"},
            "aws:///eu-west-1a/i-1",
            Compute.AUTO,
            "i-1",
            False,
        ),
        ({COMPUTE_TYPE: "hybrid"}, "", Compute.HYBRID, "", True),
        ({}, "eks-hybrid:///eu-west-1/cluster-prod/mi-1", Compute.HYBRID, "", True),
    ],
    ids=[
        "managed",
        "Karpenter",
        "self-managed",
        "Fargate by label",
        "Fargate by id",
        "Auto Mode",
        "hybrid by label",
        "hybrid by id",
    ],
)
def test_kinds_of_compute(
    node: Any,
    labels: dict[str, str],
    provider_id: str,
    compute: Compute,
    instance_id: str,
    runs_kube_proxy: bool,  # noqa: FBT001  # one column of a table
) -> None:
    """Labels and the provider's id tell what runs a node, which instance it is, and whether kube-proxy covers it."""
    node["metadata"]["labels"] = labels
    node["spec"]["providerID"] = provider_id

    found = Node.of(node)

    assert (found.compute, found.instance_id) == (compute, instance_id)
    assert found.compute.runs_kube_proxy is runs_kube_proxy


@pytest.mark.parametrize(
    ("labels", "group"),
    [
        ({"eks.amazonaws.com/nodegroup": "", "karpenter.sh/nodepool": "default"}, "default"),
        ({"alpha.eksctl.io/nodegroup-name": "ng-1"}, "ng-1"),
        ({}, ""),
    ],
    ids=["an empty label names nothing", "eksctl", "none"],
)
def test_the_group_is_the_first_that_a_label_names(node: Any, labels: dict[str, str], group: str) -> None:
    """EKS's own label comes before those of eksctl and Karpenter."""
    node["metadata"]["labels"] = labels

    assert Node.of(node).node_group == group


@pytest.mark.parametrize(
    ("taint", "expected"),
    [
        ({"key": COMPUTE_TYPE, "value": "fargate", "effect": "NoSchedule"}, True),
        ({"key": COMPUTE_TYPE, "value": "other", "effect": "NoSchedule"}, False),
        ({"key": COMPUTE_TYPE, "effect": "NoSchedule"}, False),
    ],
    ids=["Fargate's", "another value", "no value"],
)
def test_fargates_taint_is_known(node: Any, taint: dict[str, str], *, expected: bool) -> None:
    """By key and value: the effect does not matter."""
    node["spec"]["taints"] = [taint]

    assert Node.of(node).takes_fargate_pods_only is expected
