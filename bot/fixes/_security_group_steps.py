"""Steps that authorise and revoke security-group rules: one step per group and direction.

What is created carries the tag `dnsbot:plan` with the plan's id, and undo revokes by rule id what carries it and
nothing else. Sources: EC2 API Reference, AuthorizeSecurityGroupIngress (all or nothing: one duplicate refuses the
whole request), RevokeSecurityGroupIngress, DescribeSecurityGroupRules; VPC User Guide, "Amazon VPC quotas".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.permissions import AwsPermission
from bot.domain.plans import Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.errors import EvidenceUnavailable, UnitError, WriteFailed
from bot.network.answers import reading, security_group_rules
from bot.network.model import Direction, SecurityGroupRule

PLAN_TAG = "dnsbot:plan"
DESCRIPTION = "DNS within the cluster, allowed by eks-dns-bot"
RULES_PER_DIRECTION = 60
"""Default quota of rules per group and direction."""

_RULES = ("arn:aws:ec2:*:*:security-group-rule/*",)
_GROUPS = ("arn:aws:ec2:*:*:security-group/*", *_RULES)
_WHILE_AUTHORIZING = (
    ("ForAllValues:StringEquals", "aws:TagKeys", (PLAN_TAG,)),
    ("StringEquals", "ec2:CreateAction", ("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress")),
)
"""Tags of this bot, on rules that are being created, and on nothing else."""

INGRESS_PERMISSIONS = (
    AwsPermission(action="ec2:DescribeSecurityGroupRules", unlocks="read a group again right before changing it"),
    AwsPermission(action="ec2:AuthorizeSecurityGroupIngress", unlocks="let DNS in", resources=_GROUPS),
    AwsPermission(
        action="ec2:CreateTags",
        unlocks="tag the rules that a plan creates with its id",
        resources=_RULES,
        conditions=_WHILE_AUTHORIZING,
    ),
    AwsPermission(action="ec2:RevokeSecurityGroupIngress", unlocks="take back what a plan let in", resources=_GROUPS),
)
EGRESS_PERMISSIONS = (
    AwsPermission(action="ec2:AuthorizeSecurityGroupEgress", unlocks="let DNS out", resources=_GROUPS),
    AwsPermission(action="ec2:RevokeSecurityGroupEgress", unlocks="take back what a plan let out", resources=_GROUPS),
)


def wanted_rule(protocol: str, group_id: str) -> dict[str, JsonValue]:
    """Return the rule for port 53 of `protocol` from or to a group; protocol "-1" means all traffic."""
    port = -1 if protocol == "-1" else 53
    return {"protocol": protocol, "from_port": port, "to_port": port, "peer": group_id}


def normalised(rules: Iterable[SecurityGroupRule], group_id: str, direction: Direction) -> list[dict[str, JsonValue]]:
    """Return what the rules of one group and direction let through, sorted; ids and descriptions do not count."""
    own = [rule for rule in rules if rule.security_group_id == group_id and rule.direction is direction]
    return sorted((_what(rule) for rule in own), key=_order)


def authorize_step(
    fix: str,
    *,
    plan_id: str,
    group_id: str,
    name: str,
    direction: Direction,
    wanted: Sequence[Mapping[str, JsonValue]],
    before: Sequence[Mapping[str, JsonValue]],
    owner: str,
) -> Step:
    """Return the step that adds `wanted` to one group and direction."""
    way = "from" if direction is Direction.INGRESS else "to"
    rules = [dict(rule) for rule in wanted]
    return Step(
        fix=fix,
        action="authorize",
        target=f"security group {group_id}" + (f" ({name})" if name else "") + f", {direction.value} rules",
        parameters={"security_group_id": group_id, "direction": direction.value, "rules": rules},
        before=[dict(rule) for rule in before],
        diff=(*(f"  {_line(rule, way)}" for rule in before), *(f"+ {_line(rule, way)}" for rule in rules)),
        undo=f"Revoke, by rule id, the {_count(rules)} that this plan creates; other rules stay.",
        command=_authorize_command(plan_id, group_id, direction, rules),
        writer=WriterKind.AWS,
        owner=owner,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the rules of the step's group and direction; for a revocation, those of its rules that still exist."""
    group_id, direction = _place(step)
    rules = _rules(look.aws, group_id)
    if step.action == "authorize":
        return normalised(rules, group_id, direction)
    ids = {rule["id"] for rule in _listed(step)}
    return _identified(rule for rule in rules if rule.id in ids)


