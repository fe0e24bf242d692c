"""Builds the healthy world: VPC, nodes and EKS cluster in AWS, then the cluster's objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bot.sandbox.cluster_objects import COREFILE, cluster_objects
from bot.sandbox.scenario import Operator
from bot.sandbox.world import ACCOUNT, CLUSTER, NodePlan, World, WorldNode, WorldPlan, WorldSubnet

_NODES_AT_ONCE = 100


class Builder(Operator, Protocol):
    """An operator who may also do what AWS itself does."""

    def launch(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Launch instances as an Auto Scaling group does; return ids and interfaces."""
        ...


def build(plan: WorldPlan, builder: Builder) -> World:
    """Build the world that `plan` draws and return it with its ids."""
    vpc_id = str(builder.aws("ec2", "CreateVpc", CidrBlock=plan.vpc_cidr)["Vpc"]["VpcId"])
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        builder.aws("ec2", "ModifyVpcAttribute", VpcId=vpc_id, **{attribute: {"Value": True}})
    subnets = _subnets(plan, builder, vpc_id)
    unused = _unused_group(builder, vpc_id)
    cluster = builder.aws(
        "eks",
        "CreateCluster",
        name=CLUSTER,
        version="1.32",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/eks-cluster",
        resourcesVpcConfig={
            "subnetIds": [subnet.id for subnet in subnets],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
        },
    )["cluster"]
    group = str(cluster["resourcesVpcConfig"]["clusterSecurityGroupId"])
    _node_groups_and_addons(plan, builder, subnets)
    world = World(
        seed=plan.seed,
        vpc_id=vpc_id,
        vpc_cidr=plan.vpc_cidr,
        subnets=subnets,
        nodes=_nodes(plan, builder, subnets, group),
        node_groups=plan.node_groups,
        cluster_security_group_id=group,
        unused_security_group_id=unused,
        endpoint=str(cluster["endpoint"]),
        corefile=COREFILE,
    )
    builder.apply(*cluster_objects(world, _control_plane_addresses(builder, vpc_id)))
    return world


def _subnets(plan: WorldPlan, builder: Builder, vpc_id: str) -> tuple[WorldSubnet, ...]:
    acl = _network_acl(plan, builder, vpc_id)
    gateway = _nat_gateway(plan, builder, vpc_id)
    table = builder.aws("ec2", "CreateRouteTable", VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    builder.aws("ec2", "CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    made = []
    for wanted in plan.subnets:
        subnet = builder.aws(
            "ec2",
            "CreateSubnet",
            VpcId=vpc_id,
            CidrBlock=wanted.cidr,
            AvailabilityZone=wanted.zone,
            TagSpecifications=_named("subnet", f"{CLUSTER}-private-{wanted.zone}"),
        )["Subnet"]
        builder.aws("ec2", "AssociateRouteTable", RouteTableId=table, SubnetId=subnet["SubnetId"])
        own = _associate(builder, acl, subnet["SubnetId"], vpc_id)
        made.append(WorldSubnet(id=subnet["SubnetId"], cidr=wanted.cidr, zone=wanted.zone, network_acl_id=own))
    return tuple(made)


def _network_acl(plan: WorldPlan, builder: Builder, vpc_id: str) -> str:
    """Create the private subnets' own network ACL, which lets everything through; "" where the default one serves."""
    if not plan.own_network_acl:
        return ""
    acl = str(builder.aws("ec2", "CreateNetworkAcl", VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"])
    for egress in (True, False):
        builder.aws(
            "ec2",
            "CreateNetworkAclEntry",
            NetworkAclId=acl,
            RuleNumber=plan.acl_entry_number,
            Egress=egress,
            Protocol="-1",
            CidrBlock="0.0.0.0/0",
            RuleAction="allow",
        )
    return acl


def _associate(builder: Builder, acl: str, subnet_id: str, vpc_id: str) -> str:
    """Put the subnet under `acl`, or leave it under the default one; return the id of the one it is under."""
    found = builder.aws("ec2", "DescribeNetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["NetworkAcls"]
    for item in found:
        for association in item["Associations"]:
            if association["SubnetId"] == subnet_id and acl:
                number = association["NetworkAclAssociationId"]
                builder.aws("ec2", "ReplaceNetworkAclAssociation", AssociationId=number, NetworkAclId=acl)
            elif association["SubnetId"] == subnet_id:
                return str(item["NetworkAclId"])
    return acl


def _nat_gateway(plan: WorldPlan, builder: Builder, vpc_id: str) -> str:
    public = builder.aws("ec2", "CreateSubnet", VpcId=vpc_id, CidrBlock=plan.public_cidr)["Subnet"]["SubnetId"]
    gateway = builder.aws("ec2", "CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    builder.aws("ec2", "AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc_id)
    table = builder.aws("ec2", "CreateRouteTable", VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    builder.aws("ec2", "CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    builder.aws("ec2", "AssociateRouteTable", RouteTableId=table, SubnetId=public)
    address = builder.aws("ec2", "AllocateAddress", Domain="vpc")["AllocationId"]
    made = builder.aws("ec2", "CreateNatGateway", SubnetId=public, AllocationId=address)
    return str(made["NatGateway"]["NatGatewayId"])


def _unused_group(builder: Builder, vpc_id: str) -> str:
    made = builder.aws(
        "ec2", "CreateSecurityGroup", GroupName="bastion", Description="Bastion hosts, none left", VpcId=vpc_id
    )
    return str(made["GroupId"])


def _named(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


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
        launched = builder.launch([_instance(node, subnets, group) for node in batch])
        for node, instance in zip(batch, launched, strict=True):
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
                )
            )
    return tuple(made)


def _instance(node: NodePlan, subnets: tuple[WorldSubnet, ...], group: str) -> dict[str, Any]:
    def interface(address: str) -> dict[str, Any]:
        return {
            "subnet_id": subnets[node.subnet].id,
            "private_ip_address": address,
            "security_group_ids": [group],
            "description": "",
        }

    interfaces = [interface(node.address)]
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
    found: Mapping[str, Any] = builder.aws(
        "ec2",
        "DescribeNetworkInterfaces",
        Filters=[
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "description", "Values": [f"Amazon EKS {CLUSTER}"]},
        ],
    )
    return [str(item["PrivateIpAddress"]) for item in found["NetworkInterfaces"]]
