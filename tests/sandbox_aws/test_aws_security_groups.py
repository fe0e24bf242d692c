from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import Client


def dns(group_id: str, protocol: str = "udp", description: str = "") -> dict[str, Any]:
    """Return a permission for port 53 from a group."""
    pair = {"GroupId": group_id, **({"Description": description} if description else {})}
    return {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [pair]}


def rules_of(ec2: Client, group_id: str) -> list[dict[str, Any]]:
    """Return the rules of a group."""
    filters = [{"Name": "group-id", "Values": [group_id]}]
    return list(ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"])


def test_authorize_answers_all_rules_with_description_and_tags(ec2: Client, group_id: str) -> None:
    """Every rule that was added is in the answer, with its own description and the tags asked for."""
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "dnsbot:plan", "Value": "p1"}]}]
    permissions = [dns(group_id, "udp", "dns"), dns(group_id, "tcp", "dns over tcp")]

    answer = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions, TagSpecifications=tags)

    shown = [(rule["IpProtocol"], rule["FromPort"], rule["Description"]) for rule in answer["SecurityGroupRules"]]
    assert shown == [("udp", 53, "dns"), ("tcp", 53, "dns over tcp")]
    assert [rule["Tags"] for rule in answer["SecurityGroupRules"]] == [[{"Key": "dnsbot:plan", "Value": "p1"}]] * 2
    by_tag = ec2.describe_security_group_rules(Filters=[{"Name": "tag:dnsbot:plan", "Values": ["p1"]}])
    assert by_tag["SecurityGroupRules"] == answer["SecurityGroupRules"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["duplicate-last", "duplicate-first"])
def test_a_duplicate_anywhere_applies_nothing(ec2: Client, group_id: str, order: tuple[int, int]) -> None:
    """One duplicate among new rules refuses the whole request, whatever its place and description."""
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[dns(group_id, "udp", "first")])
    before = rules_of(ec2, group_id)
    asked = [dns(group_id, "tcp"), dns(group_id, "udp", "another description")]

    with pytest.raises(ClientError) as refused:
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[asked[index] for index in order])

    assert refused.value.response["Error"]["Code"] == "InvalidPermission.Duplicate"
    assert rules_of(ec2, group_id) == before


def test_revoke_by_rule_id_removes_that_rule_alone(ec2: Client, group_id: str) -> None:
    """A revoked rule is in the answer; the same id a second time is InvalidSecurityGroupRuleId.NotFound."""
    permissions = [dns(group_id, "udp"), dns(group_id, "tcp")]
    created = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)["SecurityGroupRules"]
    udp, tcp = (rule["SecurityGroupRuleId"] for rule in created)

    answer = ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[udp])

    assert [rule["SecurityGroupRuleId"] for rule in answer["RevokedSecurityGroupRules"]] == [udp]
    assert tcp in {rule["SecurityGroupRuleId"] for rule in rules_of(ec2, group_id)}
    with pytest.raises(ClientError, match=r"InvalidSecurityGroupRuleId\.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[tcp, udp])
    assert tcp in {rule["SecurityGroupRuleId"] for rule in rules_of(ec2, group_id)}


def test_revoke_of_an_absent_permission_is_refused(ec2: Client, group_id: str) -> None:
    """Revoking a permission that the group does not have is InvalidPermission.NotFound."""
    with pytest.raises(ClientError, match=r"InvalidPermission\.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=[dns(group_id)])


def test_all_protocols_show_ports_minus_one(ec2: Client, group_id: str) -> None:
    """A rule for all protocols has the ports -1 in the answer to authorize and in describe."""
    permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id}]}

    answer = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])

    (rule,) = answer["SecurityGroupRules"]
    assert (rule["FromPort"], rule["ToPort"], rule["ReferencedGroupInfo"]["GroupId"]) == (-1, -1, group_id)


def test_rules_come_in_pages(ec2: Client, group_id: str) -> None:
    """MaxResults bounds a page and the token leads to the rest."""
    ranges = [{"CidrIp": f"10.{index}.0.0/16"} for index in range(12)]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
    filters = [{"Name": "group-id", "Values": [group_id]}]

    pages = list(
        ec2.get_paginator("describe_security_group_rules").paginate(Filters=filters, PaginationConfig={"PageSize": 5})
    )

    assert [len(page["SecurityGroupRules"]) for page in pages] == [5, 5, 3]


def test_prefix_list_rules_and_their_entries(ec2: Client, group_id: str) -> None:
    """A rule may name a managed prefix list, whose entries are read apart and in pages."""
    entries = [{"Cidr": f"10.{index}.0.0/16"} for index in range(6)]
    prefix_list = ec2.create_managed_prefix_list(
        PrefixListName="peers", MaxEntries=10, AddressFamily="IPv4", Entries=entries
    )["PrefixList"]["PrefixListId"]
    permission = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "PrefixListIds": [{"PrefixListId": prefix_list}]}

    answer = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])

    assert answer["SecurityGroupRules"][0]["PrefixListId"] == prefix_list
    first = ec2.get_managed_prefix_list_entries(PrefixListId=prefix_list, MaxResults=5)
    rest = ec2.get_managed_prefix_list_entries(PrefixListId=prefix_list, NextToken=first["NextToken"])
    assert [entry["Cidr"] for page in (first, rest) for entry in page["Entries"]] == [one["Cidr"] for one in entries]


def test_a_full_group_takes_no_rule(ec2: Client, group_id: str) -> None:
    """The 61st rule of a direction is refused and nothing is added."""
    ranges = [{"CidrIp": f"10.{index}.0.0/16"} for index in range(60)]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])

    with pytest.raises(ClientError, match="RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[dns(group_id)])


def test_a_group_in_use_stays(ec2: Client, group_id: str, subnet_ids: tuple[str, str]) -> None:
    """Deleting a group that an interface carries is a DependencyViolation."""
    ec2.create_network_interface(SubnetId=subnet_ids[0], Groups=[group_id])

    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=group_id)


def test_a_rule_is_changed_in_place(ec2: Client, group_id: str, vpc_id: str) -> None:
    """The id stays, ports and referenced group change; another kind of peer is refused and changes nothing."""
    other = ec2.create_security_group(GroupName="other", Description="other", VpcId=vpc_id)["GroupId"]
    created = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[dns(group_id)])
    rule_id = created["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    change = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "ReferencedGroupId": other, "Description": "web"}
    to_cidr = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "CidrIpv4": "10.0.0.0/8"}

    ec2.modify_security_group_rules(
        GroupId=group_id, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": change}]
    )
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.modify_security_group_rules(
            GroupId=group_id, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": to_cidr}]
        )

    (rule,) = [rule for rule in rules_of(ec2, group_id) if rule["SecurityGroupRuleId"] == rule_id]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["Description"]) == ("tcp", 80, 81, "web")
    assert rule["ReferencedGroupInfo"]["GroupId"] == other
    assert "CidrIpv4" not in rule
