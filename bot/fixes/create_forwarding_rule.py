"""Create a FORWARD rule for the private endpoint's name, aimed at the inbound endpoint's addresses on port 53 (D5).

One for each account and region of peers that have none: through the outbound endpoint there, to the addresses that the
inbound endpoint has, or that AWS draws in an earlier step. Until `associate_forwarding_rule` has associated it, it does
nothing. Source: Route 53 API Reference, CreateResolverRule. Cost: three calls a rule. Playbook:

    then:
      - fix: create_forwarding_rule
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.made import Made
from bot.domain.peers import Peers
from bot.domain.permissions import AwsPermission
from bot.domain.places import PlaceKind
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import UnitError
from bot.fixes import _settled_by_listing as settled_by_listing
from bot.fixes._endpoint_building import NEEDS, Lead, NewEndpoint, building
from bot.fixes._resolver_endpoint_steps import CREATE_ENDPOINT
from bot.network.names import ResolverEndpoint

NAME = "create_forwarding_rule"
CREATE_RULE, _DELETE = "create_rule", "delete_rule"
_RULES = ("arn:aws:route53resolver:*:*:resolver-rule/*",)


def plan(case: PlanCase) -> Planned | Advice:
    """Plan a rule for each account and region that has none for the name."""
    found = building(case)
    if isinstance(found, Advice):
        return found
    leads = [lead for lead in found.leads if lead.makes_rule]
    planned = tuple(
        _step(case, lead, found.host, found.inbound, len(case.earlier) + number) for number, lead in enumerate(leads)
    )
    return Planned(steps=planned, blast_radius="", only_followed=True)


def _step(case: PlanCase, lead: Lead, host: str, inbound: ResolverEndpoint | NewEndpoint, index: int) -> Step:
    endpoint_id: str | Made = _made(case, lead.outbound, "endpoint_id")
    targets: Sequence[str] | Made
    if isinstance(inbound, NewEndpoint):
        targets = _made(case, inbound, "targets")
    else:
        targets = sorted(str(one.address) for one in inbound.addresses if one.address.version == 4)  # noqa: PLR2004  # IPv4
    shown = f"<{targets}>" if isinstance(targets, Made) else " ".join(f"Ip={one},Port=53" for one in targets)
    through = f"<{endpoint_id}>" if isinstance(endpoint_id, Made) else endpoint_id
    creator = f"dnsbot-{case.plan_id}-{index + 1}"
    site = lead.site
    return Step(
        fix=NAME,
        action=CREATE_RULE,
        target=f"Resolver rule for {host} in account {site.account}, {site.region}",
        parameters={
            "creator": creator,
            "rule_name": f"dnsbot-{case.plan_id}",
            "name": host,
            "endpoint_id": endpoint_id.as_json() if isinstance(endpoint_id, Made) else endpoint_id,
            "targets": targets.as_json() if isinstance(targets, Made) else list(targets),
            "vpcs": [{"vpc_id": one.vpc_id, "place": one.place.name} for one in lead.vpcs],
            "region": site.region,
        },
        before={"rules": []},
        diff=(
            f"+ FORWARD {host} through {endpoint_id}",
            f"+ to {targets if isinstance(targets, Made) else ', '.join(targets)}, port 53",
        ),
        undo="Delete the rule.",
        command=(
            f"aws route53resolver create-resolver-rule --creator-request-id {creator} --rule-type FORWARD "
            f"--domain-name {host} --resolver-endpoint-id {through} --target-ips {shown} --name dnsbot-{case.plan_id} "
            f"--region {site.region}"
        ),
        writer=WriterKind.AWS,
        place=site.place,
    )


def _made(case: PlanCase, endpoint: ResolverEndpoint | NewEndpoint, member: str) -> Any:  # noqa: ANN401  # an id or Made
    """Return an endpoint's id, or what the earlier step makes of it."""
    if isinstance(endpoint, ResolverEndpoint):
        return endpoint.id
    wanted = (endpoint.direction.value, endpoint.site.vpc_id)
    for index, step in enumerate(case.earlier):
        known = step.parameters
        if step.action == CREATE_ENDPOINT and (known["direction"], known["vpc_id"]) == wanted:
            return Made(made_by_step=index, member=member)
    message = f"no earlier step of the plan makes the {wanted[0]} endpoint in {wanted[1]}, which a rule needs"
    raise UnitError(message)


