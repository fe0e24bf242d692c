"""A Resolver rule for the private endpoint's name is there and does not work for a peer (D5).

It is not associated with the peer's VPC, its association failed, it is not shared with the peer's account, it is aimed
at addresses where nobody answers, or another rule takes the name out of it. A rule in force that leads nowhere is a
PROBLEM; where the rule does not hold public DNS is asked, and since that answers a private-only endpoint (D1) it is a
PROBLEM only where `public_resolution` is `blocked` or a lookup from there was seen to fail.

In a playbook: `{rule: resolver_rule_broken, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.endpoint_networks import EndpointNetworks
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.domain.network_lookups import EndpointLookups
from bot.domain.places import PublicResolution
from bot.rules._name_ways import NEEDS, WANTS, NameWays, name_ways, reach_of
from bot.rules._rule_faults import Fault, RuleFault, rule_fault


def judge(case: Case) -> Judgement:
    """Conclude from the rules for the name and from the ways that peers' lookups take."""
    ways = name_ways(case)
    if isinstance(ways, Judgement):
        return ways
    faults = [found for one in ways.peers if (found := rule_fault(ways, one)) is not None and not _answers(ways, found)]
    broken = [one for one in faults if one.certain or (_nothing_else(ways, one) and not one.peer.way.doubts)]
    missing = _missing(ways, faults)
    if broken:
        return _problem(ways, broken, missing)
    if missing:
        proof = tuple(f"{one.text}." for one in faults)
        return unknown("No Resolver rule is seen to be broken, but not all could be judged.", *missing, proof=proof)
    rules = {rule.id for one in ways.peers for rule in ways.rules_for(one)}
    return healthy(
        f"No Resolver rule for {ways.host} is broken: {len(rules)} of {len(ways.world.rules)} rules forward this name, "
        f"looked at from {len(ways.peers)} peers.",
        *(hop.text for one in ways.peers for hop in one.way.hops),
    )


def _answers(ways: NameWays, one: RuleFault) -> bool:
    """Return whether a lookup from there got the private addresses although the rule does not hold."""
    return not one.certain and ways.fails(one.peer.peer.place.name) is False


def _nothing_else(ways: NameWays, one: RuleFault) -> bool:
    """Return whether no public DNS answers instead: nobody may ask it, or a lookup from there was seen to fail."""
    return ways.public is PublicResolution.BLOCKED or ways.fails(one.peer.peer.place.name) is True


def _missing(ways: NameWays, faults: Sequence[RuleFault]) -> tuple[Gap, ...]:
    """Return what could not be read, and what of rules that do not hold depends on public DNS."""
    open_faults = [] if ways.public is not PublicResolution.UNKNOWN else [one for one in faults if not one.certain]
    asked = [
        Gap(
            what=f"lookups from {one.peer.where}",
            reason=f"{one.text}; whether public DNS may be asked from there instead is not known",
            setting="public_resolution",
        )
        for one in open_faults
    ]
    undecided = [gap for one in ways.peers if not ways.resolves(one) or one.way.doubts for gap in ways.doubts(one)]
    return ways.gaps or tuple(dict.fromkeys((*asked, *undecided)))


def _problem(ways: NameWays, broken: Sequence[RuleFault], missing: tuple[Gap, ...]) -> Judgement:
    first = broken[0]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{first.text}: lookups of {ways.host} from {first.peer.where} are not led to the cluster's VPC "
            f"{ways.cluster.vpc_id}."
        ),
        proof=tuple(f"{one.peer.where}: {one.text}." for one in broken),
        details={"rules": [_row(ways, one) for one in broken], "name": ways.host},
        missing=missing,
        reach=reach_of(one.peer.peer.place.name for one in broken),
        objects=tuple(
            FaultyObject(kind=ObjectKind.RESOLVER_RULE, name=one.rule.id, place=one.peer.peer.place) for one in broken
        ),
        advice=tuple(dict.fromkeys(_command(ways, one) for one in broken)),
    )


def _row(ways: NameWays, one: RuleFault) -> JsonObject:
    return {
        "rule_id": one.rule.id,
        "fault": one.fault.value,
        "place": one.peer.peer.place.name,
        "vpc_id": one.peer.peer.found.vpc_id,
        "account": one.peer.peer.found.account,
        "region": one.rule.region,
        "owner": one.rule.owner,
        "targets": [str(target) for target in one.rule.targets],
        "inbound_addresses": _inbound(ways),
    }


def _inbound(ways: NameWays) -> list[str]:
    return [str(one.address) for endpoint in ways.inbound() for one in endpoint.addresses]


def _command(ways: NameWays, one: RuleFault) -> str:
    region = f"--region {one.rule.region}"
    if one.fault is Fault.NOT_SHARED:
        arn = f"arn:aws:route53resolver:{one.rule.region}:{one.rule.owner}:resolver-rule/{one.rule.id}"
        account = one.peer.peer.found.account
        return (
            f"aws ram create-resource-share --name {one.rule.id} --resource-arns {arn} --principals {account} {region}"
        )
    if one.fault is Fault.WRONG_TARGETS:
        ips = " ".join(f"Ip={address},Port=53" for address in _inbound(ways)) or "Ip=INBOUND_ADDRESS,Port=53"
        config = f"TargetIps=[{', '.join(f'{{{each}}}' for each in ips.split())}]"
        return f"aws route53resolver update-resolver-rule --resolver-rule-id {one.rule.id} --config '{config}' {region}"
    if one.fault is Fault.CONFLICT:
        return (
            f"aws route53resolver disassociate-resolver-rule --resolver-rule-id {one.rule.id} "
            f"--vpc-id {one.peer.peer.found.vpc_id} {region}"
        )
    return (
        f"aws route53resolver associate-resolver-rule --resolver-rule-id {one.rule.id} "
        f"--vpc-id {one.peer.peer.found.vpc_id} {region}"
    )


RULE = Rule(
    name="resolver_rule_broken",
    title="A Resolver rule for the private endpoint does not work",
    check="Route 53 Resolver rules for the private endpoint",
    kind=Kind.CAUSE,
    judge=judge,
    needs=NEEDS,
    wants=WANTS,
    problem_refuted_by=(
        (EndpointLookups, "a lookup from there that gets the private addresses all the same"),
        (ResolverRules, "another rule or association by which the name is led to the cluster's VPC"),
        (EndpointNetworks, "somebody who holds the address that the rule is aimed at"),
    ),
    healthy_refuted_by=(
        (ResolverRules, "a rule for the name that does not hold, or leads nowhere"),
        (EndpointLookups, "a lookup that fails where such a rule does not hold and public DNS may be asked"),
    ),
    refuted_with_more=(EndpointNetworks,),
    decides_without=(EndpointLookups,),
)
