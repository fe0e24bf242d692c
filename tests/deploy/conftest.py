"""One account that enforces IAM for all tests of this folder, and fresh objects in it for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.iam_account import Cloud, Json, Keys, enforcing_cloud


@pytest.fixture(scope="session")
def enforcing() -> Iterator[Cloud]:
    """Return the account, started once."""
    with enforcing_cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(enforcing: Cloud) -> Cloud:
    """Return the account with objects that nobody has touched, and how each declared call is made on them."""
    ec2 = enforcing.client("ec2", enforcing.administrator)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="nodes", Description="of nodes", VpcId=vpc)["GroupId"]
    present = {"GroupId": group, "IpPermissions": _port_53("tcp", group)}
    absent = {"GroupId": group, "IpPermissions": _port_53("udp", group), "TagSpecifications": [_RULE_TAGS]}
    rule = ec2.authorize_security_group_ingress(**present)["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.authorize_security_group_egress(**present)
    enforcing.parameters = {
        "ec2:AuthorizeSecurityGroupEgress": absent,
        "ec2:AuthorizeSecurityGroupIngress": absent,
        "ec2:CreateTags": {"Resources": [rule], "Tags": _RULE_TAGS["Tags"]},
        "ec2:RevokeSecurityGroupEgress": present,
        "ec2:RevokeSecurityGroupIngress": present,
        **_of_network_acl(ec2, vpc),
        **_of_prefix_list(ec2),
    }
    return enforcing


_RULE_TAGS: Json = {"ResourceType": "security-group-rule", "Tags": [{"Key": "dnsbot:plan", "Value": "plan-1"}]}


def _port_53(protocol: str, group: str) -> list[Json]:
    return [{"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": group}]}]


def _of_network_acl(ec2: Any, vpc: str) -> dict[str, Json]:
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    entry: Json = {"NetworkAclId": acl, "Egress": False, "Protocol": "17", "RuleAction": "allow"}
    entry |= {"CidrBlock": "10.0.0.0/16", "PortRange": {"From": 53, "To": 53}}
    ec2.create_network_acl_entry(RuleNumber=90, **entry)
    return {
        "ec2:CreateNetworkAclEntry": {"RuleNumber": 91, **entry},
        "ec2:DeleteNetworkAclEntry": {"NetworkAclId": acl, "RuleNumber": 90, "Egress": False},
    }


def _of_prefix_list(ec2: Any) -> dict[str, Json]:
    made = ec2.create_managed_prefix_list(PrefixListName="dns", MaxEntries=1, AddressFamily="IPv4")["PrefixList"]
    return {"ec2:GetManagedPrefixListEntries": {"PrefixListId": made["PrefixListId"]}}


@pytest.fixture
def bot(cloud: Cloud) -> Keys:
    """Install the roles as `deploy/` has them and return the keys of a session of the bot's own role."""
    cloud.install_all()
    return cloud.session("dnsbot", cloud.administrator)