def read(step: Step, look: Reading) -> JsonValue:
    """Return the ids of the FORWARD rules for the name that the account may use; for a deletion, the rule's own."""
    rows = _listed(step, look.aws)
    if step.action == _DELETE:
        return {"rules": [str(row["Id"]) for row in rows if row["Id"] == step.parameters["rule_id"]]}
    return {"rules": [str(row["Id"]) for row in rows]}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Create or delete the rule; return `{"rule_id": …}`, empty where nothing was there to delete."""
    if step.action == CREATE_RULE:
        return {"rule_id": _create(step, writing)}
    if step.action == _DELETE:
        return {"rule_id": _delete(step, writing)}
    message = f"{step.fix} knows no action {step.action!r}"
    raise UnitError(message)


def _create(step: Step, writing: Writing) -> str:
    """Send it; an answer that was lost, or that it is there already, is settled by its CreatorRequestId."""
    asked: Any = step.parameters
    write = partial(
        writing.aws_writer.write,
        "route53resolver",
        "CreateResolverRule",
        CreatorRequestId=asked["creator"],
        Name=asked["rule_name"],
        RuleType="FORWARD",
        DomainName=asked["name"],
        ResolverEndpointId=asked["endpoint_id"],
        TargetIps=[{"Ip": one, "Port": 53} for one in asked["targets"]],
    )
    return str(settled_by_listing.send(step, write, lambda: _created(step, writing.aws))["Id"])


def _delete(step: Step, writing: Writing) -> str:
    number = str(step.parameters["rule_id"])
    if number not in {str(row["Id"]) for row in _listed(step, writing.aws)}:
        return ""
    writing.aws_writer.write("route53resolver", "DeleteResolverRule", ResolverRuleId=number)
    return number


def _listed(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    """Return the FORWARD rules for exactly this name; AWS lists names with a final dot."""
    name = str(step.parameters["name"])
    return _rules(aws, {"Name": "DomainName", "Values": [name, f"{name}."]}, {"Name": "TYPE", "Values": ["FORWARD"]})


def _created(step: Step, aws: AwsReader) -> list[Mapping[str, Any]]:
    return _rules(aws, {"Name": "CreatorRequestId", "Values": [step.parameters["creator"]]})


def _rules(aws: AwsReader, *filters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answer = aws.read("route53resolver", "ListResolverRules", Filters=list(filters))
    with reading("route53resolver:ListResolverRules"):
        return list(answer["ResolverRules"])


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the rule is COMPLETE, or gone."""
    rows = [row for row in _listed(step, look.aws) if row["Id"] == effects.get("rule_id")]
    if step.action == _DELETE:
        return waiting_for(f"{rows[0]['Id']} is {rows[0]['Status']}") if rows else COMPLETE
    if not rows:
        return failed_because(f"{effects.get('rule_id')} is not there")
    number, status = str(rows[0]["Id"]), str(rows[0]["Status"])
    if status == "COMPLETE":
        return COMPLETE
    if status == "UPDATING":
        return waiting_for(f"{number} is {status}")
    return failed_because(f"{number} is {status}: {rows[0].get('StatusMessage') or 'AWS says no more'}")


def found(step: Step, look: Reading, _plan_id: str) -> JsonObject | None:
    """Return the rule that this step of this plan made, by its CreatorRequestId."""
    rows = _created(step, look.aws) if step.action == CREATE_RULE else []
    return {"rule_id": str(rows[0]["Id"])} if rows else None


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that deletes the rule that `apply` reported as made."""
    number = str(effects.get("rule_id") or "")
    if not number or step.action != CREATE_RULE:
        return None
    return Step(
        fix=step.fix,
        action=_DELETE,
        target=f"Resolver rule {number} ({step.parameters['name']})",
        parameters={"rule_id": number, "name": step.parameters["name"]},
        before={"rules": [number]},
        diff=(f"- FORWARD {step.parameters['name']} ({number})",),
        undo="",
        command=f"aws route53resolver delete-resolver-rule --resolver-rule-id {number}",
        writer=WriterKind.AWS,
        place=step.place,
    )


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its write at each peer; Resolver takes no dry run."""
    peers = evidence.get(Peers)
    entered = peers.entered if isinstance(peers, Peers) else ()
    return tuple(
        Rehearsal.without_dry_run(
            "route53resolver:CreateResolverRule", target=f"Resolver rules at {one.place}", place=one.place
        )
        for one in entered
    )


FIX = Fix(
    name=NAME,
    title="Create a forwarding rule for the endpoint's name",
    does=(
        "Creates a Resolver rule that forwards the private endpoint's name to the inbound endpoint's addresses, in "
        "each account and region of peers that has none. The undo deletes it."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    found=found,
    inverse=inverse,
    permissions=(
        AwsPermission(
            action="route53resolver:ListResolverRules",
            place=PlaceKind.PEER,
            unlocks="see whether a rule for the name is there, and when it holds",
        ),
        AwsPermission(
            action="route53resolver:CreateResolverRule",
            place=PlaceKind.PEER,
            resources=_RULES,
            unlocks="forward the private endpoint's name",
        ),
        AwsPermission(
            action="route53resolver:DeleteResolverRule",
            place=PlaceKind.PEER,
            resources=_RULES,
            unlocks="take back a rule that a plan made",
        ),
    ),
    needs=NEEDS,
    rule_parameters=("peers",),
    rehearse=rehearsals,
)
