"""Requests to EC2 that authorise and revoke security-group rules: their bodies, their rights, and how to try them.

Sources: EC2 API Reference, AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress, `DryRun`; Service Authorization
Reference, EC2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import MADE_TAG
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.json_values import JsonValue
from bot.domain.permissions import AwsPermission
from bot.domain.plans import Rehearsal
from bot.network.model import Direction, SecurityGroupRule

PLAN_TAG = MADE_TAG
DESCRIPTION = "DNS within the cluster, allowed by eks-dns-bot"
ELSEWHERE = "From networks beside the VPC, allowed by eks-dns-bot"

_RULES = ("arn:aws:ec2:*:*:security-group-rule/*",)
_GROUPS = ("arn:aws:ec2:*:*:security-group/*", *_RULES)
_WHILE_AUTHORIZING = (
    ("ForAllValues:StringEquals", "aws:TagKeys", (PLAN_TAG,)),
    (
        "StringEquals",
        "ec2:CreateAction",
        ("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup"),
    ),
)
"""Tags of this bot, on rules and groups that are being created, and on nothing else."""

TAG_PERMISSION = AwsPermission(
    action="ec2:CreateTags",
    unlocks="tag the rules and groups that a plan creates with its id",
    resources=_GROUPS,
    conditions=_WHILE_AUTHORIZING,
)
INGRESS_PERMISSIONS = (
    AwsPermission(action="ec2:DescribeSecurityGroupRules", unlocks="read a group again right before changing it"),
    AwsPermission(action="ec2:AuthorizeSecurityGroupIngress", unlocks="let DNS in", resources=_GROUPS),
    TAG_PERMISSION,
    AwsPermission(action="ec2:RevokeSecurityGroupIngress", unlocks="take back what a plan let in", resources=_GROUPS),
)
EGRESS_PERMISSIONS = (
    AwsPermission(action="ec2:AuthorizeSecurityGroupEgress", unlocks="let DNS out", resources=_GROUPS),
    AwsPermission(action="ec2:RevokeSecurityGroupEgress", unlocks="take back what a plan let out", resources=_GROUPS),
)


def operation_of(verb: str, direction: Direction) -> str:
    """Return the operation: `AuthorizeSecurityGroupIngress`."""
    return f"{verb}SecurityGroup{direction.value.capitalize()}"


def authorization(group_id: str, permissions: Sequence[Mapping[str, Any]], plan_id: str) -> dict[str, Any]:
    """Return the parameters that create rules with these permissions, each tagged with the plan."""
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": PLAN_TAG, "Value": plan_id}]}]
    return {"GroupId": group_id, "IpPermissions": list(permissions), "TagSpecifications": tags}


def revocation(group_id: str, rule_ids: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that revoke these rules by their ids."""
    return {"GroupId": group_id, "SecurityGroupRuleIds": list(rule_ids)}


def permission(rule: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return a rule, as `wanted_rule` of the steps gives it, as an IpPermission."""
    peer = str(rule["peer"])
    asked: dict[str, Any] = {"IpProtocol": rule["protocol"]}
    if ":" in peer:
        asked["Ipv6Ranges"] = [{"CidrIpv6": peer, "Description": ELSEWHERE}]
    elif "/" in peer:
        asked["IpRanges"] = [{"CidrIp": peer, "Description": ELSEWHERE}]
    else:
        asked["UserIdGroupPairs"] = [{"GroupId": peer, "Description": DESCRIPTION}]
    if rule["protocol"] != "-1":
        asked |= {"FromPort": rule["from_port"], "ToPort": rule["to_port"]}
    return asked


def rehearsals(evidence: Mapping[type, object], *directions: Direction) -> tuple[Rehearsal, ...]:
    """Return what authorises and revokes in these directions, on the cluster's own group where that can be."""
    found, cluster = evidence.get(SecurityGroupRules), evidence.get(EksCluster)
    if not isinstance(found, SecurityGroupRules) or not found.group_ids:
        return ()
    own = cluster.cluster_security_group_id if isinstance(cluster, EksCluster) else ""
    group_id = own if own in found.group_ids else min(found.group_ids)
    made: list[Rehearsal] = []
    for direction in directions:
        made.append(_authorizing(group_id, direction))
        rules = [rule for rule in found.rules if rule.direction is direction]
        rules.sort(key=lambda rule: (rule.security_group_id != group_id, rule.id))
        made += [_revoking(rule) for rule in rules[:1]]
    return tuple(made)


def _authorizing(group_id: str, direction: Direction) -> Rehearsal:
    """Return what would authorise a rule that no fix makes: for addresses that nobody has (RFC 5737)."""
    operation = operation_of("Authorize", direction)
    nobody = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    return Rehearsal(
        operation=operation,
        parameters=authorization(group_id, [nobody], "rehearsal"),
        judges=(f"ec2:{operation}", "ec2:CreateTags"),
        target=f"security group {group_id}",
    )


def _revoking(rule: SecurityGroupRule) -> Rehearsal:
    operation = operation_of("Revoke", rule.direction)
    return Rehearsal(
        operation=operation,
        parameters=revocation(rule.security_group_id, [rule.id]),
        judges=(f"ec2:{operation}",),
        target=f"security group {rule.security_group_id}",
    )
