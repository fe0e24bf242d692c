"""Steps that authorise and revoke security-group rules: one step per group and direction.

What is created carries the tag `dnsbot:plan` with the plan's id, and undo revokes by rule id what carries it and
nothing else. Sources: EC2 API Reference, AuthorizeSecurityGroupIngress (all or nothing: one duplicate refuses the
whole request), RevokeSecurityGroupIngress, DescribeSecurityGroupRules; VPC User Guide, "Amazon VPC quotas".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.made import Made
from bot.domain.phrases import count
from bot.domain.places import HOME, Place
from bot.domain.plans import PlanCase, Reading, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.errors import EvidenceUnavailable, UnitError, WriteFailed
from bot.fixes import _security_group_requests as requests
from bot.network.answers import security_group_rules
from bot.network.model import Direction, SecurityGroupRule

RULES_PER_DIRECTION = 60
"""Default quota of rules per group and direction."""


def wanted_rule(protocol: str, peer: str, *, port: int = 53) -> dict[str, JsonValue]:
    """Return the rule for a port of `protocol` from or to a group or a CIDR; protocol "-1" means all traffic."""
    port = -1 if protocol == "-1" else port
    return {"protocol": protocol, "from_port": port, "to_port": port, "peer": peer}


def normalised(rules: Iterable[SecurityGroupRule], group_id: str, direction: Direction) -> list[dict[str, JsonValue]]:
    """Return what the rules of one group and direction let through, sorted; ids and descriptions do not count."""
    own = [rule for rule in rules if rule.security_group_id == group_id and rule.direction is direction]
    return sorted((_what(rule) for rule in own), key=_order)


def authorize_step(
    fix: str,
    case: PlanCase,
    *,
    group_id: str,
    direction: Direction,
    wanted: Sequence[Mapping[str, JsonValue]],
    before: Sequence[Mapping[str, JsonValue]],
) -> Step:
    """Return the step that adds `wanted` to one group and direction."""
    nodes = case.look_for(WorkerNodes)
    name = nodes.group_name(group_id) if isinstance(nodes, WorkerNodes) else ""
    return adding_step(
        fix,
        case.plan_id,
        group=group_id,
        name=name,
        direction=direction,
        wanted=wanted,
        before=before,
        owner=_owner(case, group_id),
    )


def adding_step(  # noqa: PLR0913  # what a step shows and sends
    fix: str,
    plan_id: str,
    *,
    group: str | Made,
    name: str = "",
    direction: Direction = Direction.INGRESS,
    wanted: Sequence[Mapping[str, JsonValue]],
    before: Sequence[Mapping[str, JsonValue]] = (),
    owner: str = "",
    place: Place = HOME,
) -> Step:
    """Return the step that adds `wanted` to a group, one that an earlier step makes included."""
    way = "from" if direction is Direction.INGRESS else "to"
    rules = [dict(rule) for rule in wanted]
    return Step(
        fix=fix,
        action="authorize",
        target=f"security group {group}" + (f" ({name})" if name else "") + f", {direction.value} rules",
        parameters={
            "security_group_id": group.as_json() if isinstance(group, Made) else group,
            "direction": direction.value,
            "rules": rules,
        },
        before=[dict(rule) for rule in before],
        diff=tuple(
            f"{mark} {_line(rule, way, group)}" for mark, some in ((" ", before), ("+", rules)) for rule in some
        ),
        undo=f"Remove the {count(len(rules), 'rule')} that this plan adds; other rules stay.",
        command=_authorize_command(plan_id, f"<{group}>" if isinstance(group, Made) else group, direction, rules),
        writer=WriterKind.AWS,
        owner=owner,
        place=place,
    )


def touched(case: PlanCase, group_id: str) -> str:
    """Say how many interfaces on how many nodes carry the group, whom a change of its rules touches."""
    nodes = case.look_for(WorkerNodes)
    if not isinstance(nodes, WorkerNodes):
        return "an unknown number of interfaces (the nodes were not read)"
    carriers = nodes.carriers(group_id)
    instances = {one.instance_id for one in carriers if one.instance_id}
    return f"{count(len(carriers), 'interface')} on {len(instances)} of {count(len(nodes.nodes), 'node')}"


def _owner(case: PlanCase, group_id: str) -> str:
    """Say who else manages the group, as far as evidence tells."""
    cluster = case.look_for(EksCluster)
    own = isinstance(cluster, EksCluster) and cluster.cluster_security_group_id == group_id
    return "EKS (it is the cluster security group), which may change it again" if own else ""


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
        diff=tuple(f"- {rule['id']}: {_line(rule, way, group_id)}" for rule in rules),
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
    ours = {rule.id: rule for rule in (*created, *_tagged(step, writing.aws, writing.plan_id))}
    return _identified(rule for rule in ours.values() if _what(rule) in wanted)


def _send(step: Step, writing: Writing, rules: Sequence[Mapping[str, JsonValue]]) -> tuple[SecurityGroupRule, ...]:
    group_id, direction = _place(step)
    parameters = requests.authorization(group_id, [requests.permission(rule) for rule in rules], writing.plan_id)
    answer = writing.aws_writer.write("ec2", requests.operation_of("Authorize", direction), **parameters)
    return security_group_rules(answer.get("SecurityGroupRules") or ())


def _tagged(step: Step, aws: AwsReader, plan_id: str) -> tuple[SecurityGroupRule, ...]:
    """Return the rules that this plan created here, found by their tag; an unreadable answer leaves the write's own."""
    group_id, direction = _place(step)
    filters = [
        {"Name": "group-id", "Values": [group_id]},
        {"Name": f"tag:{requests.PLAN_TAG}", "Values": [plan_id]},
    ]
    try:
        tagged = _described(aws.read("ec2", "DescribeSecurityGroupRules", Filters=filters))
    except EvidenceUnavailable:
        return ()
    return tuple(rule for rule in tagged if rule.direction is direction)


