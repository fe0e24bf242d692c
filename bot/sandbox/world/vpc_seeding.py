"""Builds VPCs (private subnets with a route table and, by the plan, a NAT gateway and a network ACL) and joins them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from bot.sandbox.world.plan import VpcPlan
from bot.sandbox.world.scenario import AwsHands, Operator
from bot.sandbox.world.world import WorldPeering, WorldSite, WorldSubnet, WorldVpc

_IPV6_ENTRY = 101
"""Number of the entries that AWS adds for IPv6."""


def build_vpc(plan: VpcPlan, hands: AwsHands) -> WorldVpc:
    """Build the VPC that `plan` draws and return it with its ids. `hands` work in its account and region."""
    vpc_id = str(hands.aws("ec2", "CreateVpc", CidrBlock=plan.cidr)["Vpc"]["VpcId"])
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        hands.aws("ec2", "ModifyVpcAttribute", VpcId=vpc_id, **{attribute: {"Value": True}})
    _dhcp_options(plan, hands, vpc_id)
    acl = _network_acl(plan, hands, vpc_id)
    gateway = _nat_gateway(plan, hands, vpc_id)
    table = str(hands.aws("ec2", "CreateRouteTable", VpcId=vpc_id)["RouteTable"]["RouteTableId"])
    if gateway:
        hands.aws("ec2", "CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    block = _ipv6_block(plan, hands, vpc_id)
    return WorldVpc(
        name=plan.name,
        id=vpc_id,
        account=plan.account,
        region=plan.region,
        cidrs=(plan.cidr,),
        subnets=_subnets(plan, hands, vpc_id, acl=acl, table=table, block=block),
        route_table_id=table,
    )


def peer(operator: Operator, requester: WorldVpc, accepter: WorldVpc) -> WorldPeering:
    """Peer two VPCs, accept it where the other one is, and let routes lead both ways."""
    asking = operator.at(requester.account, requester.region)
    accepting = operator.at(accepter.account, accepter.region)
    made = asking.aws(
        "ec2",
        "CreateVpcPeeringConnection",
        VpcId=requester.id,
        PeerVpcId=accepter.id,
        PeerOwnerId=accepter.account,
        PeerRegion=accepter.region,
    )
    peering = str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])
    accepting.aws("ec2", "AcceptVpcPeeringConnection", VpcPeeringConnectionId=peering)
    for hands, here, there in ((asking, requester, accepter), (accepting, accepter, requester)):
        hands.aws(
            "ec2",
            "CreateRoute",
            RouteTableId=here.route_table_id,
            DestinationCidrBlock=there.cidr,
            VpcPeeringConnectionId=peering,
        )
    return WorldPeering(id=peering, vpc_ids=(requester.id, accepter.id))


def join_by_gateway(operator: Operator, home: WorldVpc, others: Sequence[WorldVpc]) -> str:
    """Join VPCs by a transit gateway of the cluster's account, with routes both ways, and return its id.

    The gateway is shared with other accounts, which attach their VPCs; it takes them in as its owner accepts them.
    """
    gateway = operator.aws("ec2", "CreateTransitGateway", Description="joins")["TransitGateway"]
    number = str(gateway["TransitGatewayId"])
    _share(operator, str(gateway["TransitGatewayArn"]), sorted({one.account for one in others} - {home.account}), home)
    for vpc in (home, *others):
        hands = operator.at(vpc.account, vpc.region)
        subnets = list({subnet.zone: subnet.id for subnet in vpc.subnets}.values())
        asked = {"TransitGatewayId": number, "VpcId": vpc.id, "SubnetIds": subnets}
        made = hands.aws("ec2", "CreateTransitGatewayVpcAttachment", **asked)["TransitGatewayVpcAttachment"]
        if made["State"] == "pendingAcceptance":
            attachment = str(made["TransitGatewayAttachmentId"])
            operator.aws("ec2", "AcceptTransitGatewayVpcAttachment", TransitGatewayAttachmentId=attachment)
    for vpc in (home, *others):
        for far in others if vpc is home else (home,):
            operator.at(vpc.account, vpc.region).aws(
                "ec2",
                "CreateRoute",
                RouteTableId=vpc.route_table_id,
                DestinationCidrBlock=far.cidr,
                TransitGatewayId=number,
            )
    return number


def _share(operator: Operator, arn: str, accounts: Sequence[str], home: WorldVpc) -> None:
    """Share something of the cluster's account with others, which accept it."""
    if not accounts:
        return
    operator.aws(
        "ram",
        "CreateResourceShare",
        name="transit",
        resourceArns=[arn],
        principals=list(accounts),
        allowExternalPrincipals=True,
    )
    for account in accounts:
        there = operator.at(account, home.region)
        for one in there.aws("ram", "GetResourceShareInvitations")["resourceShareInvitations"]:
            if one["status"] == "PENDING":
                number = one["resourceShareInvitationArn"]
                there.aws("ram", "AcceptResourceShareInvitation", resourceShareInvitationArn=number)


