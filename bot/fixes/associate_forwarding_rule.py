"""Associate a Resolver rule that forwards the private endpoint's name with the peers' VPCs that need it (D5).

Every VPC of the rule's region in which the rule is usable and not associated gets one association, made by that peer's
own writer. The undo takes away exactly the associations that the plan made. A rule that is not shared with the peer's
account, whose association FAILED, or that is aimed elsewhere is advice only. Source: Route 53 API Reference,
AssociateResolverRule, DisassociateResolverRule. Cost: three calls a VPC, and one every 2 s until it
is COMPLETE. Playbook:

    fixes:
      - fix: associate_forwarding_rule
        risk: low
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.collectors.resolver_quotas import Limited, ResolverQuotas
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.made import Made
from bot.domain.peers import Peers
from bot.domain.permissions import AwsPermission
from bot.domain.places import Place, PlaceKind
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import UnitError, WriteFailed
from bot.fixes._resolver_room import no_room
from bot.fixes.create_forwarding_rule import CREATE_RULE
from bot.fixes.share_forwarding_rule import ACCEPT_SHARE
from bot.network.names import ResolverRule

NAME = "associate_forwarding_rule"
_ASSOCIATE, _DISASSOCIATE = "associate", "disassociate"
_UNDO = "Take away the association that this plan makes; the rule stays."
_RULES = ("arn:aws:route53resolver:*:*:resolver-rule/*",)


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one association for each VPC that lacks it, of a rule that is there or that an earlier step makes."""
    places = {one.place.name: one.place for one in case.need(Peers).entered}
    following = [step for index, each in enumerate(case.earlier) for step in _following(case, places, index, each)]
    if following:
        return _full(case, following) or Planned(steps=tuple(following), blast_radius=_blast_radius(following))
    if "rules" not in case.finding.judgement.details:
        return Planned(steps=(), blast_radius="", only_followed=True)
    rows = [one for one in case.finding.rows("rules") if one["fault"] == "not associated"]
    if not rows:
        return Advice(
            reason="No rule with the right targets lacks only its association.",
            text=("Share the rule, correct its targets or remove the conflicting one first, and diagnose again.",),
        )
    known = {rule.id: rule for account in case.need(ResolverRules).accounts for rule in account.rules}
    steps = [
        _step(known[str(row["rule_id"])], str(row["vpc_id"]), places[str(row["place"])], case.plan_id)
        for row in rows
        if row["place"] in places and row["rule_id"] in known
    ]
    return _full(case, steps) or Planned(steps=tuple(steps), blast_radius=_blast_radius(steps))


def _full(case: PlanCase, steps: Sequence[Step]) -> Advice | None:
    """Return which quota of associations stands in the way, or nothing."""
    found = {one.place: one.found for one in case.need(Peers).entered}
    owners = [found[step.place] for step in steps if step.place in found]
    return no_room(case, [(Limited.ASSOCIATIONS, one.account, one.region) for one in owners])


def _blast_radius(steps: Sequence[Step]) -> str:
    vpcs = ", ".join(str(step.parameters["vpc_id"]) for step in steps)
    return f"All who ask the resolvers of {vpcs} have this one name forwarded; other names stay as they are."


def _following(case: PlanCase, places: Mapping[str, Place], index: int, earlier: Step) -> Iterator[Step]:
    """Yield the associations of a rule that an earlier step of the plan makes, or lets an account use."""
    if earlier.action not in {CREATE_RULE, ACCEPT_SHARE}:
        return
    made = Made(made_by_step=index, member="rule_id") if earlier.action == CREATE_RULE else None
    rule: Any = made or earlier.parameters["rule_id"]
    shown = f"'<{rule}>'" if made else rule
    vpcs: Any = earlier.parameters["vpcs"]
    name, region = earlier.parameters["name"], earlier.place.region
    for one in vpcs:
        vpc_id, place = str(one["vpc_id"]), places[str(one["place"])]
        yield Step(
            fix=NAME,
            action=_ASSOCIATE,
            target=f"Resolver rule for {name} in {vpc_id}",
            parameters={"rule_id": made.as_json() if made else rule, "vpc_id": vpc_id},
            before={"associations": []},
            diff=(f"  {name} by {rule}", f"+ associated with {vpc_id}"),
            undo=_UNDO,
            command=(
                f"aws route53resolver associate-resolver-rule --resolver-rule-id {shown} --vpc-id {vpc_id} "
                f"--name {_marker(case.plan_id)} --region {region or place.region}"
            ),
            writer=WriterKind.AWS,
            place=place,
        )


