"""The cluster's VPC has DNS support or DNS host names off (D2).

Without enableDnsSupport its resolver does not answer. Without enableDnsHostnames it passes private zones over, the one
that EKS keeps for a private endpoint included: then the endpoint's name has its public answer there, and Resolver rules
that lead to this VPC lead to nothing. Source: VPC User Guide, "DNS attributes for your VPC"; EKS User Guide,
"Cluster API server endpoint".

In a playbook: `{rule: vpc_dns_disabled, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.vpc_dns import VpcDns
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.rules._name_ways import reach_of

_OPTIONS = {"enableDnsSupport": "enable-dns-support", "enableDnsHostnames": "enable-dns-hostnames"}


def judge(case: Case) -> Judgement:
    """Conclude from the two attributes and from whether private access is on."""
    cluster, dns = case.need(EksCluster), case.need(VpcDns)
    home = dns.home
    if home is None:
        gap = Gap(what="DNS settings of the cluster's VPC", reason="they were not read")
        return unknown("Not known whether the cluster's VPC has DNS on.", *(dns.gaps or (gap,)))
    needed = {"enableDnsSupport": home.dns_support, "enableDnsHostnames": home.dns_hostnames}
    off = [name for name, on in needed.items() if not on and (name == "enableDnsSupport" or cluster.endpoint_private)]
    if off:
        return replace(_problem(cluster, off, dns.gaps), reach=reach_of(_elsewhere(case)))
    if dns.gaps:
        return unknown("The cluster's VPC has DNS on; of other VPCs not all could be read.", *dns.gaps)
    state = "on" if home.dns_hostnames else "off, which matters to private access alone"
    return healthy(f"{home.vpc_id} has enableDnsSupport on and enableDnsHostnames {state}.")


def _elsewhere(case: Case) -> Iterator[str]:
    """Yield the networks whose lookups are answered by this VPC's resolver, or by none."""
    yield from (peer.place.name for peer in case.target.peers)
    yield from (site.name for site in case.target.on_premises)


def _problem(cluster: EksCluster, off: list[str], gaps: tuple[Gap, ...]) -> Judgement:
    what = (
        "its resolver does not answer"
        if "enableDnsSupport" in off
        else f"its resolver passes the private zone of {cluster.endpoint_host} over"
    )
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The cluster's VPC {cluster.vpc_id} has {' and '.join(off)} off; expected on: {what}.",
        proof=tuple(f"{cluster.vpc_id}: {name} is off." for name in off),
        details={"vpc_id": cluster.vpc_id, "off": list(off)},
        missing=gaps,
        objects=(FaultyObject(kind=ObjectKind.VPC, name=cluster.vpc_id),),
        advice=tuple(
            f"aws ec2 modify-vpc-attribute --vpc-id {cluster.vpc_id} --{_OPTIONS[name]} '{{\"Value\": true}}'"
            for name in off
        ),
    )


RULE = Rule(
    name="vpc_dns_disabled",
    title="The cluster's VPC has DNS support or host names off",
    check="DNS attributes of the cluster's VPC",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(EksCluster, VpcDns),
    problem_refuted_by=((EksCluster, "private access that is off, for which host names do not matter"),),
    healthy_refuted_by=((VpcDns, "one of the two attributes that is off"),),
)
