"""Share the forwarding rule with the accounts of peers that may not use it, and accept it there (D5).

The owner's writer makes one RAM resource share for the rule and these accounts; each peer's own writer accepts its
invitation in a step of its own. Where the accounts are of one organization with sharing switched on there is no
invitation, and the step has nothing to accept. `associate_forwarding_rule` follows in the same plan: where a quota
leaves no room for its associations, nothing is shared. The undo deletes the share, which also takes the rule from who
accepted it. Source: RAM API Reference, CreateResourceShare,
AcceptResourceShareInvitation; Route 53 Developer Guide, "Sharing Resolver rules with other AWS accounts". Cost: two
calls a share, three an acceptance, and one every 2 s until the rule is visible. Playbook:

    fixes:
      - fix: share_forwarding_rule
        risk: medium
        then:
          - fix: associate_forwarding_rule
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
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
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import UnitError, WriteFailed
from bot.fixes import _settled_by_listing as settled_by_listing
from bot.fixes._resolver_room import no_room
from bot.network.names import ResolverRule

NAME = "share_forwarding_rule"
ACCEPT_SHARE = "accept"
_SHARE, _UNSHARE = "share", "unshare"
_PENDING = "PENDING"


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one share for each rule, and one acceptance for each account that it is shared with."""
    rows = [one for one in case.finding.rows("rules") if one["fault"] == "not shared"]
    accounts = case.need(ResolverRules).accounts
    owned = {
        rule.id: (account.place, rule)
        for account in accounts
        for rule in account.rules
        if rule.owner == account.account
    }
    entered = {one.place.name: one for one in case.need(Peers).entered}
    places = {name: one.place for name, one in entered.items()}
    steps: list[Step] = []
    holding: list[Place] = []
    for number in dict.fromkeys(str(row["rule_id"]) for row in rows):
        wanted = [row for row in rows if row["rule_id"] == number and row["place"] in places]
        if number in owned and wanted:
            steps += _steps(case.after(*steps), *owned[number], wanted, places)
            holding += [entered[str(row["place"])].found for row in wanted]
    if not steps:
        return Advice(
            reason="No rule that one of these accounts owns lacks only being shared.",
            text=("Have the rule's owner share it, and diagnose again.",),
        )
    full = no_room(case, [(Limited.ASSOCIATIONS, one.account, one.region) for one in holding])
    if full is not None:
        return full
    names = ", ".join(dict.fromkeys(str(step.parameters["rule_id"]) for step in steps))
    whom = ", ".join(dict.fromkeys(str(row["account"]) for row in rows))
    return Planned(
        steps=tuple(steps),
        blast_radius=f"Accounts {whom} may associate {names} with any of their VPCs; they cannot change it.",
    )


def _steps(
    case: PlanCase, place: Place, rule: ResolverRule, rows: list[JsonObject], places: Mapping[str, Place]
) -> Iterator[Step]:
    """Yield the share, then an acceptance for each account, which also says in which VPCs the rule is to hold."""
    accounts = list(dict.fromkeys(str(row["account"]) for row in rows))
    name = f"dnsbot-{case.plan_id}-{len(case.earlier) + 1}"
    share = Made(made_by_step=len(case.earlier), member="share_arn")
    arn = f"arn:aws:route53resolver:{rule.region}:{rule.owner}:resolver-rule/{rule.id}"
    yield Step(
        fix=NAME,
        action=_SHARE,
        target=f"RAM resource share of Resolver rule {rule.id}",
        parameters={"name": name, "rule_id": rule.id, "arn": arn, "accounts": list(accounts), "region": rule.region},
        before={"shares": []},
        diff=(
            f"  {rule.name} by {rule.id} of account {rule.owner}",
            *(f"+ shared with account {one}" for one in accounts),
        ),
        undo="Delete the share; the rule stays with its owner.",
        command=(
            f"aws ram create-resource-share --name {name} --resource-arns {arn} --principals {' '.join(accounts)} "
            f"--region {rule.region}"
        ),
        writer=WriterKind.AWS,
        place=place,
    )
    for account in accounts:
        own = [row for row in rows if str(row["account"]) == account]
        yield Step(
            fix=NAME,
            action=ACCEPT_SHARE,
            target=f"invitation of account {account} to the share of Resolver rule {rule.id}",
            parameters={
                "rule_id": rule.id,
                "name": rule.name,
                "share_arn": share.as_json(),
                "vpcs": [{"vpc_id": row["vpc_id"], "place": row["place"]} for row in own],
            },
            before={"visible": []},
            diff=(f"+ account {account} may use {rule.id}",),
            undo="Deleting the share takes the rule from this account again.",
            command=(
                f"aws ram accept-resource-share-invitation --resource-share-invitation-arn '<of {share}, by "
                f"aws ram get-resource-share-invitations>' --region {rule.region}"
            ),
            writer=WriterKind.AWS,
            place=places[str(own[0]["place"])],
        )


