"""Builds the healthy world: VPC, nodes and EKS cluster in AWS, then the cluster's objects."""

from __future__ import annotations

import ipaddress
from typing import Any, Protocol

from bot.sandbox.world.bot_roles import create_roles
from bot.sandbox.world.cluster_objects import COREFILE, cluster_objects
from bot.sandbox.world.control_plane_interfaces import control_plane_interfaces
from bot.sandbox.world.plan import NodePlan, WorldPlan
from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.vpc_seeding import build_vpc, join_on_premises, peer
from bot.sandbox.world.world import ACCOUNT, CLUSTER, World, WorldNode, WorldSubnet

_NODES_AT_ONCE = 100
_IPV6_PER_NODE = 12


class Builder(Operator, Protocol):
    """An operator who may also do what AWS itself does."""

    def launch(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Launch instances as an Auto Scaling group does; return ids and interfaces."""
        ...


def build(plan: WorldPlan, builder: Builder) -> World:
    """Build the world that `plan` draws and return it with its ids."""
    home = build_vpc(plan.home, builder)
    neighbours = tuple(build_vpc(each, builder.at(each.account, each.region)) for each in plan.neighbours)
    for account in sorted({vpc.account for vpc in (home, *neighbours)}):
        create_roles(builder.at(account, home.region), trusted=home.account)
    unused = _unused_group(builder, home.id)
    cluster = builder.aws(
        "eks",
        "CreateCluster",
        name=CLUSTER,
        version="1.32",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/eks-cluster",
        kubernetesNetworkConfig={"ipFamily": "ipv6" if plan.home.ipv6 else "ipv4"},
        resourcesVpcConfig={
            "subnetIds": [subnet.id for subnet in home.subnets],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
        },
    )["cluster"]
    group = str(cluster["resourcesVpcConfig"]["clusterSecurityGroupId"])
    _node_groups_and_addons(plan, builder, home.subnets)
    world = World(
        seed=plan.seed,
        vpcs=(home, *neighbours),
        peerings=tuple(peer(builder, home, each) for each in neighbours if each.name in plan.peered),
        nodes=_nodes(plan, builder, home.subnets, group),
        node_groups=plan.node_groups,
        cluster_security_group_id=group,
        unused_security_group_id=unused,
        endpoint=str(cluster["endpoint"]),
        corefile=COREFILE,
        ipv6=plan.home.ipv6,
        on_premises=plan.on_premises,
    )
    join_on_premises(builder, home, plan.on_premises)
    builder.apply(*cluster_objects(world, _control_plane_addresses(builder, home.id)))
    return world


def _unused_group(builder: Builder, vpc_id: str) -> str:
    made = builder.aws(
        "ec2", "CreateSecurityGroup", GroupName="bastion", Description="Bastion hosts, none left", VpcId=vpc_id
    )
    return str(made["GroupId"])


def _node_groups_and_addons(plan: WorldPlan, builder: Builder, subnets: tuple[WorldSubnet, ...]) -> None:
    for name in plan.node_groups:
        size = max(sum(node.node_group == name for node in plan.nodes), 1)
        builder.aws(
            "eks",
            "CreateNodegroup",
            clusterName=CLUSTER,
            nodegroupName=name,
            subnets=[subnet.id for subnet in subnets],
            nodeRole=f"arn:aws:iam::{ACCOUNT}:role/eks-node",
            scalingConfig={"minSize": size, "maxSize": size, "desiredSize": size},
        )
    for addon in ("vpc-cni", "kube-proxy", "coredns"):
        builder.aws("eks", "CreateAddon", clusterName=CLUSTER, addonName=addon)


def _nodes(plan: WorldPlan, builder: Builder, subnets: tuple[WorldSubnet, ...], group: str) -> tuple[WorldNode, ...]:
    made: list[WorldNode] = []
    for start in range(0, len(plan.nodes), _NODES_AT_ONCE):
        batch = plan.nodes[start : start + _NODES_AT_ONCE]
        sixes = [_ipv6_addresses(subnets[node.subnet], start + place) for place, node in enumerate(batch)]
        asked = [_instance(node, subnets, group, own) for node, own in zip(batch, sixes, strict=True)]
        for node, instance, own in zip(batch, builder.launch(asked), sixes, strict=True):
            subnet = subnets[node.subnet]
            made.append(
                WorldNode(
                    name=node.name,
                    instance_id=instance["instance_id"],
                    address=node.address,
                    zone=subnet.zone,
                    subnet_id=subnet.id,
                    node_group=node.node_group,
                    interface_ids=tuple(item["id"] for item in instance["interfaces"]),
                    ipv6_address=own[0] if own else "",
                )
            )
    return tuple(made)


def _ipv6_addresses(subnet: WorldSubnet, number: int) -> list[str]:
    """Return a node's addresses of its subnet's IPv6 CIDR, its own first; none where the subnet has no such CIDR."""
    if not subnet.ipv6_cidr:
        return []
    network = ipaddress.ip_network(subnet.ipv6_cidr)
    return [str(network[256 * (number + 1) + place]) for place in range(_IPV6_PER_NODE)]


def _instance(
    node: NodePlan, subnets: tuple[WorldSubnet, ...], group: str, ipv6_addresses: list[str]
) -> dict[str, Any]:
    def interface(address: str) -> dict[str, Any]:
        return {
            "subnet_id": subnets[node.subnet].id,
            "private_ip_address": address,
            "security_group_ids": [group],
            "description": "",
        }

    interfaces = [interface(node.address)]
    interfaces[0]["ipv6_addresses"] = ipv6_addresses
    if node.second_address:
        interfaces.append(interface(node.second_address))
        interfaces[1]["description"] = "aws-K8S-i"
    interfaces[-1]["secondary_private_ip_addresses"] = list(node.pod_addresses)
    if node.prefix:
        interfaces[-1]["ipv4_prefixes"] = [node.prefix]
    tags = {
        "Name": f"{CLUSTER}-{node.node_group}",
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "eks:cluster-name": CLUSTER,
        "eks:nodegroup-name": node.node_group,
    }
    return {"instance_type": "m5.large", "tags": tags, "interfaces": interfaces}


def _control_plane_addresses(builder: Builder, vpc_id: str) -> list[str]:
    found = control_plane_interfaces(builder, vpc_id)
    sixes = [str(six["Ipv6Address"]) for item in found for six in item["Ipv6Addresses"]]
    return sixes or [str(item["PrivateIpAddress"]) for item in found]
