"""Security-group rules as EC2 treats them: all or nothing, by rule id, with descriptions and tags.

Sources: EC2 API Reference, AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress, DescribeSecurityGroupRules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.responses import EC2Response

from bot.sandbox.aws.ec2.groups import known_groups
from bot.sandbox.aws.ec2.paging import page_of
from bot.sandbox.aws.ec2.rules import rule_document, rule_key, rule_matches
from bot.sandbox.aws.ec2.xml import XmlResult
from bot.sandbox.aws.moto_access import MotoObject, filters, param, replace, rule_tags

RULES_PER_DIRECTION = 60


def install_security_groups() -> None:
    """Replace moto's handling of rules."""
    for egress in (False, True):
        direction = "egress" if egress else "ingress"
        replace(
            EC2Response,
            **{
                f"authorize_security_group_{direction}": _authorize(egress=egress),
                f"revoke_security_group_{direction}": _revoke(egress=egress),
            },
        )
    replace(
        EC2Response,
        describe_security_group_rules=_describe_rules,
        modify_security_group_rules=_modify_rules,
        delete_security_group=_refuse_delete_in_use(EC2Response.delete_security_group),
    )


def _group(response: MotoObject) -> MotoObject:
    wanted = param(response, "GroupId") or param(response, "GroupName")
    group = response.ec2_backend.get_security_group_by_name_or_id(wanted)
    if group is None:
        raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{wanted}' does not exist")
    return group


def _permissions(response: MotoObject) -> list[dict[str, Any]]:
    given = param(response, "IpPermissions", [])
    if given:
        return list(given)
    single = {name: param(response, name) for name in ("IpProtocol", "FromPort", "ToPort")}
    cidr = param(response, "CidrIp")
    source = param(response, "SourceSecurityGroupName")
    peers = {
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
        "UserIdGroupPairs": [{"GroupName": source}] if source else [],
    }
    return [{**single, **peers}] if single["IpProtocol"] else []


