"""Aim a Resolver rule that leads the private endpoint's name elsewhere at the inbound endpoint's addresses (D5).

The rule's owner changes it, by that place's own writer, and it then holds so in every VPC that it is associated with.
Name and outbound endpoint stay; the undo aims it back at the targets that it had. Where the cluster's VPC has no
inbound endpoint, or the rule is aimed there already, aiming helps nobody and this is advice. Source: Route 53 API
Reference, UpdateResolverRule, ResolverRuleConfig. Cost: three calls a rule, and one every 2 s until it is COMPLETE.
Playbook:

    fixes:
      - fix: update_forwarding_rule
        risk: medium
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.collectors.resolver_rules import ResolverRules
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.peers import Peers
from bot.domain.permissions import AwsPermission
from bot.domain.places import Place, PlaceKind
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import UnitError, WriteFailed
from bot.network.names import ResolverRule

NAME = "update_forwarding_rule"
_UPDATE = "update"
_RULES = ("arn:aws:route53resolver:*:*:resolver-rule/*",)


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each rule that is aimed elsewhere and that a place with access owns."""
    rows = {str(one["rule_id"]): one for one in case.finding.rows("rules") if one["fault"] == "wrong targets"}
    accounts = case.need(ResolverRules).accounts
    known = {
        rule.id: (account.place, rule)
        for account in accounts
        for rule in account.rules
        if rule.owner == account.account
    }
    steps = [
        step
        for number, row in rows.items()
        if number in known and (step := _aim(*known[number], _texts(row["inbound_addresses"]))) is not None
    ]
    if not steps:
        return Advice(
            reason="No rule that one of these accounts owns can be pointed at an inbound endpoint of the cluster's "
            "VPC.",
            text=("Create the inbound endpoint, or have the rule's owner set its targets, and diagnose again.",),
        )
    names = ", ".join(str(step.parameters["rule_id"]) for step in steps)
    return Planned(
        steps=tuple(steps),
        blast_radius=f"Lookups of the names of {names} are sent elsewhere in every VPC that these rules hold in.",
    )


def _aim(place: Place, rule: ResolverRule, inbound: Sequence[str]) -> Step | None:
    before = [{"Ip": str(one.address), "Port": one.port, "Protocol": one.protocol} for one in rule.targets]
    after = [{"Ip": one, "Port": 53, "Protocol": "Do53"} for one in sorted(inbound) if ":" not in one]
    if not after or _shown(before) == _shown(after):
        return None
    return _step(rule.id, rule.region, place, before=before, after=after)


def _step(
    rule_id: str, region: str, place: Place, *, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Step:
    targets = ",".join(f"{{Ip={one['Ip']},Port={one['Port']},Protocol={one['Protocol']}}}" for one in after)
    return Step(
        fix=NAME,
        action=_UPDATE,
        target=f"targets of Resolver rule {rule_id}",
        parameters={
            "rule_id": rule_id,
            "region": region,
            "before": [dict(one) for one in before],
            "after": [dict(one) for one in after],
        },
        before={"targets": list(_shown(before))},
        diff=(*(f"- {one}" for one in _shown(before)), *(f"+ {one}" for one in _shown(after))),
        undo="Set the rule's former targets again.",
        command=(
            f"aws route53resolver update-resolver-rule --resolver-rule-id {rule_id} --config 'TargetIps=[{targets}]' "
            f"--region {region}"
        ),
        writer=WriterKind.AWS,
        place=place,
    )


def _texts(value: JsonValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else []


def _shown(targets: Any) -> list[str]:  # noqa: ANN401  # rows of the API, or of a step
    return sorted(
        f"{one.get('Ip') or one.get('Ipv6')}:{one.get('Port') or 53} {one.get('Protocol') or 'Do53'}" for one in targets
    )


def _rule(step: Step, aws: AwsReader) -> Mapping[str, Any]:
    answer = aws.read("route53resolver", "GetResolverRule", ResolverRuleId=step.parameters["rule_id"])
    with reading("route53resolver:GetResolverRule"):
        rule: Mapping[str, Any] = answer["ResolverRule"]
        return rule


def read(step: Step, look: Reading) -> JsonValue:
    """Return where the rule is aimed."""
    rule = _rule(step, look.aws)
    with reading("route53resolver:GetResolverRule"):
        return {"targets": list(_shown(rule["TargetIps"]))}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Aim it; return `{"targets": […]}`. An answer that was lost is settled by reading where it is aimed."""
    if step.action != _UPDATE:
        message = f"{step.fix} knows no action {step.action!r}"
        raise UnitError(message)
    wanted: Any = step.parameters["after"]
    config = {"TargetIps": [dict(one) for one in wanted]}
    try:
        writing.aws_writer.write(
            "route53resolver", "UpdateResolverRule", ResolverRuleId=step.parameters["rule_id"], Config=config
        )
    except WriteFailed as error:
        if not error.ambiguous or not _under_way(step, _rule(step, writing.aws)):
            raise
    return {"targets": list(_shown(wanted))}


def _under_way(step: Step, rule: Mapping[str, Any]) -> bool:
    """Return whether a rule shows that its change was taken: it is aimed so, or is being changed."""
    return rule["Status"] == "UPDATING" or _shown(rule["TargetIps"]) == _shown(step.parameters["after"])


def settled(step: Step, _effects: JsonObject, look: Reading) -> Settled:
    """Return whether the rule is COMPLETE and aimed so."""
    rule = _rule(step, look.aws)
    with reading("route53resolver:GetResolverRule"):
        number, status = str(rule["Id"]), str(rule["Status"])
        if status == "UPDATING":
            return waiting_for(f"{number} is {status}")
        if status == "COMPLETE" and _shown(rule["TargetIps"]) == _shown(step.parameters["after"]):
            return COMPLETE
        return failed_because(f"{number} is {status}: {rule.get('StatusMessage') or 'AWS says no more'}")


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that aims the rule back."""
    if not effects.get("targets"):
        return None
    before: Any = step.parameters["before"]
    after: Any = step.parameters["after"]
    return _step(
        str(step.parameters["rule_id"]), str(step.parameters["region"]), step.place, before=after, after=before
    )


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its write where rules are owned, at home and at peers; Resolver takes no dry run."""
    resolver, peers = evidence.get(ResolverRules), evidence.get(Peers)
    if not isinstance(resolver, ResolverRules) or not isinstance(peers, Peers):
        return ()
    return tuple(
        Rehearsal.without_dry_run(
            "route53resolver:UpdateResolverRule", target=f"Resolver rules at {one.place}", place=one.place
        )
        for one in resolver.accounts
    )


FIX = Fix(
    name=NAME,
    title="Point the forwarding rule at the inbound endpoint",
    does=(
        "Points a Resolver rule for the private endpoint's name at the inbound endpoint of the cluster's VPC, as the "
        "account that owns the rule. The undo points it back."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=tuple(
        permission
        for kind in (PlaceKind.HOME, PlaceKind.PEER)
        for permission in (
            AwsPermission(
                action="route53resolver:GetResolverRule",
                place=kind,
                unlocks="read the rule again right before its targets change",
            ),
            AwsPermission(
                action="route53resolver:UpdateResolverRule",
                place=kind,
                resources=_RULES,
                unlocks="point a forwarding rule at the inbound endpoint",
            ),
        )
    ),
    needs=(Peers, ResolverRules),
    rule_parameters=("rules",),
    rehearse=rehearsals,
)
