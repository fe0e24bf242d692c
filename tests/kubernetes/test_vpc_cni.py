from __future__ import annotations

from typing import Any

import pytest

from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.kubernetes.owners import manager_of
from bot.kubernetes.vpc_cni import AwsNode, AwsNodePod, version_of


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.19.2-eksbuild.1", (1, 19, 2)),
        ("registry:5000/amazon-k8s-cni:v1.9.0@sha256:0123", (1, 9, 0)),
        ("amazon-k8s-cni:1.11", (1, 11, 0)),
        ("amazon-k8s-cni:latest", ()),
        ("registry:5000/amazon-k8s-cni", ()),
        ("amazon-k8s-cni@sha256:0123", ()),
    ],
)
def test_the_version_is_that_of_the_tag(image: str, version: tuple[int, ...]) -> None:
    """A digest or a registry's port is none, and versions are compared as numbers."""
    assert version_of(image) == version
    assert version_of("cni:v1.9.0") < (1, 11) < version_of("cni:v1.19.0")


def daemon_set(*env: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return aws-node's DaemonSet with these variables."""
    containers: list[dict[str, Any]] = [
        {"name": "nodeagent", "image": "agent:v1"},
        {"name": "aws-node", "image": "cni:v1.19.2", "env": list(env)},
    ]
    return {
        "metadata": {"name": "aws-node", "uid": "uid-1", **metadata},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


@pytest.mark.parametrize(
    ("value", "mode"),
    [("standard", EnforcingMode.STANDARD), ("strict", EnforcingMode.STRICT), ("Standard", EnforcingMode.STRICT)],
)
def test_the_mode_is_the_variable_of_its_own_container(value: str, mode: EnforcingMode) -> None:
    """What the VPC CNI does not know counts as strict; a pod says what it was started with."""
    found = daemon_set(
        {"name": ENFORCING_MODE, "value": value}, {"name": "AWS_VPC_K8S_CNI_EXTERNALSNAT", "value": "true"}
    )
    pod = {
        "metadata": {"name": "aws-node-x", "creationTimestamp": "2026-11-20T08:59:00Z"},
        "spec": {"nodeName": "node-1", **found["spec"]["template"]["spec"]},
    }

    aws_node = AwsNode.of(found)

    assert (aws_node.mode, aws_node.enforces, aws_node.external_snat, aws_node.uid) == (value, mode, True, "uid-1")
    assert (AwsNodePod.of(pod).mode, AwsNodePod.of(pod).node) == (mode, "node-1")


def test_a_variable_that_is_absent_or_comes_from_elsewhere_has_no_value() -> None:
    """The one is strict; where the other comes from is said."""
    elsewhere = {"name": ENFORCING_MODE, "valueFrom": {"configMapKeyRef": {"name": "cni", "key": "mode"}}}

    assert (AwsNode.of(daemon_set()).mode, AwsNode.of(daemon_set()).mode_from) == ("", "")
    assert (AwsNode.of(daemon_set(elsewhere)).mode, AwsNode.of(daemon_set(elsewhere)).mode_from) == (
        "",
        "configMapKeyRef",
    )


@pytest.mark.parametrize(
    ("metadata", "manager"),
    [
        ({}, ""),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        (
            {"annotations": {"meta.helm.sh/release-name": "cni", "meta.helm.sh/release-namespace": "kube-system"}},
            "Helm release cni in kube-system",
        ),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "network:apps/DaemonSet:kube-system/aws-node"}},
            "Argo CD application network",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "network"}}, "Argo CD application network"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "base"}}, "Flux Kustomization base"),
        (
            {
                "labels": {"helm.toolkit.fluxcd.io/name": "cni"},
                "annotations": {"meta.helm.sh/release-name": "cni"},
            },
            "Flux HelmRelease cni",
        ),
    ],
)
def test_who_manages_the_object_is_read_from_what_tools_put_there(metadata: dict[str, Any], manager: str) -> None:
    """Whoever runs the tool comes before the tool that it runs."""
    assert manager_of(daemon_set(**metadata)) == manager
