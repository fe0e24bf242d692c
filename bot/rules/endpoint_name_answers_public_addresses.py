"""A peer is answered the public addresses of an endpoint that has private ones too, and may not use them.

Outside the cluster's VPC public DNS answers for an endpoint with public and private access, with public addresses.
Whoever has no way out, or comes from an address that the endpoint's public access CIDRs leave out, reaches nothing
there. PROBLEM: a lookup from a peer answers addresses outside the cluster's VPC alone, and `public_resolution` is
`blocked`. HEALTHY: the public access CIDRs let everybody in, so that a peer with a way out may use them. UNKNOWN: they
name some networks, and the bot does not know the peer's way out. Source: EKS User Guide, "Cluster API server endpoint".

In a playbook: `{rule: endpoint_name_answers_public_addresses, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.vpc_dns import VpcDns
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, nothing_to_check, unknown
from bot.domain.lookups import Answer, Lookup
from bot.domain.network_lookups import EndpointLookups
from bot.domain.peers import Peers
from bot.domain.places import PublicResolution
from bot.rules._home_addresses import at_home
from bot.rules._name_ways import reach_of, row_of

EVERYBODY = "0.0.0.0/0"


def judge(case: Case) -> Judgement:
    """Conclude from the answers that peers' lookups got and from whom the public endpoint lets in."""
    cluster, peers, dns = case.need(EksCluster), case.need(Peers), case.need(VpcDns)
    seen = case.need(EndpointLookups)
    gaps = (*peers.gaps, *dns.gaps, *seen.gaps)
    if not case.target.peers and not gaps:
        return nothing_to_check("no peer is configured")
    if not (cluster.endpoint_private and cluster.endpoint_public) and not gaps:
        return nothing_to_check("the endpoint is not both public and private")
    public = [one for one in _asked(case, seen) if _is_public(one, seen, dns)]
    missing = (*gaps, *_unseen(case, seen), *_unsure(case, cluster, public))
    if public and case.target.public_resolution is PublicResolution.BLOCKED:
        return _problem(cluster, public, peers, missing)
    if missing:
        return unknown(
            f"Not known whether peers may use the addresses that {cluster.endpoint_host} answers there.", *missing
        )
    return healthy(
        f"No peer is answered public addresses of {cluster.endpoint_host} that it may not use.",
        *(f"{one.client.place}: {', '.join(one.addresses)}; the endpoint lets in {EVERYBODY}." for one in public),
    )


def _asked(case: Case, seen: EndpointLookups) -> Iterator[Lookup]:
    names = {one.place.name for one in case.target.peers}
    yield from (one for network in seen.networks if network.place in names for one in network.asked)


def _is_public(one: Lookup, seen: EndpointLookups, dns: VpcDns) -> bool:
    """Return whether a lookup was answered, and with no address of the cluster's VPC."""
    return one.answer is Answer.ANSWERED and not any(at_home(address, seen, dns) for address in one.addresses)


def _unseen(case: Case, seen: EndpointLookups) -> Iterator[Gap]:
    """Yield the peers from which nobody looked; where public DNS is open to them it may be used as well."""
    looked = {network.place for network in seen.networks if network.asked}
    for peer in case.target.peers:
        if peer.place.name not in looked and case.target.public_resolution is not PublicResolution.OPEN:
            reason = "nobody looked the endpoint's name up from there"
            yield Gap(what=f"lookups from {peer.place.name}", reason=reason, setting="probe")


def _unsure(case: Case, cluster: EksCluster, public: Sequence[Lookup]) -> Iterator[Gap]:
    if EVERYBODY in cluster.public_access_cidrs or case.target.public_resolution is PublicResolution.BLOCKED:
        return
    admitted = ", ".join(cluster.public_access_cidrs)
    for one in public:
        reason = (
            f"the endpoint answers {', '.join(one.addresses)} there and lets in {admitted} alone: compare the address "
            "of that network's way out (aws ec2 describe-nat-gateways)"
        )
        yield Gap(what=f"the way out of {one.client.place}", reason=reason)


def _problem(cluster: EksCluster, public: Sequence[Lookup], peers: Peers, missing: tuple[Gap, ...]) -> Judgement:
    first = public[0]
    places = list(dict.fromkeys(one.client.place for one in public))
    found = {one.place.name: one for one in peers.peers}
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{cluster.endpoint_host} answers public addresses ({', '.join(first.addresses)}) in {', '.join(places)}, "
            "where they may not be used (`public_resolution: blocked`); expected the private ones of the cluster's VPC "
            f"{cluster.vpc_id}: no Resolver rule leads the name there."
        ),
        proof=tuple(f"{one.client.place}: {one.name} at {one.server}: {', '.join(one.addresses)}." for one in public),
        details={
            "name": cluster.endpoint_host,
            "home_vpc_id": cluster.vpc_id,
            "peers": [row_of(found[name]) for name in places if name in found],
        },
        missing=missing,
        reach=reach_of(places),
    )


RULE = Rule(
    name="endpoint_name_answers_public_addresses",
    title="The endpoint's name answers public addresses where they may not be used",
    check="Public answers for the endpoint's name in peers",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(EksCluster, Peers, VpcDns, EndpointLookups),
    problem_refuted_by=(
        (EndpointLookups, "an address of the cluster's VPC among the answers"),
        (EksCluster, "private access alone, where public DNS answers private addresses"),
    ),
    healthy_refuted_by=((EndpointLookups, "a public address answered where public DNS may not be asked"),),
)
