"""An application whose pods have a security group of their own, by a SecurityGroupPolicy (security groups for pods)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.security_groups import admit, from_group
from bot.sandbox.world.world import World

NAME = "payments"
_LABELS = {"app.kubernetes.io/created-by": "eks-workshop", "app.kubernetes.io/name": NAME}
_IMAGE = "public.ecr.aws/aws-containers/retail-store-sample-payments:1.2.1"


def make_group(world: World, operator: Operator, *, dns: bool) -> str:
    """Make the pods' group: probes and calls come in from the nodes, and it may call the API server and the shop.

    `dns`: whether the cluster's group lets it in on 53 as well.
    """
    made = operator.aws(
        "ec2", "CreateSecurityGroup", GroupName=f"{NAME}-pods", Description="Payments", VpcId=world.home.id
    )
    group = str(made["GroupId"])
    admit(operator, group, from_group(world.cluster_security_group_id, "-1"))
    admitted = [("tcp", 443), ("tcp", 8080)]
    world.chance(NAME).shuffle(admitted)
    admitted += [("udp", 53), ("tcp", 53)] if dns else []
    for protocol, port in admitted:
        admit(operator, world.cluster_security_group_id, from_group(group, protocol, port))
    return group


def application(world: World, group: str) -> list[dict[str, Any]]:
    """Return an application with a pod on each node, and the policy that gives its pods the group."""
    metadata = {"name": NAME, "namespace": NAME}
    policy = {"podSelector": {"matchLabels": _LABELS}, "securityGroups": {"groupIds": [group]}}
    container = {
        "name": NAME,
        "image": _IMAGE,
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    }
    deployment = {
        "replicas": len(world.nodes),
        "selector": {"matchLabels": _LABELS},
        "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
        {
            "apiVersion": "vpcresources.k8s.aws/v1beta1",
            "kind": "SecurityGroupPolicy",
            "metadata": metadata,
            "spec": policy,
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata | {"labels": _LABELS}, "spec": deployment},
    ]