def _step(rule: ResolverRule, vpc_id: str, place: Place, plan_id: str) -> Step:
    targets = ", ".join(map(str, rule.targets))
    return Step(
        fix=NAME,
        action=_ASSOCIATE,
        target=f"Resolver rule {rule.id} ({rule.name}) in {vpc_id}",
        parameters={"rule_id": rule.id, "vpc_id": vpc_id, "reads_rule": True},
        before={"associations": [], "forwards": _forwards(rule.name, rule.endpoint_id, map(str, rule.targets))},
        diff=(f"  {rule.name} by {rule.endpoint_id} to {targets}", f"+ associated with {vpc_id}"),
        undo=_UNDO,
        command=(
            f"aws route53resolver associate-resolver-rule --resolver-rule-id {rule.id} --vpc-id {vpc_id} "
            f"--name {_marker(plan_id)} --region {rule.region}"
        ),
        writer=WriterKind.AWS,
        place=place,
    )


def _forwards(name: str, endpoint_id: str, targets: Any) -> dict[str, JsonValue]:  # noqa: ANN401  # texts
    return {"name": name, "endpoint_id": endpoint_id, "targets": sorted(targets)}


def _marker(plan_id: str) -> str:
    """Return the name of what a plan makes, by which it is found again."""
    return f"dnsbot-{plan_id}"


def read(step: Step, look: Reading) -> JsonValue:
    """Return the associations of the rule with the VPC, and, to associate it, what the rule does."""
    there: list[JsonValue] = [str(row["Id"]) for row in _pair(step, look.aws)]
    if step.action == _DISASSOCIATE:
        return {"associations": [one for one in there if one == step.parameters["association_id"]]}
    if not step.parameters.get("reads_rule"):  # the plan itself makes the rule
        return {"associations": there}
    answer = look.aws.read("route53resolver", "GetResolverRule", ResolverRuleId=step.parameters["rule_id"])
    with reading("route53resolver:GetResolverRule"):
        rule = answer["ResolverRule"]
        targets = [f"{one['Ip']}:{one.get('Port') or 53}" for one in rule.get("TargetIps") or ()]
        name = str(rule["DomainName"]).rstrip(".").lower()
    return {"associations": there, "forwards": _forwards(name, rule.get("ResolverEndpointId") or "", targets)}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Associate or disassociate; return `{"association_id": …}`, empty where nothing was made or taken away."""
    if step.action == _ASSOCIATE:
        return {"association_id": _associate(step, writing)}
    if step.action == _DISASSOCIATE:
        return {"association_id": _disassociate(step, writing)}
    message = f"{step.fix} knows no action {step.action!r}"
    raise UnitError(message)


def _associate(step: Step, writing: Writing) -> str:
    """Send it; an answer that was lost, or that it is there already, is settled by what is listed for the pair."""
    marker = _marker(writing.plan_id)
    try:
        writing.aws_writer.write(
            "route53resolver",
            "AssociateResolverRule",
            ResolverRuleId=step.parameters["rule_id"],
            VPCId=step.parameters["vpc_id"],
            Name=marker,
        )
    except WriteFailed:
        if not _pair(step, writing.aws):
            raise
    ours = [row for row in _pair(step, writing.aws) if row.get("Name") == marker]
    return str(ours[0]["Id"]) if ours else ""


def _disassociate(step: Step, writing: Writing) -> str:
    """Take away the recorded association, if it still is the one that is there."""
    number = str(step.parameters["association_id"])
    if number not in {str(row["Id"]) for row in _pair(step, writing.aws)}:
        return ""
    pair = {"ResolverRuleId": step.parameters["rule_id"], "VPCId": step.parameters["vpc_id"]}
    writing.aws_writer.write("route53resolver", "DisassociateResolverRule", **pair)
    return number


def _pair(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    filters = [
        {"Name": "ResolverRuleId", "Values": [step.parameters["rule_id"]]},
        {"Name": "VPCId", "Values": [step.parameters["vpc_id"]]},
    ]
    answer = aws.read("route53resolver", "ListResolverRuleAssociations", Filters=filters)
    with reading("route53resolver:ListResolverRuleAssociations"):
        return list(answer["ResolverRuleAssociations"])


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the association is COMPLETE, or gone."""
    rows = _pair(step, look.aws)
    if step.action == _DISASSOCIATE:
        left = [row for row in rows if row["Id"] == effects.get("association_id")]
        return waiting_for(f"{left[0]['Id']} is {left[0]['Status']}") if left else COMPLETE
    if not rows:
        return failed_because(f"{step.parameters['rule_id']} is not associated with {step.parameters['vpc_id']}")
    status, number = str(rows[0]["Status"]), str(rows[0]["Id"])
    if status == "COMPLETE":
        return COMPLETE
    if status == "CREATING":
        return waiting_for(f"{number} is {status}")
    return failed_because(f"{number} is {status}: {rows[0].get('StatusMessage') or 'AWS says no more'}")


