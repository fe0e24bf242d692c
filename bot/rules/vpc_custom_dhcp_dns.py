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
from dataclasses import dataclass

from bot.collectors.vpc_dns import AMAZON, VpcDns
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.domain.network_lookups import EndpointLookups
from bot.rules._name_ways import NEEDS, WANTS, NameWays, PeerWay, name_ways, other_servers, reach_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A peer whose clients DHCP options send past the VPC's resolver."""

    peer: PeerWay
    options: str
    """Id of the DHCP option set."""
    servers: tuple[str, ...]

    @property
    def text(self) -> str:
        """Who sends them where, as a sentence without a full stop."""
        return f"DHCP option set {self.options} sends clients to {', '.join(self.servers)}"

    @property
    def place(self) -> str:
        """The peer's name."""
        return self.peer.peer.place.name

    @property
    def vpc_id(self) -> str:
        """Of the peer's VPC."""
        return self.peer.peer.found.vpc_id

    @property
    def row(self) -> JsonObject:
        """For whoever reads reports by program."""
        return {
            "place": self.place,
            "vpc_id": self.vpc_id,
            "dhcp_options_id": self.options,
            "servers": list(self.servers),
        }


def judge(case: Case) -> Judgement:
    """Conclude from DHCP options and from what lookups from peers were answered."""
    ways = name_ways(case)
    if isinstance(ways, Judgement):
        return ways
    dns = case.need(VpcDns)
    sent = [one for peer in ways.peers if (one := _sent(dns, peer)) is not None]
    failing = [one for one in sent if ways.fails(one.place) and ways.resolves(one.peer)]
    missing = ways.gaps or (*_unseen(ways, sent), *_at_home(ways, dns))
    if failing:
        return _problem(ways, failing, missing)
    if missing:
        return unknown(f"Not known whether clients ask a resolver that knows {ways.host}.", *missing)
    return healthy(
        f"Clients of {len(ways.peers)} peers ask their VPC's resolver, or servers that answer {ways.host}.",
        *(f"{one.peer.where}: {one.text}, and a lookup from there is answered." for one in sent),
    )


def _sent(dns: VpcDns, peer: PeerWay) -> _Sent | None:
    settings = dns.of(peer.peer.found.vpc_id)
    servers = other_servers(settings)
    return _Sent(peer=peer, options=settings.dhcp_options_id, servers=servers) if settings and servers else None


def _unseen(ways: NameWays, sent: Sequence[_Sent]) -> Iterator[Gap]:
    for one in sent:
        fails = ways.fails(one.place)
        what = f"lookups from {one.peer.where}"
        if fails is None:
            reason = f"DHCP options send clients to {', '.join(one.servers)}, and nobody looked what those answer"
            yield Gap(what=what, reason=reason, setting="probe")
        elif fails and not ways.resolves(one.peer):
            reason = (
                f"DHCP options send clients to {', '.join(one.servers)}, and the VPC's resolver would not lead "
                f"{ways.host} to the cluster's VPC either: whether those servers pass it on cannot be seen"
            )
            yield Gap(what=what, reason=reason)


def _at_home(ways: NameWays, dns: VpcDns) -> Iterator[Gap]:
    """Yield that nodes may not find an endpoint with private access alone; with public access others answer it, too."""
    servers = other_servers(dns.of(ways.cluster.vpc_id))
    if servers and not ways.cluster.endpoint_public:
        reason = (
            f"DHCP options of the cluster's VPC send clients to {', '.join(servers)}: ask from a node whether those "
            f"answer {ways.host} with private addresses"
        )
        yield Gap(what=f"lookups from {ways.cluster.vpc_id}", reason=reason)


def _problem(ways: NameWays, failing: Sequence[_Sent], missing: tuple[Gap, ...]) -> Judgement:
    first = failing[0]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{first.text} of {first.peer.where}; expected {AMAZON}: the VPC's resolver, which would lead "
            f"{ways.host} to its private addresses, is not asked, and a lookup from there fails."
        ),
        proof=tuple(f"{one.peer.where}: {one.text}." for one in failing),
        details={"name": ways.host, "sent_elsewhere": [one.row for one in failing]},
        missing=missing,
        advice=tuple(_advice(ways, one) for one in failing),
        reach=reach_of(one.place for one in failing),
        objects=tuple(
            FaultyObject(kind=ObjectKind.VPC, name=one.peer.peer.found.vpc_id, place=one.peer.peer.place)
            for one in failing
        ),
    )


def _advice(ways: NameWays, one: _Sent) -> str:
    return (
        f"Have {', '.join(one.servers)} forward {ways.host} to the cluster's inbound endpoint or to the resolver of "
        f"{one.vpc_id}; or give {one.vpc_id} an option set with domain-name-servers={AMAZON}: aws ec2 "
        f"associate-dhcp-options --vpc-id {one.vpc_id} --dhcp-options-id ID. Clients get it when they renew their "
        "lease."
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
