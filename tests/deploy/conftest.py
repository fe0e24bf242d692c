"""One account that enforces IAM for all tests of this folder, and fresh objects in it for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore import xform_name

from bot.collectors.endpoint_networks import MADE_TAG
from tests.catalogue.ec2_calls import Ec2Calls, ec2_calls
from tests.deploy.iam_account import Cloud, Json, Keys, enforcing_cloud


@pytest.fixture(scope="session")
def enforcing() -> Iterator[Cloud]:
    """Return the account, started once."""
    with enforcing_cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(enforcing: Cloud) -> Cloud:
    """Return the account with objects that nobody has touched, and how the units make each declared call on them."""
    ec2 = enforcing.client("ec2", enforcing.administrator)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    servers = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
    options = ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(VpcId=vpc, DhcpOptionsId=options)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])
    group = ec2.create_security_group(GroupName="nodes", Description="of nodes", VpcId=vpc)["GroupId"]
    dns: Json = {
        "IpProtocol": "tcp",
        "FromPort": 53,
        "ToPort": 53,
        "PrefixListIds": [{"PrefixListId": _prefix_list(ec2)}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[dns])
    made = ec2.create_security_group(GroupName="dnsbot-inbound-plan0", Description="made", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": MADE_TAG, "Value": "plan0"}])
    found = ec2_calls(lambda operation, asked: getattr(ec2, xform_name(operation))(**asked), vpc_id=vpc, group_id=group)
    enforcing.parameters = {**found.reads, **_writes(found, group)}
    return enforcing


def _prefix_list(ec2: Any) -> str:
    made = ec2.create_managed_prefix_list(PrefixListName="dns", MaxEntries=1, AddressFamily="IPv4")["PrefixList"]
    return str(made["PrefixListId"])


def _writes(found: Ec2Calls, group: str) -> dict[str, Mapping[str, object]]:
    """Return each write; tagging on creation is a right of its own, which moto asks for in a call of its own only."""
    tags = [tags for one in found.writes for tags in one.parameters.get("TagSpecifications", ())]
    tagging = {"ec2:CreateTags": {"Resources": [group], "Tags": tags[0]["Tags"]}} if tags else {}
    return {**tagging, **{f"ec2:{one.operation}": one.parameters for one in found.writes}}


@pytest.fixture
def bot(cloud: Cloud) -> Keys:
    """Install the roles as `deploy/` has them and return the keys of a session of the bot's own role."""
    cloud.install_all()
    return cloud.session("dnsbot", cloud.administrator)
