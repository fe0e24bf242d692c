"""Worker nodes with their instances' interfaces, security groups, subnets and addresses (A2, A3).

A pod's interface is the one that holds its address: secondary address, delegated prefix or branch
interface, not the node's first one. Cost: one list of nodes, one paged `ec2:DescribeNetworkInterfaces`
for the VPC, however many nodes there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector, Look
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.ports import Resource
from bot.network.answers import interfaces, reading, tags
from bot.network.model import Address, Interface, InterfaceKind

NODES = Resource(plural="nodes")
CNI_CLUSTER_TAG = "cluster.k8s.amazonaws.com/name"
"""The VPC CNI tags the interfaces it creates with the name of its cluster."""

_GROUP_LABELS = ("eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name", "karpenter.sh/nodepool")


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
    os: str = "linux"
    """linux or windows; decides the client's ephemeral ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNodes:
    """All nodes of the cluster and every interface of their VPC that may carry a pod."""

    vpc_id: str
    nodes: tuple[WorkerNode, ...]
    interfaces: tuple[Interface, ...]
    """Of the nodes' instances and Fargate pods, and the VPC's branch interfaces."""
    unmatched: tuple[str, ...] = ()
    """Nodes whose instance was not found in the VPC."""
    group_names: tuple[tuple[str, str], ...] = ()
    """Id and name of every security group on these interfaces."""
    cluster_tags: tuple[str, ...] = ()
    """Cluster names that the VPC CNI wrote on the nodes' interfaces."""


def collect(look: Look) -> WorkerNodes:
    """List the nodes and find their interfaces among those of the cluster's VPC."""
    vpc_id = look.need(EksCluster).vpc_id
    listed = look.cluster.list(NODES)
    with reading("list nodes"):
        nodes = tuple(sorted((_node(item) for item in listed), key=lambda node: node.name))
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    answer = look.aws.read("ec2", "DescribeNetworkInterfaces", Filters=filters)
    with reading("ec2:DescribeNetworkInterfaces"):
        rows = answer["NetworkInterfaces"]
        return _joined(vpc_id, nodes, {row["NetworkInterfaceId"]: row for row in rows})


def _joined(vpc_id: str, nodes: tuple[WorkerNode, ...], rows: Mapping[str, Mapping[str, Any]]) -> WorkerNodes:
    instances = {node.instance_id for node in nodes if node.instance_id}
    own_addresses = {ip_address(node.internal_ip) for node in nodes if node.internal_ip and not node.instance_id}
    kept = [item for item in interfaces(rows.values()) if _belongs(item, instances, own_addresses)]
    found = {item.instance_id for item in kept} - {""}
    groups = {group["GroupId"]: group.get("GroupName") or "" for item in kept for group in rows[item.id]["Groups"]}
    ours = [item for item in kept if item.kind is InterfaceKind.INSTANCE]
    return WorkerNodes(
        vpc_id=vpc_id,
        nodes=nodes,
        interfaces=tuple(sorted(kept, key=lambda item: item.id)),
        unmatched=tuple(node.name for node in nodes if node.compute != "fargate" and node.instance_id not in found),
        group_names=tuple(sorted(groups.items())),
        cluster_tags=tuple(sorted({tags(rows[item.id]).get(CNI_CLUSTER_TAG, "") for item in ours} - {""})),
    )


def _belongs(interface: Interface, instances: set[str], own_addresses: set[Address]) -> bool:
    """Keep the nodes' interfaces, Fargate's by their address, and branches unless their trunk is a stranger's."""
    if interface.kind is InterfaceKind.BRANCH and not interface.instance_id:
        return True
    return interface.instance_id in instances or not own_addresses.isdisjoint(interface.addresses)


def _node(item: Mapping[str, Any]) -> WorkerNode:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    labels = metadata.get("labels") or {}
    addresses = status.get("addresses") or ()
    compute = _compute(labels, str(spec.get("providerID") or ""))
    return WorkerNode(
        name=metadata["name"],
        instance_id=_instance_id(str(spec.get("providerID") or "")),
        internal_ip=next((entry["address"] for entry in addresses if entry["type"] == "InternalIP"), ""),
        node_group=next((labels[label] for label in _GROUP_LABELS if label in labels), ""),
        zone=labels.get("topology.kubernetes.io/zone", ""),
        ready=any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions") or ()),
        compute=compute,
        taints=tuple(
            f"{taint['key']}={taint.get('value') or ''}:{taint['effect']}" for taint in spec.get("taints") or ()
        ),
        os=labels.get("kubernetes.io/os", "linux"),
    )


def _compute(labels: Mapping[str, str], provider_id: str) -> str:
    named = labels.get("eks.amazonaws.com/compute-type", "")
    if named == "fargate" or provider_id.rpartition("/")[2].startswith("fargate-"):
        return "fargate"
    return "auto" if named == "auto" else "ec2"


def _instance_id(provider_id: str) -> str:
    """Return `i-…` of `aws:///eu-west-1a/i-…`, or an empty string (Fargate, hybrid nodes)."""
    last = provider_id.rpartition("/")[2]
    return last if provider_id.startswith("aws://") and last.startswith("i-") else ""


def summarise(evidence: WorkerNodes) -> str:
    """Say how many nodes have how many interfaces with how many security groups."""
    groups = {group for interface in evidence.interfaces for group in interface.security_group_ids}
    branches = sum(interface.kind is InterfaceKind.BRANCH for interface in evidence.interfaces)
    lost = f"; {len(evidence.unmatched)} nodes not found in the VPC" if evidence.unmatched else ""
    return (
        f"{len(evidence.nodes)} nodes, {len(evidence.interfaces)} interfaces ({branches} of them pods' own) "
        f"with {len(groups)} security groups in {evidence.vpc_id}{lost}"
    )


COLLECTOR = Collector(
    name="worker_nodes",
    title="Worker nodes and their interfaces",
    evidence=WorkerNodes,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeNetworkInterfaces", unlocks="find the interface that holds a pod's address"),
        KubernetesPermission(verb="list", resource="nodes", unlocks="know the nodes"),
    ),
    needs=(EksCluster,),
)
