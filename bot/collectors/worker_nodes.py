"""Worker nodes with their instances' interfaces, security groups, subnets and addresses (A2, A3).

A pod's interface is the one that holds its address: secondary address, delegated prefix or branch
interface, not the node's first one.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.network.model import Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNode:
    """A Kubernetes node and the EC2 instance behind it."""

    name: str
    instance_id: str
    """Empty for a Fargate node."""
    internal_ip: str
    node_group: str
    zone: str
    ready: bool
    compute: str
    """ec2, fargate or auto (EKS Auto Mode)."""
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNodes:
    """All nodes of the cluster and every interface of their VPC that may carry a pod."""

    vpc_id: str
    nodes: tuple[WorkerNode, ...]
    interfaces: tuple[Interface, ...]
    """Of the nodes' instances, and the VPC's branch interfaces."""
    unmatched: tuple[str, ...] = ()
    """Nodes whose instance was not found in the VPC."""
