"""The control plane's network interfaces in the cluster's VPC, which EKS makes and owns (D7, D8).

Why it matters to DNS: CoreDNS reads Services and endpoints, and kube-proxy what it writes rules from, over tcp 443 of
these interfaces; the Service `kubernetes` leads there however the endpoint's name is reached. EKS puts them into the
subnets that the cluster was created with, and describes each as `Amazon EKS CLUSTER`. Source: EKS User Guide,
"Amazon EKS networking requirements for VPC and subnets". Cost: none beside `worker_nodes`, whose answer is shared.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network.answers import NETWORK_INTERFACES
from bot.network.model import Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """Where the Kubernetes API is reached within the VPC."""

    interfaces: tuple[Interface, ...]
    """Empty: none was seen, which no cluster has for long."""
    endpoint_host: str
    """The endpoint's name in small letters; empty while the cluster is being created."""
    endpoint_private: bool
    """Nodes reach the endpoint by these interfaces; otherwise over the internet, and only pods do, by the ClusterIP."""


def collect(look: View) -> ControlPlane:
    """Find the interfaces that EKS made for this cluster among those of its VPC."""
    cluster = look.need(EksCluster)
    filters = [{"Name": "vpc-id", "Values": [cluster.vpc_id]}]
    with reading("ec2:DescribeNetworkInterfaces"):
        described = look.aws.list(*NETWORK_INTERFACES, Filters=filters)
    found = [one.interface for one in described if one.description == f"Amazon EKS {cluster.name}"]
    return ControlPlane(
        interfaces=tuple(sorted((one for one in found if not one.instance_id), key=lambda one: one.id)),
        endpoint_host=cluster.endpoint_host,
        endpoint_private=cluster.endpoint_private,
    )


def summarise(evidence: ControlPlane) -> str:
    """Say how many interfaces there are, in which subnets and with which groups."""
    if not evidence.interfaces:
        return "no interface of the control plane was seen in the VPC"
    subnets = sorted({one.subnet_id for one in evidence.interfaces})
    groups = sorted({group for one in evidence.interfaces for group in one.security_group_ids})
    return f"{len(evidence.interfaces)} interfaces in {', '.join(subnets)} with {', '.join(groups)}"


COLLECTOR = Collector(
    name="control_plane",
    title="The control plane's interfaces",
    evidence=ControlPlane,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeNetworkInterfaces", unlocks="find the control plane's interfaces in the VPC"),
    ),
    needs=(EksCluster,),
)