def apply(step: Step, writing: Writing) -> JsonObject:
    """Authorise or revoke; return `{"created": […]}` or `{"revoked": […]}`, each rule with its id."""
    if step.action == "authorize":
        return {"created": _authorize(step, writing)}
    if step.action == "revoke":
        return {"revoked": _revoke(step, writing)}
    message = f"{step.fix} knows no action {step.action!r}"
    raise UnitError(message)


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that revokes exactly the rules that `apply` reported as created."""
    created = effects.get("created")
    if not isinstance(created, Sequence) or not created:
        return None
    group_id, direction = _place(step)
    way = "from" if direction is Direction.INGRESS else "to"
    rules: list[Any] = [dict(rule) for rule in created if isinstance(rule, Mapping)]
    ids = " ".join(rule["id"] for rule in rules)
    return Step(
        fix=step.fix,
        action="revoke",
        target=step.target,
        parameters={"security_group_id": group_id, "direction": direction.value, "rules": rules},
        before=rules,
        diff=tuple(f"- {rule['id']}: {_line(rule, way)}" for rule in rules),
        undo="",
        command=(
            f"aws ec2 revoke-security-group-{direction.value} --group-id {group_id} --security-group-rule-ids {ids}"
        ),
        writer=WriterKind.AWS,
        owner=step.owner,
    )


def _authorize(step: Step, writing: Writing) -> list[dict[str, JsonValue]]:
    wanted = [dict(rule) for rule in _listed(step)]
    created: list[SecurityGroupRule] = []
    try:
        created += _send(step, writing, wanted)
    except WriteFailed as error:
        if not error.ambiguous and not str(error).startswith("InvalidPermission.Duplicate"):
            raise
        group_id, direction = _place(step)
        present = normalised(_rules(writing.aws, group_id), group_id, direction)
        missing = [rule for rule in wanted if rule not in present]
        if missing and error.ambiguous:
            raise
        if missing:
            created += _send(step, writing, missing)
    ours = {rule.id: rule for rule in (*created, *_tagged(step, writing))}
    return _identified(rule for rule in ours.values() if _what(rule) in wanted)


def _send(step: Step, writing: Writing, rules: Sequence[Mapping[str, JsonValue]]) -> tuple[SecurityGroupRule, ...]:
    group_id, direction = _place(step)
    parameters = _authorization(group_id, [_permission(rule) for rule in rules], writing.plan_id)
    answer = writing.aws_writer.write("ec2", _operation("Authorize", direction), **parameters)
    return security_group_rules(answer.get("SecurityGroupRules") or ())


def _tagged(step: Step, writing: Writing) -> tuple[SecurityGroupRule, ...]:
    """Return the rules that this plan created here, found by their tag; an unreadable answer leaves the write's own."""
    group_id, direction = _place(step)
    filters = [{"Name": "group-id", "Values": [group_id]}, {"Name": f"tag:{PLAN_TAG}", "Values": [writing.plan_id]}]
    try:
        found = _described(writing.aws.read("ec2", "DescribeSecurityGroupRules", Filters=filters))
    except EvidenceUnavailable:
        return ()
    return tuple(rule for rule in found if rule.direction is direction)


def _revoke(step: Step, writing: Writing) -> list[dict[str, JsonValue]]:
    """Revoke those of the step's rules that still exist and are still what was created."""
    group_id, direction = _place(step)
    present = {rule.id: rule for rule in _rules(writing.aws, group_id)}
    ours = [rule for rule in _listed(step) if rule["id"] in present and _matches(present[rule["id"]], rule)]
    if ours:
        parameters = _revocation(group_id, [str(rule["id"]) for rule in ours])
        writing.aws_writer.write("ec2", _operation("Revoke", direction), **parameters)
    return [dict(rule) for rule in ours]


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
    operation = _operation("Authorize", direction)
    nobody = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    return Rehearsal(
        operation=operation,
        parameters=_authorization(group_id, [nobody], "rehearsal"),
        judges=(f"ec2:{operation}", "ec2:CreateTags"),
        target=f"security group {group_id}",
    )