def found(step: Step, look: Reading, plan_id: str) -> JsonObject | None:
    """Return the association of the pair that bears this plan's name."""
    rows = _pair(step, look.aws) if step.action == _ASSOCIATE else []
    ours = [row for row in rows if row.get("Name") == _marker(plan_id)]
    return {"association_id": str(ours[0]["Id"])} if ours else None


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that takes away the association that `apply` reported as made."""
    number = str(effects.get("association_id") or "")
    if not number or step.action != _ASSOCIATE:
        return None
    rule_id, vpc_id = step.parameters["rule_id"], step.parameters["vpc_id"]
    return Step(
        fix=step.fix,
        action=_DISASSOCIATE,
        target=step.target,
        parameters={"rule_id": rule_id, "vpc_id": vpc_id, "association_id": number},
        before={"associations": [number]},
        diff=(f"- associated with {vpc_id} ({number})",),
        undo="",
        command=f"aws route53resolver disassociate-resolver-rule --resolver-rule-id {rule_id} --vpc-id {vpc_id}",
        writer=WriterKind.AWS,
        place=step.place,
    )


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its write at each peer; Resolver takes no dry run."""
    peers = evidence.get(Peers)
    entered = peers.entered if isinstance(peers, Peers) else ()
    return tuple(
        Rehearsal.without_dry_run(
            "route53resolver:AssociateResolverRule", target=f"Resolver rules at {one.place}", place=one.place
        )
        for one in entered
    )


FIX = Fix(
    name=NAME,
    title="Associate the forwarding rule with the VPCs that need it",
    does=(
        "Associates the Resolver rule that forwards the private endpoint's name with each peer's VPC in which it is "
        "usable and missing. The undo takes away exactly these associations."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    found=found,
    inverse=inverse,
    permissions=(
        AwsPermission(
            action="route53resolver:GetResolverRule",
            place=PlaceKind.PEER,
            unlocks="read the rule again right before it is associated",
        ),
        AwsPermission(
            action="route53resolver:ListResolverRuleAssociations",
            place=PlaceKind.PEER,
            unlocks="see whether an association was made, and when it holds",
        ),
        AwsPermission(
            action="route53resolver:AssociateResolverRule",
            place=PlaceKind.PEER,
            resources=_RULES,
            unlocks="let a rule hold in a peer's VPC",
        ),
        AwsPermission(
            action="route53resolver:DisassociateResolverRule",
            place=PlaceKind.PEER,
            resources=_RULES,
            unlocks="take back an association that a plan made",
        ),
    ),
    needs=(Peers, ResolverRules, ResolverQuotas),
    rule_parameters=("rules",),
    rehearse=rehearsals,
)
