"""Transit gateways of the simulated EC2: attachments with their life, across accounts, and the routes they bring."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client
from bot.sandbox.operator.operating import AwsCommandLine

OTHER = "210987654321"
EVERY_STATE = [{"Name": "state", "Values": ["active", "blackhole"]}]


@pytest.fixture
def gateway(ec2: Client) -> dict[str, Any]:
    """Return a transit gateway of the account."""
    return dict(ec2.create_transit_gateway(Description="joins")["TransitGateway"])


def _attach(ec2: Client, gateway: dict[str, Any], vpc_id: str, *subnet_ids: str) -> dict[str, Any]:
    made = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway["TransitGatewayId"], VpcId=vpc_id, SubnetIds=list(subnet_ids)
    )
    return dict(made["TransitGatewayVpcAttachment"])


def _routes(ec2: Client, gateway: dict[str, Any]) -> dict[str, tuple[str, str]]:
    table = gateway["Options"]["AssociationDefaultRouteTableId"]
    rows = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=EVERY_STATE)["Routes"]
    return {row["DestinationCidrBlock"]: (row["Type"], row["State"]) for row in rows}


def _states(ec2: Client) -> list[str]:
    return [one["State"] for one in ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]]


def test_an_attachment_comes_to_be_brings_its_route_and_goes(
    aws: AwsFarEnd, ec2: Client, gateway: dict[str, Any], vpc_id: str, subnet_ids: tuple[str, str]
) -> None:
    """Pending first; its block is routed while it is available; a static route to it outlives it as a blackhole."""
    aws.control("POST", "paces", [{"action": "ec2:CreateTransitGatewayVpcAttachment", "seconds": 60}])
    made = _attach(ec2, gateway, vpc_id, subnet_ids[0])
    pending = (made["State"], _routes(ec2, gateway))
    aws.control("POST", "passed", {"seconds": 61})
    there = (_states(ec2), _routes(ec2, gateway))
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=gateway["Options"]["AssociationDefaultRouteTableId"],
        DestinationCidrBlock="10.99.0.0/16",
        TransitGatewayAttachmentId=made["TransitGatewayAttachmentId"],
    )
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=made["TransitGatewayAttachmentId"])

    assert pending == ("pending", {})
    assert there == (["available"], {"10.0.0.0/16": ("propagated", "active")})
    assert (_states(ec2), _routes(ec2, gateway)) == (["deleted"], {"10.99.0.0/16": ("static", "blackhole")})


def test_what_cannot_be_attached_is_refused(
    ec2: Client, gateway: dict[str, Any], vpc_id: str, subnet_ids: tuple[str, str]
) -> None:
    """Twice the same VPC, an unknown gateway, a subnet that is not of the VPC, and a route that is there."""
    _attach(ec2, gateway, vpc_id, subnet_ids[0])
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    others = ec2.create_subnet(VpcId=other, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    table = gateway["Options"]["AssociationDefaultRouteTableId"]
    drop = {"TransitGatewayRouteTableId": table, "DestinationCidrBlock": "10.5.0.0/16", "Blackhole": True}
    ec2.create_transit_gateway_route(**drop)

    for code, act in (
        ("DuplicateTransitGatewayAttachment", lambda: _attach(ec2, gateway, vpc_id, subnet_ids[1])),
        ("InvalidTransitGatewayID.NotFound", lambda: _attach(ec2, {"TransitGatewayId": "tgw-0"}, vpc_id, *subnet_ids)),
        ("InvalidSubnetID.NotFound", lambda: _attach(ec2, gateway, "vpc-0", subnet_ids[0])),
        ("InvalidSubnetID.NotFound", lambda: _attach(ec2, gateway, other, others, subnet_ids[0])),
        ("RouteAlreadyExists", lambda: ec2.create_transit_gateway_route(**drop)),
    ):
        with pytest.raises(ClientError) as refused:
            act()
        assert refused.value.response["Error"]["Code"] == code


def test_another_account_attaches_once_it_is_shared_and_waits_for_the_owner(
    aws: AwsFarEnd, ec2: Client, gateway: dict[str, Any]
) -> None:
    """It sees its own attachment and not the route table; the owner sees both, and accepts."""
    home = AwsCommandLine(aws.url, account="123456789012", region="eu-west-1")
    there = AwsCommandLine(aws.url, account=OTHER, region="eu-west-1")
    vpc_id = there.aws("ec2", "CreateVpc", CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = there.aws("ec2", "CreateSubnet", VpcId=vpc_id, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    wanted = {"TransitGatewayId": gateway["TransitGatewayId"], "VpcId": vpc_id, "SubnetIds": [subnet]}
    with pytest.raises(ClientError, match="was deleted or does not exist"):
        there.aws("ec2", "CreateTransitGatewayVpcAttachment", **wanted)
    home.aws("ram", "CreateResourceShare", name="t", resourceArns=[gateway["TransitGatewayArn"]], principals=[OTHER],
             allowExternalPrincipals=True)  # fmt: skip
    (invitation,) = there.aws("ram", "GetResourceShareInvitations")["resourceShareInvitations"]
    arn = invitation["resourceShareInvitationArn"]
    there.aws("ram", "AcceptResourceShareInvitation", resourceShareInvitationArn=arn)

    made = there.aws("ec2", "CreateTransitGatewayVpcAttachment", **wanted)["TransitGatewayVpcAttachment"]
    number = made["TransitGatewayAttachmentId"]
    waiting = (made["State"], _routes(ec2, gateway))
    with pytest.raises(ClientError, match="does not exist"):
        there.aws("ec2", "AcceptTransitGatewayVpcAttachment", TransitGatewayAttachmentId=number)
    home.aws("ec2", "AcceptTransitGatewayVpcAttachment", TransitGatewayAttachmentId=number)
    (seen_there,) = there.aws("ec2", "DescribeTransitGatewayAttachments")["TransitGatewayAttachments"]
    (seen_here,) = home.aws("ec2", "DescribeTransitGatewayAttachments")["TransitGatewayAttachments"]

    assert waiting == ("pendingAcceptance", {})
    assert _routes(ec2, gateway) == {"10.7.0.0/16": ("propagated", "active")}
    assert (seen_there["State"], "Association" in seen_there, "Association" in seen_here) == ("available", False, True)
    with pytest.raises(ClientError, match="does not exist"):
        there.aws("ec2", "SearchTransitGatewayRoutes", Filters=EVERY_STATE,
                  TransitGatewayRouteTableId=gateway["Options"]["AssociationDefaultRouteTableId"])  # fmt: skip
