"""Anybody on the internet may ask the cluster's DNS: an open resolver that others use to flood third parties.

Told by a rule of a security group on the nodes that admits every address to port 53 while an internet gateway is
attached to the VPC. Names resolve all the same, so it explains no failing lookup.

In a playbook: `{rule: dns_open_to_the_internet, severity: warning}`.
"""

from __future__ import annotations

from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.vpc_exposure import VpcExposure
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.network.model import Direction, SecurityGroupRule
from bot.network.services import LOOKUPS


def judge(case: Case) -> Judgement:
    """Conclude which rules admit the internet to port 53."""
    found, exposure = case.need(SecurityGroupRules), case.need(VpcExposure)
    if not exposure.internet_gateway_ids:
        return healthy(f"No internet gateway is attached to {exposure.vpc_id}.")
    admitting = [rule for rule in found.rules if _admits_addresses(rule)]
    everybody = [rule for rule in admitting if rule.cidr and rule.cidr.prefixlen == 0]
    proof = tuple(f"{rule.security_group_id}: {rule.id} admits {rule.protocol} from {rule.cidr}" for rule in admitting)
    if not everybody and found.gaps:
        return unknown("Not known whether a rule admits the internet to port 53: a prefix list is unread.", *found.gaps)
    if not everybody:
        return healthy(f"No rule of {len(found.group_ids)} security groups admits the internet to port 53.", *proof)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(everybody)} security-group rules admit every address to port 53, and "
        f"{exposure.internet_gateway_ids[0]} leads from the internet to {exposure.vpc_id}.",
        proof=proof,
        missing=found.gaps,
        details={"open": [_described(rule) for rule in everybody]},
    )


def _admits_addresses(rule: SecurityGroupRule) -> bool:
    return rule.direction is Direction.INGRESS and LOOKUPS.may_be_carried_by(rule) and rule.cidr is not None


def _described(rule: SecurityGroupRule) -> JsonObject:
    return {
        "id": rule.id,
        "security_group_id": rule.security_group_id,
        "protocol": rule.protocol,
        "from_port": rule.from_port,
        "to_port": rule.to_port,
        "cidr": str(rule.cidr),
    }


RULE = Rule(
    name="dns_open_to_the_internet",
    title="The internet may ask the cluster's DNS",
    check="Whom DNS is open to",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(SecurityGroupRules, VpcExposure),
    problem_refuted_by=((VpcExposure, "no way in from the internet"),),
    healthy_refuted_by=((SecurityGroupRules, "a rule that admits 53 from everywhere"),),
)