def read(step: Step, look: Reading) -> JsonValue:
    """Return the shares of this name that are not deleted, or whether the rule is visible."""
    if step.action == ACCEPT_SHARE:
        return {"visible": [str(row["Id"]) for row in _visible(step, look.aws)]}
    return {"shares": [str(row["resourceShareArn"]) for row in _shares(step, look.aws)]}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Share, accept or delete the share; return `share_arn`, or the invitation as `accepted`; empty: nothing done."""
    acts = {_SHARE: _share, ACCEPT_SHARE: _accept, _UNSHARE: _unshare}
    if step.action not in acts:
        message = f"{step.fix} knows no action {step.action!r}"
        raise UnitError(message)
    return acts[step.action](step, writing)


def _share(step: Step, writing: Writing) -> JsonObject:
    """Send it; an answer that was lost is settled by the share's name."""
    accounts: Any = step.parameters["accounts"]
    write = partial(
        writing.aws_writer.write,
        "ram",
        "CreateResourceShare",
        name=step.parameters["name"],
        resourceArns=[step.parameters["arn"]],
        principals=list(accounts),
        clientToken=step.parameters["name"],
    )
    row = settled_by_listing.send(step, write, lambda: _shares(step, writing.aws))
    return {"share_arn": str(row["resourceShareArn"])}


def _accept(step: Step, writing: Writing) -> JsonObject:
    """Accept what is pending; an answer that was lost is settled by the invitation's status."""
    pending = [row for row in _invitations(step, writing.aws) if row["status"] == _PENDING]
    for row in pending:
        arn = str(row["resourceShareInvitationArn"])
        try:
            writing.aws_writer.write("ram", "AcceptResourceShareInvitation", resourceShareInvitationArn=arn)
        except WriteFailed as error:
            still = {
                one["resourceShareInvitationArn"]
                for one in _invitations(step, writing.aws)
                if one["status"] == _PENDING
            }
            if not error.ambiguous or arn in still:
                raise
    return {"accepted": str(pending[0]["resourceShareInvitationArn"]) if pending else ""}


def _unshare(step: Step, writing: Writing) -> JsonObject:
    arn = str(step.parameters["share_arn"])
    if arn not in {str(row["resourceShareArn"]) for row in _shares(step, writing.aws)}:
        return {"share_arn": ""}
    writing.aws_writer.write("ram", "DeleteResourceShare", resourceShareArn=arn)
    return {"share_arn": arn}


