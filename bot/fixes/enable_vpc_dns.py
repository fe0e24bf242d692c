"""Switch DNS support and DNS host names on in the cluster's VPC (D2).

Without enableDnsSupport the VPC has no resolver; without enableDnsHostnames its resolver passes private zones over, the
one that EKS keeps for a private endpoint included. Support comes first: host names need it. The undo switches off what
the plan switched on. Source: VPC User Guide, "DNS attributes for your VPC"; EC2 API Reference, ModifyVpcAttribute,
which takes one attribute a call and no dry run. Cost: two calls an attribute, one more every 2 s until it is on.
Playbook:

    fixes:
      - fix: enable_vpc_dns
        risk: low
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.collectors.vpc_dns import VpcDns
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import AwsPermission
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import UnitError, WriteFailed

NAME = "enable_vpc_dns"
_ENABLE, _DISABLE = "enable", "disable"
_MEMBERS = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}
_OPTIONS = {"enableDnsSupport": "enable-dns-support", "enableDnsHostnames": "enable-dns-hostnames"}


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each attribute that is off."""
    details = case.finding.judgement.details
    vpc_id, listed = str(details["vpc_id"]), details["off"]
    off = [one for one in _MEMBERS if isinstance(listed, Sequence) and one in listed]
    return Planned(
        steps=tuple(_step(vpc_id, attribute, on=True, before={"on": False}) for attribute in off),
        blast_radius=(
            f"All instances of {vpc_id} may ask its resolver from then on, and names of private zones that are "
            "associated with it answer there; instances with a public address get a public DNS name."
        ),
    )


def _step(vpc_id: str, attribute: str, *, on: bool, before: JsonValue) -> Step:
    words = ("off", "on") if on else ("on", "off")
    return Step(
        fix=NAME,
        action=_ENABLE if on else _DISABLE,
        target=f"{attribute} of {vpc_id}",
        parameters={"vpc_id": vpc_id, "attribute": attribute},
        before=before,
        diff=(f"- {attribute} {words[0]}", f"+ {attribute} {words[1]}"),
        undo="Switch it off again." if on else "",
        command=(
            f"aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --{_OPTIONS[attribute]} "
            f"'{{\"Value\": {'true' if on else 'false'}}}'"
        ),
        writer=WriterKind.AWS,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return whether the attribute is on."""
    return {"on": _is_on(step, look.aws)}


def _is_on(step: Step, aws: AwsReader) -> bool:
    attribute = str(step.parameters["attribute"])
    answer = aws.read("ec2", "DescribeVpcAttribute", VpcId=step.parameters["vpc_id"], Attribute=attribute)
    with reading("ec2:DescribeVpcAttribute"):
        return bool(answer[_MEMBERS[attribute]]["Value"])


def apply(step: Step, writing: Writing) -> JsonObject:
    """Switch it; return `{"switched": "on"}` or `"off"`. An answer that was lost is settled by reading it."""
    if step.action not in (_ENABLE, _DISABLE):
        message = f"{step.fix} knows no action {step.action!r}"
        raise UnitError(message)
    on = step.action == _ENABLE
    member = _MEMBERS[str(step.parameters["attribute"])]
    try:
        writing.aws_writer.write(
            "ec2", "ModifyVpcAttribute", VpcId=step.parameters["vpc_id"], **{member: {"Value": on}}
        )
    except WriteFailed as error:
        if not error.ambiguous or _is_on(step, writing.aws) is not on:
            raise
    return {"switched": "on" if on else "off"}


def settled(step: Step, _effects: JsonObject, look: Reading) -> Settled:
    """Return whether the attribute reads as it was switched."""
    wanted = step.action == _ENABLE
    return COMPLETE if _is_on(step, look.aws) is wanted else waiting_for(f"{step.target} does not show it yet")


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that switches off what `apply` switched on."""
    if effects.get("switched") != "on":
        return None
    return _step(str(step.parameters["vpc_id"]), str(step.parameters["attribute"]), on=False, before={"on": True})


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its write on the cluster's VPC; it takes no dry run."""
    dns = evidence.get(VpcDns)
    home = dns.home if isinstance(dns, VpcDns) else None
    if home is None:
        return ()
    return (
        Rehearsal(
            operation="ModifyVpcAttribute",
            parameters={"VpcId": home.vpc_id, "EnableDnsHostnames": {"Value": True}},
            judges=("ec2:ModifyVpcAttribute",),
            target=home.vpc_id,
            no_dry_run="ModifyVpcAttribute takes no DryRun",
        ),
    )


FIX = Fix(
    name=NAME,
    title="Enable DNS in the cluster's VPC",
    does=(
        "Switches enableDnsSupport and enableDnsHostnames on in the cluster's VPC, whichever is off. The undo switches "
        "off again what it switched on."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=(
        AwsPermission(action="ec2:DescribeVpcAttribute", unlocks="read an attribute again right before changing it"),
        AwsPermission(
            action="ec2:ModifyVpcAttribute",
            unlocks="switch DNS on in the cluster's VPC",
            resources=("arn:aws:ec2:*:*:vpc/*",),
        ),
    ),
    needs=(VpcDns,),
    rule_parameters=("vpc_id", "off"),
    rehearse=rehearsals,
)