def _peers(response: MotoObject, permission: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Yield constructor arguments, and the description, of every rule that one permission stands for."""
    for member, name in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        for given in permission.get(member, []):
            yield {"ip_range": {name: _canonical(given[name])}}, given, given.get("Description", "")
    for given in permission.get("UserIdGroupPairs", []):
        wanted = given.get("GroupId") or given.get("GroupName")
        group = response.ec2_backend.get_security_group_by_name_or_id(wanted)
        if group is None:
            raise EC2ClientError(
                "InvalidGroup.NotFound",
                f"The security group '{wanted}' does not exist",
            )
        source = {"GroupId": group.id, "UserId": response.ec2_backend.account_id}
        yield {"ip_range": None, "source_group": source}, given, given.get("Description", "")
    for given in permission.get("PrefixListIds", []):
        if given["PrefixListId"] not in response.ec2_backend.managed_prefix_lists:
            raise EC2ClientError(
                "InvalidPrefixListId.NotFound", f"The prefix list ID '{given['PrefixListId']}' does not exist"
            )
        yield {"ip_range": None, "prefix_list_id": given}, given, given.get("Description", "")


def _canonical(cidr: str) -> str:
    try:
        return str(ip_network(cidr, strict=False))
    except ValueError:
        raise EC2ClientError("InvalidParameterValue", f"CIDR block {cidr} is malformed") from None


def _asked_rules(response: MotoObject, group: MotoObject, *, egress: bool) -> list[Any]:
    """Build the rules that the request names, without adding them to the group."""
    tags = rule_tags(response)
    rules = []
    for permission in _permissions(response):
        protocol = str(permission["IpProtocol"]).lower()
        if protocol not in {"-1", "all"} and permission.get("FromPort") is None:
            raise EC2ClientError(
                "InvalidParameterValue",
                "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
            )
        for arguments, _, description in _peers(response, permission):
            rule: MotoObject = SecurityGroupRule(
                response.ec2_backend,
                protocol,
                group.id,
                permission.get("FromPort"),
                permission.get("ToPort"),
                is_egress=egress,
                **arguments,
            )
            rule.sandbox_description = description
            rules.append((rule, tags))
    if not rules:
        raise EC2ClientError("MissingParameter", "The request must contain the parameter ipPermissions")
    return rules


def _authorize(*, egress: bool) -> Callable[[Any], ActionResult]:
    def authorize(response: MotoObject) -> ActionResult:
        group = _group(response)
        present: list[Any] = group.egress_rules if egress else group.ingress_rules
        asked = _asked_rules(response, group, egress=egress)
        seen = {rule_key(rule) for rule in present}
        for rule, _ in asked:
            if rule_key(rule) in seen:
                message = f'the specified rule "peer: {rule_key(rule)[3]}, {_shown(rule)}, ALLOW" already exists'
                raise EC2ClientError("InvalidPermission.Duplicate", message)
            seen.add(rule_key(rule))
        if len(present) + len(asked) > RULES_PER_DIRECTION:
            raise EC2ClientError(
                "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
            )
        for rule, tags in asked:
            rule.add_tags(tags)
            present.append(rule)
        return XmlResult({"Return": True, "SecurityGroupRules": [rule_document(rule) for rule, _ in asked]})

    return authorize


def _shown(rule: MotoObject) -> str:
    if rule.ip_protocol == "-1":
        return "ALL"
    return f"{str(rule.ip_protocol).upper()}, from port: {rule.from_port}, to port: {rule.to_port}"


def _revoke(*, egress: bool) -> Callable[[Any], ActionResult]:
    def revoke(response: MotoObject) -> ActionResult:
        group = _group(response)
        present: list[Any] = group.egress_rules if egress else group.ingress_rules
        ids = param(response, "SecurityGroupRuleIds", [])
        gone = _by_id(present, ids) if ids else _by_key(present, _asked_rules(response, group, egress=egress))
        for rule in gone:
            present.remove(rule)
        revoked = [_revoked(rule_document(rule)) for rule in gone]
        return XmlResult({"Return": True, "RevokedSecurityGroupRules": revoked})

    return revoke


def _by_id(present: list[Any], ids: list[str]) -> list[Any]:
    found = {rule.id: rule for rule in present}
    for rule_id in ids:
        if rule_id not in found:
            raise EC2ClientError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
    return [found[rule_id] for rule_id in ids]


def _by_key(present: list[Any], asked: list[Any]) -> list[Any]:
    found = {rule_key(rule): rule for rule in present}
    for rule, _ in asked:
        if rule_key(rule) not in found:
            raise EC2ClientError(
                "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
            )
    return [found[rule_key(rule)] for rule, _ in asked]


def _revoked(document: dict[str, Any]) -> dict[str, Any]:
    names = (
        "SecurityGroupRuleId",
        "GroupId",
        "IsEgress",
        "IpProtocol",
        "FromPort",
        "ToPort",
        "CidrIpv4",
        "CidrIpv6",
        "PrefixListId",
        "Description",
    )
    source = document["ReferencedGroupInfo"]
    return {**{name: document[name] for name in names}, "ReferencedGroupId": source["GroupId"] if source else None}


def _modify_rules(response: MotoObject) -> ActionResult:
    """Change rules in place, all or none; a rule keeps its id, tags and kind of peer."""
    group = _group(response)
    present = [*group.ingress_rules, *group.egress_rules]
    changes = param(response, "SecurityGroupRules", [])
    rules = _by_id(present, [change["SecurityGroupRuleId"] for change in changes])
    for rule, change in zip(rules, changes, strict=True):
        asked = change["SecurityGroupRule"]
        kinds = {"CidrIpv4": "CidrIp", "CidrIpv6": "CidrIpv6"}
        named = next((kinds[kind] for kind in kinds if kind in asked), "")
        if named not in rule.ip_range and not (rule.source_group and "ReferencedGroupId" in asked):
            raise EC2ClientError("InvalidParameterValue", "You may not change the kind of peer of a rule.")
        known_groups(response.ec2_backend, [asked["ReferencedGroupId"]] if rule.source_group else [])
    for rule, change in zip(rules, changes, strict=True):
        _change(rule, change["SecurityGroupRule"])
    return ActionResult({"Return": True})


def _change(rule: MotoObject, asked: dict[str, Any]) -> None:
    rule.ip_protocol = str(asked["IpProtocol"])
    every = rule.ip_protocol == "-1"
    rule.from_port, rule.to_port = (None, None) if every else (int(asked["FromPort"]), int(asked["ToPort"]))
    if rule.source_group:
        rule.source_group = {**rule.source_group, "GroupId": asked["ReferencedGroupId"]}
    elif "CidrIpv4" in asked:
        rule.ip_range = {"CidrIp": _canonical(asked["CidrIpv4"])}
    else:
        rule.ip_range = {"CidrIpv6": _canonical(asked["CidrIpv6"])}
    rule.sandbox_description = asked.get("Description", "")


def _describe_rules(response: MotoObject) -> ActionResult:
    asked = filters(response)
    ids = param(response, "SecurityGroupRuleIds", [])
    groups = [group for groups in response.ec2_backend.groups.values() for group in groups.values()]
    wanted = asked.get("group-id")
    rules = [
        rule
        for group in groups
        if wanted is None or group.id in wanted
        for rule in (*group.ingress_rules, *group.egress_rules)
    ]
    if ids:
        rules = _by_id(rules, ids)
    rules = [rule for rule in rules if all(rule_matches(rule, name, values) for name, values in asked.items())]
    page, token = page_of(response, rules)
    return XmlResult({"SecurityGroupRules": [rule_document(rule) for rule in page], "NextToken": token})


def _refuse_delete_in_use(delete: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    def checked(response: MotoObject) -> ActionResult:
        group: SecurityGroup = _group(response)
        backend = response.ec2_backend
        worn = any(group in eni._group_set for eni in backend.enis.values())  # moto's own field  # noqa: SLF001  # moto's own field
        named = any(
            rule.source_group.get("GroupId") == group.id
            for groups in backend.groups.values()
            for other in groups.values()
            if other is not group
            for rule in (*other.ingress_rules, *other.egress_rules)
        )
        if worn or named:
            raise EC2ClientError("DependencyViolation", f"resource {group.id} has a dependent object")
        return delete(response)

    return checked