def _shares(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    answer = aws.read("ram", "GetResourceShares", resourceOwner="SELF", name=step.parameters["name"])
    with reading("ram:GetResourceShares"):
        return [row for row in answer["resourceShares"] if row["status"] in {_PENDING, "ACTIVE"}]


def _invitations(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    answer = aws.read("ram", "GetResourceShareInvitations", resourceShareArns=[step.parameters["share_arn"]])
    with reading("ram:GetResourceShareInvitations"):
        return list(answer["resourceShareInvitations"])


def _visible(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    name = str(step.parameters["name"])
    filters = [{"Name": "DomainName", "Values": [name, f"{name}."]}]
    answer = aws.read("route53resolver", "ListResolverRules", Filters=filters)
    with reading("route53resolver:ListResolverRules"):
        return [row for row in answer["ResolverRules"] if row["Id"] == step.parameters["rule_id"]]


def settled(step: Step, _effects: JsonObject, look: Reading) -> Settled:
    """Return whether the share is there or gone, or the rule visible to who accepted."""
    if step.action == ACCEPT_SHARE:
        return COMPLETE if _visible(step, look.aws) else waiting_for(f"{step.parameters['rule_id']} is not visible yet")
    rows = _shares(step, look.aws)
    if step.action == _UNSHARE:
        return waiting_for("the share is still listed") if rows else COMPLETE
    return COMPLETE if any(row["status"] == "ACTIVE" for row in rows) else waiting_for("the share is not ACTIVE yet")


def found(step: Step, look: Reading, _plan_id: str) -> JsonObject | None:
    """Return the share that bears this plan's name, or that the invitation to it was accepted."""
    if step.action == _SHARE:
        rows = _shares(step, look.aws)
        return {"share_arn": str(rows[0]["resourceShareArn"])} if rows else None
    if step.action == ACCEPT_SHARE:
        done = [row for row in _invitations(step, look.aws) if row["status"] == "ACCEPTED"]
        return {"accepted": str(done[0]["resourceShareInvitationArn"])} if done else None
    return None


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that deletes the share that `apply` reported as made; it takes the acceptances with it."""
    arn = str(effects.get("share_arn") or "")
    if not arn or step.action != _SHARE:
        return None
    return Step(
        fix=step.fix,
        action=_UNSHARE,
        target=f"{step.target} ({arn.rpartition('/')[2]})",
        parameters={"name": step.parameters["name"], "share_arn": arn},
        before={"shares": [arn]},
        diff=(f"- {arn}",),
        undo="",
        command=f"aws ram delete-resource-share --resource-share-arn {arn}",
        writer=WriterKind.AWS,
        place=step.place,
    )


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its writes where rules are owned and accepted; RAM takes no dry run."""
    resolver, peers = evidence.get(ResolverRules), evidence.get(Peers)
    if not isinstance(resolver, ResolverRules) or not isinstance(peers, Peers):
        return ()
    sharing = [
        (account.place, one) for account in resolver.accounts for one in ("CreateResourceShare", "DeleteResourceShare")
    ]
    accepting = [(one.place, "AcceptResourceShareInvitation") for one in peers.entered]
    return tuple(
        Rehearsal.without_dry_run(f"ram:{operation}", target=f"resource shares at {place}", place=place)
        for place, operation in (*sharing, *accepting)
    )


def _permissions() -> Iterator[AwsPermission]:
    for kind in (PlaceKind.HOME, PlaceKind.PEER):
        yield AwsPermission(action="ram:GetResourceShares", place=kind, unlocks="see whether a share was made")
        yield AwsPermission(
            action="ram:CreateResourceShare",
            place=kind,
            resources=("*",),
            conditions=(("StringEquals", "ram:RequestedResourceType", ("route53resolver:ResolverRule",)),),
            unlocks="share a forwarding rule with a peer's account",
        )
        yield AwsPermission(
            action="ram:DeleteResourceShare",
            place=kind,
            resources=("arn:aws:ram:*:*:resource-share/*",),
            unlocks="take back a share that a plan made",
        )
        yield AwsPermission(
            action="route53resolver:PutResolverRulePolicy",
            place=kind,
            resources=("arn:aws:route53resolver:*:*:resolver-rule/*",),
            unlocks="let RAM share a forwarding rule",
            by_service=True,
        )
    yield AwsPermission(
        action="ram:GetResourceShareInvitations", place=PlaceKind.PEER, unlocks="see a peer's invitation to a share"
    )
    yield AwsPermission(
        action="ram:AcceptResourceShareInvitation",
        place=PlaceKind.PEER,
        resources=("arn:aws:ram:*:*:resource-share-invitation/*",),
        unlocks="accept a shared forwarding rule in a peer's account",
    )
    yield AwsPermission(
        action="route53resolver:ListResolverRules", place=PlaceKind.PEER, unlocks="see whether a shared rule is visible"
    )


FIX = Fix(
    name=NAME,
    title="Share the forwarding rule with the peers' accounts",
    does=(
        "Shares the Resolver rule for the private endpoint's name with each peer's account that may not use it, and "
        "accepts the invitation there. The undo deletes the share."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    found=found,
    inverse=inverse,
    permissions=tuple(_permissions()),
    needs=(Peers, ResolverRules, ResolverQuotas),
    rule_parameters=("rules",),
    rehearse=rehearsals,
)
