"""CloudTrail of the simulated AWS: what its event history says about calls that were really made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client


def events(aws: AwsFarEnd, key: str, value: str) -> list[dict[str, Any]]:
    """Return the events that have this attribute, newest first."""
    attribute = {"AttributeKey": key, "AttributeValue": value}
    found: list[dict[str, Any]] = aws.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
    return found


def document(event: dict[str, Any]) -> dict[str, Any]:
    """Return what CloudTrail kept of the call."""
    found: dict[str, Any] = json.loads(event["CloudTrailEvent"])
    return found


def test_a_security_groups_events_say_who_asked_for_what(aws: AwsFarEnd, ec2: Client, group_id: str) -> None:
    """Newest first: the rule that was added, with its ports and source, and the group's making; reads are no events."""
    rule = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": group_id}]}
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[rule])
    ec2.describe_security_groups(GroupIds=[group_id])

    found = events(aws, "ResourceName", group_id)

    assert [one["EventName"] for one in found] == ["AuthorizeSecurityGroupIngress", "CreateSecurityGroup"]
    assert document(found[0])["requestParameters"] == {
        "groupId": group_id,
        "ipPermissions": {
            "items": [
                {
                    "ipProtocol": "udp",
                    "fromPort": 53,
                    "toPort": 53,
                    "groups": {"items": [{"groupId": group_id}]},
                }
            ]
        },
    }
    assert document(found[0])["userIdentity"]["arn"].startswith("arn:aws:iam::123456789012:user/")
    assert "errorCode" not in document(found[0])


def test_a_rule_that_is_revoked_by_its_id_stands_in_a_set(aws: AwsFarEnd, ec2: Client, group_id: str) -> None:
    """As EC2's events have it: `securityGroupRuleIds`, each under `securityGroupRuleId`."""
    rule = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    made = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[rule])
    rule_id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[rule_id])

    revoked, *_ = map(document, events(aws, "ResourceName", group_id))

    assert revoked["eventName"] == "RevokeSecurityGroupIngress"
    assert revoked["requestParameters"] == {
        "groupId": group_id,
        "securityGroupRuleIds": {"items": [{"securityGroupRuleId": rule_id}]},
    }


def test_an_acl_entry_names_its_number_and_a_refused_call_its_error(aws: AwsFarEnd, ec2: Client, vpc_id: str) -> None:
    """An entry that was made, and one that AWS refused since its number was taken, are both events of the ACL."""
    acl = ec2.create_network_acl(VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"]
    entry = {"NetworkAclId": acl, "RuleNumber": 30, "Egress": False, "Protocol": "17", "CidrBlock": "10.0.0.0/8"}
    ec2.create_network_acl_entry(**entry, RuleAction="deny", PortRange={"From": 53, "To": 53})
    with pytest.raises(ClientError):
        ec2.create_network_acl_entry(**entry, RuleAction="allow", PortRange={"From": 53, "To": 53})

    refused, made, _ = map(document, events(aws, "ResourceName", acl))

    assert refused["errorCode"] == "Client.NetworkAclEntryAlreadyExists"
    assert made["requestParameters"] == {
        "networkAclId": acl,
        "ruleNumber": 30,
        "egress": False,
        "ruleAction": "deny",
        "aclProtocol": "17",
        "cidrBlock": "10.0.0.0/8",
        "portRange": {"from": 53, "to": 53},
    }


def test_an_event_can_be_looked_up_some_time_after_it_happened(aws: AwsFarEnd, ec2: Client, group_id: str) -> None:
    """Before the delay is over the change is done and CloudTrail knows nothing of it."""
    aws.control("POST", "trail", {"delay_seconds": 300})
    anywhere = [{"CidrIp": "0.0.0.0/0"}]
    ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=[{"IpProtocol": "-1", "IpRanges": anywhere}])

    before = [one["EventName"] for one in events(aws, "ResourceName", group_id)]
    aws.control("POST", "passed", {"seconds": 301})
    after = [one["EventName"] for one in events(aws, "ResourceName", group_id)]

    assert before == ["CreateSecurityGroup"]
    assert after == ["RevokeSecurityGroupEgress", "CreateSecurityGroup"]


def test_one_attribute_a_call(aws: AwsFarEnd) -> None:
    """Two attributes are refused, as AWS refuses them."""
    two = [{"AttributeKey": "EventName", "AttributeValue": "UpdateAddon"}] * 2

    with pytest.raises(ClientError, match="InvalidLookupAttributesException"):
        aws.client("cloudtrail").lookup_events(LookupAttributes=two)


def test_pages_follow_one_another(aws: AwsFarEnd, ec2: Client, vpc_id: str) -> None:
    """Each page begins where the one before ended."""
    for number in range(3):
        ec2.create_security_group(GroupName=f"g{number}", Description="one", VpcId=vpc_id)
    client = aws.client("cloudtrail")

    first = client.lookup_events(MaxResults=2)
    second = client.lookup_events(MaxResults=2, NextToken=first["NextToken"])

    names = [one["EventName"] for one in (*first["Events"], *second["Events"])]
    assert names == ["CreateSecurityGroup"] * 3 + ["CreateVpc"]