def _revoke(step: Step, writing: Writing) -> list[dict[str, JsonValue]]:
    """Revoke those of the step's rules that still exist and are still what was created."""
    group_id, direction = _place(step)
    present = {rule.id: rule for rule in _rules(writing.aws, group_id)}
    ours = [rule for rule in _listed(step) if rule["id"] in present and _matches(present[rule["id"]], rule)]
    if ours:
        parameters = requests.revocation(group_id, [str(rule["id"]) for rule in ours])
        writing.aws_writer.write("ec2", requests.operation_of("Revoke", direction), **parameters)
    return [dict(rule) for rule in ours]


def _rules(aws: AwsReader, group_id: str) -> tuple[SecurityGroupRule, ...]:
    filters = [{"Name": "group-id", "Values": [group_id]}]
    return _described(aws.read("ec2", "DescribeSecurityGroupRules", Filters=filters))


def _described(answer: RawObject) -> tuple[SecurityGroupRule, ...]:
    with reading("ec2:DescribeSecurityGroupRules"):
        return security_group_rules(answer["SecurityGroupRules"])


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


def found(step: Step, look: Reading, plan_id: str) -> JsonObject | None:
    """Return the rules that this plan created where an authorisation wants them, by their tag; None: there are none."""
    if step.action != "authorize":
        return None
    wanted = [dict(rule) for rule in _listed(step)]
    ours = _identified(rule for rule in _tagged(step, look.aws, plan_id) if _what(rule) in wanted)
    return {"created": ours} if ours else None


def _place(step: Step) -> tuple[str, Direction]:
    return str(step.parameters["security_group_id"]), Direction(str(step.parameters["direction"]))


def _listed(step: Step) -> list[Mapping[str, Any]]:
    rules = step.parameters["rules"]
    return [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, Sequence) else []


def _line(rule: Mapping[str, JsonValue], way: str, group: str | Made) -> str:
    peer = "itself" if rule["peer"] == group else rule["peer"]
    if rule["protocol"] == "-1":
        return f"all traffic {way} {peer}"
    first, last = rule["from_port"], rule["to_port"]
    ports = "all ports" if first == -1 else str(first) if first == last else f"{first}-{last}"
    return f"{rule['protocol']} {ports} {way} {peer}"


def _authorize_command(
    plan_id: str, group_id: str, direction: Direction, rules: Sequence[Mapping[str, JsonValue]]
) -> str:
    permissions = " ".join(_shorthand(rule) for rule in rules)
    tags = f"'ResourceType=security-group-rule,Tags=[{{Key={requests.PLAN_TAG},Value={plan_id}}}]'"
    return (
        f"aws ec2 authorize-security-group-{direction.value} --group-id {group_id} --ip-permissions {permissions} "
        f"--tag-specifications {tags}"
    )


def _shorthand(rule: Mapping[str, JsonValue]) -> str:
    ports = "" if rule["protocol"] == "-1" else f"FromPort={rule['from_port']},ToPort={rule['to_port']},"
    peer = str(rule["peer"])
    if "/" in peer:
        ranges = f"Ipv6Ranges=[{{CidrIpv6={peer}}}]" if ":" in peer else f"IpRanges=[{{CidrIp={peer}}}]"
        return f"'IpProtocol={rule['protocol']},{ports}{ranges}'"
    return f"'IpProtocol={rule['protocol']},{ports}UserIdGroupPairs=[{{GroupId={peer}}}]'"