def join_on_premises(operator: Operator, home: WorldVpc, sites: Sequence[WorldSite]) -> None:
    """Let routes of a VPC lead to networks on premises, by a virtual private gateway."""
    if not sites:
        return
    gateway = str(operator.aws("ec2", "CreateVpnGateway", Type="ipsec.1")["VpnGateway"]["VpnGatewayId"])
    operator.aws("ec2", "AttachVpnGateway", VpcId=home.id, VpnGatewayId=gateway)
    for site in sites:
        operator.aws(
            "ec2",
            "CreateRoute",
            RouteTableId=home.route_table_id,
            DestinationCidrBlock=site.cidr,
            GatewayId=gateway,
        )


def _ipv6_block(plan: VpcPlan, hands: AwsHands, vpc_id: str) -> str:
    """Associate an IPv6 CIDR that AWS draws, and return it; "" where the plan has none."""
    if not plan.ipv6:
        return ""
    hands.aws("ec2", "AssociateVpcCidrBlock", VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)
    (vpc,) = hands.aws("ec2", "DescribeVpcs", VpcIds=[vpc_id])["Vpcs"]
    return str(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])


def _let_ipv6_through(hands: AwsHands, acl: str) -> None:
    """Add the entries that AWS adds to a VPC's default network ACL together with the IPv6 CIDR."""
    for egress in (True, False):
        hands.aws(
            "ec2",
            "CreateNetworkAclEntry",
            NetworkAclId=acl,
            RuleNumber=_IPV6_ENTRY,
            Egress=egress,
            Protocol="-1",
            Ipv6CidrBlock="::/0",
            RuleAction="allow",
        )


def _subnets(
    plan: VpcPlan, hands: AwsHands, vpc_id: str, *, acl: str, table: str, block: str
) -> tuple[WorldSubnet, ...]:
    made: list[WorldSubnet] = []
    sixes = ipaddress.ip_network(block).subnets(new_prefix=64) if block else None
    for wanted in plan.subnets:
        six = str(next(sixes)) if sixes else ""
        subnet = hands.aws(
            "ec2",
            "CreateSubnet",
            VpcId=vpc_id,
            CidrBlock=wanted.cidr,
            AvailabilityZone=wanted.zone,
            **({"Ipv6CidrBlock": six} if six else {}),
            TagSpecifications=_named("subnet", f"{plan.name}-private-{wanted.zone}"),
        )["Subnet"]
        hands.aws("ec2", "AssociateRouteTable", RouteTableId=table, SubnetId=subnet["SubnetId"])
        own = _associate(hands, acl, subnet["SubnetId"], vpc_id)
        if six and own not in {one.network_acl_id for one in made}:
            _let_ipv6_through(hands, own)
        made.append(
            WorldSubnet(id=subnet["SubnetId"], cidr=wanted.cidr, zone=wanted.zone, network_acl_id=own, ipv6_cidr=six)
        )
    return tuple(made)


def _dhcp_options(plan: VpcPlan, hands: AwsHands, vpc_id: str) -> None:
    """Have the VPC's hosts told the plan's DNS servers."""
    if plan.dns_servers:
        named = [{"Key": "domain-name-servers", "Values": list(plan.dns_servers)}]
        options = hands.aws("ec2", "CreateDhcpOptions", DhcpConfigurations=named)["DhcpOptions"]["DhcpOptionsId"]
        hands.aws("ec2", "AssociateDhcpOptions", DhcpOptionsId=options, VpcId=vpc_id)


def _network_acl(plan: VpcPlan, hands: AwsHands, vpc_id: str) -> str:
    """Create the private subnets' own network ACL, which lets everything through; "" where the default one serves."""
    if plan.acl_entry_number is None:
        return ""
    acl = str(hands.aws("ec2", "CreateNetworkAcl", VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"])
    for egress in (True, False):
        hands.aws(
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


def _associate(hands: AwsHands, acl: str, subnet_id: str, vpc_id: str) -> str:
    """Put the subnet under `acl`, or leave it under the default one; return the id of the one it is under."""
    found = hands.aws("ec2", "DescribeNetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["NetworkAcls"]
    for item in found:
        for association in item["Associations"]:
            if association["SubnetId"] == subnet_id and acl:
                number = association["NetworkAclAssociationId"]
                hands.aws("ec2", "ReplaceNetworkAclAssociation", AssociationId=number, NetworkAclId=acl)
            elif association["SubnetId"] == subnet_id:
                return str(item["NetworkAclId"])
    return acl


def _nat_gateway(plan: VpcPlan, hands: AwsHands, vpc_id: str) -> str:
    """Create the public subnet with a NAT gateway and return its id; "" where nothing leads to the internet."""
    if not plan.public_cidr:
        return ""
    public = hands.aws("ec2", "CreateSubnet", VpcId=vpc_id, CidrBlock=plan.public_cidr)["Subnet"]["SubnetId"]
    gateway = hands.aws("ec2", "CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    hands.aws("ec2", "AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc_id)
    table = hands.aws("ec2", "CreateRouteTable", VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    hands.aws("ec2", "CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    hands.aws("ec2", "AssociateRouteTable", RouteTableId=table, SubnetId=public)
    address = hands.aws("ec2", "AllocateAddress", Domain="vpc")["AllocationId"]
    made = hands.aws("ec2", "CreateNatGateway", SubnetId=public, AllocationId=address)
    return str(made["NatGateway"]["NatGatewayId"])


def _named(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]
