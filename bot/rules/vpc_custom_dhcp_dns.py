"""DHCP options of a VPC send its clients to other servers than the VPC's resolver, which alone knows private zones.

Resolver rules and private zones hold for whoever asks the VPC's own resolver (AmazonProvidedDNS). Where the DHCP option
set names other servers, those decide, and none of it is seen unless they pass the name on to it. PROBLEM: by
configuration the VPC's resolver would lead a peer's lookups to the endpoint, and a lookup from there fails. UNKNOWN:
nobody looked from there; or the cluster's own VPC names others for an endpoint with private access alone. Source: VPC
User Guide, "DHCP option sets in Amazon VPC"; EKS User Guide, "Cluster API server endpoint".

In a playbook: `{rule: vpc_custom_dhcp_dns, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.collectors.vpc_dns import AMAZON, VpcDns, VpcDnsSettings
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.network_lookups import EndpointLookups
from bot.rules._name_ways import NEEDS, WANTS, NameWays, PeerWay, name_ways, other_servers, reach_of


def judge(case: Case) -> Judgement:
    """Conclude from DHCP options and from what lookups from peers were answered."""
    ways = name_ways(case)
    if isinstance(ways, Judgement):
        return ways
    dns = case.need(VpcDns)
    sent = [(one, servers) for one in ways.peers if (servers := other_servers(dns, one.peer.found.vpc_id))]
    failing = [(one, servers) for one, servers in sent if ways.fails(one.peer.place.name) and ways.resolves(one)]
    missing = ways.gaps or (*_unseen(ways, sent), *_at_home(ways, dns))
    if failing:
        return _problem(ways, dns, failing, missing)
    if missing:
        return unknown(f"Whether clients ask a resolver that knows {ways.host} is not known.", *missing)
    return healthy(
        f"Clients of {len(ways.peers)} peers ask their VPC's resolver, or servers that answer {ways.host}.",
        *(f"{one.where}: {_told(dns, one, servers)}, and a lookup from there is answered." for one, servers in sent),
    )


def _unseen(ways: NameWays, sent: Sequence[tuple[PeerWay, Sequence[str]]]) -> Iterator[Gap]:
    for one, servers in sent:
        fails = ways.fails(one.peer.place.name)
        what = f"lookups from {one.where}"
        if fails is None:
            reason = f"DHCP options send clients to {', '.join(servers)}, and nobody looked what those answer"
            yield Gap(what=what, reason=reason, setting="probe")
        elif fails and not ways.resolves(one):
            reason = (
                f"DHCP options send clients to {', '.join(servers)}, and the VPC's resolver would not lead "
                f"{ways.host} to the cluster's VPC either: whether those servers pass it on cannot be seen"
            )
            yield Gap(what=what, reason=reason)


def _at_home(ways: NameWays, dns: VpcDns) -> Iterator[Gap]:
    """Yield that nodes may not find an endpoint with private access alone; with public access others answer it, too."""
    servers = other_servers(dns, ways.cluster.vpc_id)
    if servers and not ways.cluster.endpoint_public:
        reason = (
            f"DHCP options of the cluster's VPC send clients to {', '.join(servers)}: ask from a node whether those "
            f"answer {ways.host} with private addresses"
        )
        yield Gap(what=f"lookups from {ways.cluster.vpc_id}", reason=reason)


def _told(dns: VpcDns, one: PeerWay, servers: Sequence[str]) -> str:
    return f"DHCP option set {_settings(dns, one).dhcp_options_id} sends clients to {', '.join(servers)}"


def _settings(dns: VpcDns, one: PeerWay) -> VpcDnsSettings:
    return next(vpc for vpc in dns.vpcs if vpc.vpc_id == one.peer.found.vpc_id)


def _problem(
    ways: NameWays, dns: VpcDns, failing: Sequence[tuple[PeerWay, Sequence[str]]], missing: tuple[Gap, ...]
) -> Judgement:
    first, servers = failing[0]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{_told(dns, first, servers)} of {first.where}; expected {AMAZON}: the VPC's resolver, which would lead "
            f"{ways.host} to its private addresses, is not asked, and a lookup from there fails."
        ),
        proof=tuple(f"{one.where}: {_told(dns, one, named)}." for one, named in failing),
        details={
            "name": ways.host,
            "sent_elsewhere": [
                {
                    "place": one.peer.place.name,
                    "vpc_id": one.peer.found.vpc_id,
                    "dhcp_options_id": _settings(dns, one).dhcp_options_id,
                    "servers": list(named),
                }
                for one, named in failing
            ],
        },
        missing=missing,
        advice=tuple(_advice(ways, one, named) for one, named in failing),
        reach=reach_of(one.peer.place.name for one, _ in failing),
    )


def _advice(ways: NameWays, one: PeerWay, servers: Sequence[str]) -> str:
    vpc_id = one.peer.found.vpc_id
    return (
        f"Have {', '.join(servers)} forward {ways.host} to the cluster's inbound endpoint or to the resolver of "
        f"{vpc_id}; or give {vpc_id} an option set with domain-name-servers={AMAZON}: aws ec2 associate-dhcp-options "
        f"--vpc-id {vpc_id} --dhcp-options-id ID. Clients take it up when they renew their lease."
    )


RULE = Rule(
    name="vpc_custom_dhcp_dns",
    title="DHCP options send a VPC's clients past its resolver",
    check="DNS servers in the VPCs' DHCP options",
    kind=Kind.CAUSE,
    judge=judge,
    needs=NEEDS,
    wants=WANTS,
    problem_refuted_by=(
        (EndpointLookups, "a lookup from there that gets the private addresses"),
        (VpcDns, "an option set that names the VPC's own resolver"),
    ),
    healthy_refuted_by=((VpcDns, "an option set that names other servers, and a lookup that fails or nobody made"),),
    refuted_with_more=(VpcDns,),
)
