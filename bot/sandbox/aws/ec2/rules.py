"""A security-group rule as EC2 shows it, compares it and filters it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from moto.ec2.exceptions import EC2ClientError

from bot.sandbox.aws.moto_access import MotoObject


def rule_document(rule: MotoObject) -> dict[str, Any]:
    """Return a rule as DescribeSecurityGroupRules shows it."""
    backend, source = rule.ec2_backend, rule.source_group
    group = {"GroupId": source["GroupId"], "UserId": source.get("UserId", backend.account_id)} if source else None
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": rule.group_id,
        "GroupOwnerId": backend.account_id,
        "IsEgress": rule.is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        "CidrIpv4": rule.ip_range.get("CidrIp"),
        "CidrIpv6": rule.ip_range.get("CidrIpv6"),
        "PrefixListId": rule.prefix_list_id,
        "ReferencedGroupInfo": group,
        "Description": getattr(rule, "sandbox_description", None) or rule.ip_range.get("Description"),
        "Tags": [{"Key": key, "Value": value} for key, value in backend.tags.get(rule.id, {}).items()],
    }


def rule_key(rule: MotoObject) -> tuple[Any, ...]:
    """Return what makes two rules the same: everything but description and tags."""
    peer = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6") or rule.source_group.get("GroupId")
    return rule.ip_protocol, rule.from_port, rule.to_port, peer or rule.prefix_list_id


def rule_matches(rule: MotoObject, name: str, values: list[str]) -> bool:
    """Return whether a rule passes one filter of DescribeSecurityGroupRules; an unknown filter is refused."""
    tags = rule.ec2_backend.tags.get(rule.id, {})
    if name.startswith("tag:"):
        present = [tags[name[4:]]] if name[4:] in tags else []
    elif name == "tag-key":
        present = list(tags)
    elif name == "group-id":
        present = [rule.group_id]
    elif name == "security-group-rule-id":
        present = [rule.id]
    else:
        raise EC2ClientError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return any(fnmatchcase(value, pattern) for value in present for pattern in values)
