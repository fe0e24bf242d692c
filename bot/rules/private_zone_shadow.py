"""A private hosted zone above the private endpoint's name lacks it, and answers NXDOMAIN to a peer.

A private zone answers for its whole domain in every VPC that it is associated with, unless it falls back to public DNS,
and unless a Resolver rule for a longer name, or the same, leads elsewhere.

In a playbook: `{rule: private_zone_shadow, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.private_zones import PrivateZones
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.network.name_hops import End, HopKind
from bot.rules._name_ways import NEEDS
from bot.rules._stopped_ways import StoppedWay, judge_stopped


def judge(case: Case) -> Judgement:
    """Conclude from the private zones that peers' lookups meet."""
    return judge_stopped(
        case,
        HopKind.ZONE,
        End.NO_RECORD,
        well="No private hosted zone says that the name does not exist",
        why="NXDOMAIN is answered inside and an address outside",
        advice=_advice,
    )


def _advice(found: StoppedWay) -> str:
    return (
        "Lead the endpoint's name elsewhere by a FORWARD rule for exactly this name, or take the VPC out of the zone: "
        f"aws route53 disassociate-vpc-from-hosted-zone --hosted-zone-id {found.hop.id} "
        f"--vpc VPCRegion={found.peer.peer.found.region},VPCId={found.hop.vpc_id}"
    )


RULE = Rule(
    name="private_zone_shadow",
    title="A private hosted zone hides the private endpoint's name",
    check="Private hosted zones above the private endpoint's name",
    kind=Kind.CAUSE,
    judge=judge,
    needs=NEEDS,
    problem_refuted_by=(
        (PrivateZones, "a record for the name, or public DNS that the zone falls back to"),
        (ResolverRules, "a rule for a longer name, or the same, that comes before the zone"),
    ),
    healthy_refuted_by=((PrivateZones, "a zone above the name that lacks it"),),
)
