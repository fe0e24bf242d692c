"""Narrow each security-group rule that admits the internet to port 53 down to the VPC's own addresses.

A rule keeps its id; its addresses alone change (EC2 API Reference, ModifySecurityGroupRules). Rules for more than
port 53 are left to a person. Cost: one API call a step. Playbook:

    fixes:
      - fix: close_dns_to_the_internet
        risk: low
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.vpc_exposure import VpcExposure
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import AwsPermission
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.network.answers import security_group_rules
from bot.network.model import SecurityGroupRule

NAME = "close_dns_to_the_internet"
_MODIFY = "ModifySecurityGroupRules"
_DNS = 53


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each rule."""
    wide = [dict(rule) for rule in _listed(case.finding.judgement.details["open"])]
    if any((rule["from_port"], rule["to_port"]) != (_DNS, _DNS) for rule in wide):
        return Advice(reason="A rule admits the internet to more than port 53; what else needs it is not known here.")
    own = str(case.need(VpcExposure).cidrs[0])
    steps = tuple(_step(rule, {**rule, "cidr": own}, undo=f"Put {rule['cidr']} back.") for rule in wide)
    groups = sorted({rule["security_group_id"] for rule in wide})
    return Planned(steps=steps, blast_radius=f"Resolvers outside {own} can no longer ask through {', '.join(groups)}.")


def _step(now: Mapping[str, Any], then: Mapping[str, Any], *, undo: str) -> Step:
    return Step(
        fix=NAME,
        action="narrow",
        target=f"security group {now['security_group_id']}, rule {now['id']}",
        parameters={"now": dict(now), "then": dict(then)},
        before=dict(now),
        diff=(f"- {now['protocol']} 53 from {now['cidr']}", f"+ {then['protocol']} 53 from {then['cidr']}"),
        undo=undo,
        command=f"aws ec2 modify-security-group-rules --group-id {now['security_group_id']} --security-group-rules "
        f"'SecurityGroupRuleId={now['id']},SecurityGroupRule={{IpProtocol={then['protocol']},FromPort=53,ToPort=53,"
        f"CidrIpv4={then['cidr']}}}'",
        writer=WriterKind.AWS,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the rule as it is now."""
    wanted = _rule(step, "now")
    answer = look.aws.read("ec2", "DescribeSecurityGroupRules", SecurityGroupRuleIds=[wanted["id"]])
    with reading("ec2:DescribeSecurityGroupRules"):
        (found,) = security_group_rules(answer["SecurityGroupRules"])
    return _described(found)


def apply(step: Step, writing: Writing) -> JsonObject:
    """Change the rule's addresses; return `{"changed": rule}` as it was."""
    writing.aws_writer.write("ec2", _MODIFY, **_change(_rule(step, "then"), description="Narrowed by eks-dns-bot"))
    return {"changed": dict(_rule(step, "now"))}


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that gives the rule its addresses back."""
    return _step(_rule(step, "then"), _rule(step, "now"), undo="") if effects else None


def rehearse(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return what would change nothing but a description, on some rule that names addresses."""
    found = evidence.get(SecurityGroupRules)
    rules = [rule for rule in found.rules if rule.cidr] if isinstance(found, SecurityGroupRules) else []
    return tuple(
        Rehearsal(
            operation=_MODIFY,
            parameters=_change(_described(rule), description="Rehearsed by eks-dns-bot"),
            judges=(f"ec2:{_MODIFY}",),
            target=f"security group {rule.security_group_id}",
        )
        for rule in rules[:1]
    )


def _described(rule: SecurityGroupRule) -> dict[str, JsonValue]:
    """Return a rule as it stands in the finding's details."""
    return {
        "id": rule.id,
        "security_group_id": rule.security_group_id,
        "protocol": rule.protocol,
        "from_port": rule.from_port,
        "to_port": rule.to_port,
        "cidr": str(rule.cidr),
    }


def _listed(rules: JsonValue) -> list[Mapping[str, Any]]:
    return [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, Sequence) else []


def _rule(step: Step, which: str) -> Mapping[str, Any]:
    rule = step.parameters[which]
    return rule if isinstance(rule, Mapping) else {}


def _change(rule: Mapping[str, Any], *, description: str) -> dict[str, Any]:
    peer = "CidrIpv6" if ":" in str(rule["cidr"]) else "CidrIpv4"
    described = {"IpProtocol": rule["protocol"], peer: rule["cidr"], "Description": description}
    ports = {"FromPort": rule["from_port"], "ToPort": rule["to_port"]}
    changed = {"SecurityGroupRuleId": rule["id"], "SecurityGroupRule": described | ports}
    return {"GroupId": rule["security_group_id"], "SecurityGroupRules": [changed]}


FIX = Fix(
    name=NAME,
    title="Close DNS to the internet",
    does="Gives each rule that admits the internet the VPC's own addresses. The undo gives it the former ones back.",
    plan=plan,
    read=read,
    apply=apply,
    inverse=inverse,
    permissions=(
        AwsPermission(action="ec2:DescribeSecurityGroupRules", unlocks="read a rule again right before changing it"),
        AwsPermission(
            action=f"ec2:{_MODIFY}",
            unlocks="narrow a rule to the VPC's own addresses",
            resources=("arn:aws:ec2:*:*:security-group-rule/*", "arn:aws:ec2:*:*:security-group/*"),
        ),
    ),
    needs=(VpcExposure,),
    rule_parameters=("open",),
    rehearse=rehearse,
)
