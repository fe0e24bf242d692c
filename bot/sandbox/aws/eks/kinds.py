"""What belongs to a cluster: add-ons, node groups, Fargate profiles; each as EKS describes a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.life_cycle import LifeCycle, Phase
from bot.sandbox.aws.requests import Call

Document: TypeAlias = dict[str, Any]
"""A resource, as its description shows it."""

ADDON_VERSIONS = {
    "coredns": ("v1.11.4-eksbuild.2", "v1.11.4-eksbuild.10"),
    "kube-proxy": ("v1.32.0-eksbuild.2",),
    "vpc-cni": ("v1.19.2-eksbuild.1",),
}
"""Those that a cluster of the sandbox may have; the first is the default one."""

CLUSTER = LifeCycle(
    create=Phase(during="CREATING", after="ACTIVE", failed="FAILED"),
    update=Phase(during="UPDATING", after="ACTIVE", failed="ACTIVE"),
    delete=Phase(during="DELETING", after="", failed="FAILED"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing that a cluster has."""

    path: str
    """In control routes."""
    operation: str
    """How operations name one of them: `Create…`, `Describe…`, `Delete…`, and with an s `List…`."""
    member: str
    """In which member of an answer it stands."""
    name_member: str
    listed_as: str
    missing: str
    """What is said of one that is not there."""
    life: LifeCycle
    new: Callable[[Call, Document, Asked], Document]
    """Describes a new one of the cluster, without times and status."""


def _arn(call: Call, kind: str, cluster: Document, name: str) -> str:
    return f"arn:aws:eks:{call.region}:{call.account}:{kind}/{cluster['name']}/{name}/{mock_random.uuid4()}"


def _addon(call: Call, cluster: Document, asked: Asked) -> Document:
    name = asked["addonName"]
    created = {
        "addonVersion": asked.get("addonVersion") or ADDON_VERSIONS.get(name, ("v1.0.0-eksbuild.1",))[0],
        "addonArn": _arn(call, "addon", cluster, name),
    }
    if asked.get("configurationValues"):
        created["configurationValues"] = asked["configurationValues"]
    return created


def _node_group(call: Call, cluster: Document, asked: Asked) -> Document:
    name, version = asked["nodegroupName"], cluster["version"]
    return {
        "nodegroupArn": _arn(call, "nodegroup", cluster, name),
        "version": version,
        "releaseVersion": f"{version}.0-20251101",
        "capacityType": asked.get("capacityType", "ON_DEMAND"),
        "scalingConfig": asked.get("scalingConfig", {"minSize": 2, "maxSize": 2, "desiredSize": 2}),
        "instanceTypes": asked.get("instanceTypes", ["m5.large"]),
        "subnets": asked["subnets"],
        "amiType": asked.get("amiType", "AL2023_x86_64_STANDARD"),
        "nodeRole": asked["nodeRole"],
        "labels": asked.get("labels", {}),
        "taints": asked.get("taints", []),
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{mock_random.uuid4()}"}]},
    }


def _fargate_profile(call: Call, cluster: Document, asked: Asked) -> Document:
    return {
        "fargateProfileArn": _arn(call, "fargateprofile", cluster, asked["fargateProfileName"]),
        "podExecutionRoleArn": asked["podExecutionRoleArn"],
        "subnets": asked.get("subnets", []),
        "selectors": asked.get("selectors", []),
    }


def _life(updated_in_vain: str) -> LifeCycle:
    return LifeCycle(
        create=Phase(during="CREATING", after="ACTIVE", failed="CREATE_FAILED"),
        update=Phase(during="UPDATING", after="ACTIVE", failed=updated_in_vain),
        delete=Phase(during="DELETING", after="", failed="DELETE_FAILED"),
    )


ADDON = Kind(
    path="addons",
    operation="Addon",
    member="addon",
    name_member="addonName",
    listed_as="addons",
    missing="No addon",
    life=_life("UPDATE_FAILED"),
    new=_addon,
)
NODE_GROUP = Kind(
    path="node-groups",
    operation="Nodegroup",
    member="nodegroup",
    name_member="nodegroupName",
    listed_as="nodegroups",
    missing="No node group found for name",
    life=_life("DEGRADED"),
    new=_node_group,
)
FARGATE_PROFILE = Kind(
    path="fargate-profiles",
    operation="FargateProfile",
    member="fargateProfile",
    name_member="fargateProfileName",
    listed_as="fargateProfileNames",
    missing="No Fargate Profile found with name",
    life=_life("ACTIVE"),
    new=_fargate_profile,
)
KINDS = (ADDON, NODE_GROUP, FARGATE_PROFILE)
