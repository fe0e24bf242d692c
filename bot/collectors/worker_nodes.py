"""Worker nodes with their instances' interfaces, security groups, subnets and addresses (A2, A3).

A pod's interface is the one that holds its address: secondary address, delegated prefix or branch
interface, not the node's first one. Cost: one list of nodes, one paged `ec2:DescribeNetworkInterfaces`
for the VPC, however many nodes there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.resources import NODES
from bot.network.answers import NETWORK_INTERFACES, DescribedInterface, belonging
from bot.network.model import Address, Interface, InterfaceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNodes:
    """All nodes of the cluster and every interface of their VPC that may carry a pod."""

    vpc_id: str
    nodes: tuple[Node, ...]
    interfaces: tuple[Interface, ...]
    """Of the nodes' instances and Fargate pods, and the VPC's branch interfaces."""
    unmatched: tuple[str, ...] = ()
    """Nodes whose instance was not found in the VPC."""
    group_names: tuple[tuple[str, str], ...] = ()
    """Id and name of every security group on these interfaces."""
    cluster_tags: tuple[str, ...] = ()
    """Cluster names that the VPC CNI wrote on the nodes' interfaces."""

    def carriers(self, group_id: str) -> tuple[Interface, ...]:
        """Return the interfaces that carry this security group."""
        return tuple(one for one in self.interfaces if group_id in one.security_group_ids)

    def group_name(self, group_id: str) -> str:
        """Return the group's name, empty where no interface carries it."""
        return dict(self.group_names).get(group_id, "")


def collect(look: View) -> WorkerNodes:
    """List the nodes and find their interfaces among those of the cluster's VPC."""
    vpc_id = look.need(EksCluster).vpc_id
    with reading("list nodes"):
        nodes = tuple(sorted(look.cluster.list(NODES, Node.of), key=lambda node: node.name))
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    with reading("ec2:DescribeNetworkInterfaces"):
        described = look.aws.list(*NETWORK_INTERFACES, Filters=filters)
    return _joined(vpc_id, nodes, belonging(described))


def _joined(vpc_id: str, nodes: tuple[Node, ...], described: Sequence[DescribedInterface]) -> WorkerNodes:
    own_machines = [node for node in nodes if node.compute is not Compute.FARGATE]
    instances = {node.instance_id for node in nodes if node.instance_id}
    own_addresses = {ip_address(node.internal_ip) for node in nodes if node.internal_ip and not node.instance_id}
    kept = [one for one in described if _belongs(one.interface, instances, own_addresses)]
    found = {one.interface.instance_id for one in kept} - {""}
    groups = {group: name for one in kept for group, name in one.group_names}
    ours = [one for one in kept if one.interface.kind is InterfaceKind.INSTANCE]
    return WorkerNodes(
        vpc_id=vpc_id,
        nodes=nodes,
        interfaces=tuple(sorted((one.interface for one in kept), key=lambda item: item.id)),
        unmatched=tuple(node.name for node in own_machines if node.instance_id not in found),
        group_names=tuple(sorted(groups.items())),
        cluster_tags=tuple(sorted({one.cluster_tag for one in ours} - {""})),
    )


def _belongs(interface: Interface, instances: set[str], own_addresses: set[Address]) -> bool:
    """Keep the nodes' interfaces, Fargate's by their address, and branches unless their trunk is a stranger's."""
    if interface.kind is InterfaceKind.BRANCH and not interface.instance_id:
        return True
    return interface.instance_id in instances or not own_addresses.isdisjoint(interface.addresses)


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
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeNetworkInterfaces", unlocks="find the interface that holds a pod's address"),
        KubernetesPermission(verb="list", resource="nodes", unlocks="know the nodes"),
    ),
    needs=(EksCluster,),
)