def _revoking(rule: SecurityGroupRule) -> Rehearsal:
    operation = _operation("Revoke", rule.direction)
    return Rehearsal(
        operation=operation,
        parameters=_revocation(rule.security_group_id, [rule.id]),
        judges=(f"ec2:{operation}",),
        target=f"security group {rule.security_group_id}",
    )


def _operation(verb: str, direction: Direction) -> str:
    return f"{verb}SecurityGroup{direction.value.capitalize()}"


def _authorization(group_id: str, permissions: Sequence[Mapping[str, Any]], plan_id: str) -> dict[str, Any]:
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": PLAN_TAG, "Value": plan_id}]}]
    return {"GroupId": group_id, "IpPermissions": list(permissions), "TagSpecifications": tags}


def _revocation(group_id: str, rule_ids: Sequence[str]) -> dict[str, Any]:
    return {"GroupId": group_id, "SecurityGroupRuleIds": list(rule_ids)}


def _rules(aws: AwsReader, group_id: str) -> tuple[SecurityGroupRule, ...]:
    filters = [{"Name": "group-id", "Values": [group_id]}]
    return _described(aws.read("ec2", "DescribeSecurityGroupRules", Filters=filters))


def _described(answer: RawObject) -> tuple[SecurityGroupRule, ...]:
    with reading("ec2:DescribeSecurityGroupRules"):
        return security_group_rules(answer["SecurityGroupRules"])


def _permission(rule: Mapping[str, JsonValue]) -> dict[str, Any]:
    pair = {"GroupId": rule["peer"], "Description": DESCRIPTION}
    permission: dict[str, Any] = {"IpProtocol": rule["protocol"], "UserIdGroupPairs": [pair]}
    if rule["protocol"] != "-1":
        permission |= {"FromPort": rule["from_port"], "ToPort": rule["to_port"]}
    return permission


def _what(rule: SecurityGroupRule) -> dict[str, JsonValue]:
    peer = rule.group_id or rule.prefix_list_id or str(rule.cidr)
    return {"protocol": rule.protocol, "from_port": rule.from_port, "to_port": rule.to_port, "peer": peer}


def _identified(rules: Iterable[SecurityGroupRule]) -> list[dict[str, JsonValue]]:
    return sorted(({"id": rule.id, **_what(rule)} for rule in rules), key=lambda rule: str(rule["id"]))


def _matches(rule: SecurityGroupRule, recorded: Mapping[str, JsonValue]) -> bool:
    return {"id": rule.id, **_what(rule)} == dict(recorded)


def _order(rule: Mapping[str, JsonValue]) -> tuple[str, str]:
    ports = f"{rule['from_port']:>6}{rule['to_port']:>6}"
    return f"{rule['protocol']}{ports}", str(rule["peer"])


def _place(step: Step) -> tuple[str, Direction]:
    return str(step.parameters["security_group_id"]), Direction(str(step.parameters["direction"]))


def _listed(step: Step) -> list[Mapping[str, Any]]:
    rules = step.parameters["rules"]
    return [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, Sequence) else []


def _line(rule: Mapping[str, JsonValue], way: str) -> str:
    if rule["protocol"] == "-1":
        return f"all traffic {way} {rule['peer']}"
    first, last = rule["from_port"], rule["to_port"]
    ports = "all ports" if first == -1 else str(first) if first == last else f"{first}-{last}"
    return f"{rule['protocol']} {ports} {way} {rule['peer']}"


def _count(rules: Sequence[object]) -> str:
    return "1 rule" if len(rules) == 1 else f"{len(rules)} rules"


def _authorize_command(
    plan_id: str, group_id: str, direction: Direction, rules: Sequence[Mapping[str, JsonValue]]
) -> str:
    permissions = " ".join(_shorthand(rule) for rule in rules)
    tags = f"'ResourceType=security-group-rule,Tags=[{{Key={PLAN_TAG},Value={plan_id}}}]'"
    return (
        f"aws ec2 authorize-security-group-{direction.value} --group-id {group_id} --ip-permissions {permissions} "
        f"--tag-specifications {tags}"
    )


def _shorthand(rule: Mapping[str, JsonValue]) -> str:
    ports = "" if rule["protocol"] == "-1" else f"FromPort={rule['from_port']},ToPort={rule['to_port']},"
    return f"'IpProtocol={rule['protocol']},{ports}UserIdGroupPairs=[{{GroupId={rule['peer']}}}]'"
