"""The ways of the private endpoint's name from every peer, for the rules about Route 53 Resolver; no rule itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network

from bot.collectors.dns_firewall import DnsFirewall
from bot.collectors.dns_profiles import DnsProfiles
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import EndpointNetworks
from bot.collectors.private_zones import PrivateZones
from bot.collectors.resolver_rules import ResolverRules
from bot.collectors.transit_gateways import TransitGateways
from bot.collectors.vpc_dns import AMAZON, VpcDns, VpcDnsSettings
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, nothing_to_check, unknown
from bot.domain.json_values import JsonObject
from bot.domain.lookups import ClientKind, Reach
from bot.domain.network_lookups import EndpointLookups
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import PublicResolution
from bot.network.model import Interface, Vpc
from bot.network.name_at_vpc import IN_FORCE
from bot.network.name_hops import End, HopKind, HopState, NameWay, after, new_hop
from bot.network.name_passage import Passages
from bot.network.name_way import way_of
from bot.network.names import (
    Association,
    Direction,
    NameWorld,
    PrivateZone,
    ResolverEndpoint,
    ResolverRule,
    RuleType,
    VpcNames,
)
from bot.network.resolver import IN_EVERY_VPC, IN_EVERY_VPC_V6

NEEDS = (
    EksCluster,
    Peers,
    VpcDns,
    ResolverRules,
    PrivateZones,
    DnsFirewall,
    DnsProfiles,
    EndpointNetworks,
    TransitGateways,
)
"""What every rule about these ways needs."""
WANTS = (EndpointLookups,)
"""What says more than configuration: what lookups from there were answered."""
_NOBODY_LOOKED = EndpointLookups(name="", private_addresses=())


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerWay:
    """The way from one peer."""

    peer: SeenPlace
    way: NameWay

    @property
    def where(self) -> str:
        """The peer's name and VPC, for people."""
        return f"peer {self.peer.place.name} ({self.peer.found.vpc_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWays:
    """The ways from all peers that were entered."""

    host: str
    cluster: EksCluster
    world: NameWorld
    passages: Passages
    peers: tuple[PeerWay, ...]
    visible: Mapping[tuple[str, str], frozenset[str]]
    """Ids of the rules that an account may use in a region, its own and those shared with it."""
    public: PublicResolution
    gaps: tuple[Gap, ...]
    """What of the evidence could not be read, peers that were not entered included."""
    seen: EndpointLookups
    """Lookups from other networks; from none where they could not be gathered."""

    @property
    def home(self) -> VpcNames:
        """The cluster's VPC."""
        return self.world.vpcs[self.cluster.vpc_id]

    def resolves(self, one: PeerWay) -> bool:
        """Return whether the way ends at the cluster's VPC, which answers the private addresses."""
        return one.way.end is End.ANSWERED and one.way.vpc_id == self.cluster.vpc_id

    def visible_to(self, one: PeerWay) -> frozenset[str]:
        """Return the ids of the rules that the peer's account may use there."""
        return self.visible.get((one.peer.found.account, one.peer.found.region), frozenset())

    def rules_for(self, one: PeerWay) -> list[ResolverRule]:
        """Return the FORWARD rules for exactly this name in the peer's region, whoever's they are."""
        named = (rule for rule in self.world.rules.values() if rule.type is RuleType.FORWARD and rule.name == self.host)
        return [rule for rule in named if rule.region == one.peer.found.region]

    def endpoints(self, direction: Direction, *, account: str, region: str) -> list[ResolverEndpoint]:
        """Return the endpoints of one direction that an account has in a region."""
        found = (one for one in self.world.endpoints.values() if one.direction is direction)
        return [one for one in found if (one.account, one.region) == (account, region)]

    def inbound(self) -> list[ResolverEndpoint]:
        """Return the inbound endpoints in the cluster's VPC."""
        found = self.endpoints(Direction.INBOUND, account=self.home.account, region=self.home.region)
        return [one for one in found if one.vpc_id == self.cluster.vpc_id]

    def fails(self, place: str) -> bool | None:
        """Return whether lookups from a network were seen to get nothing of use; None: not looked.

        Public addresses are of use where the endpoint has them and the network may ask public DNS.
        """
        looked = self.seen.of(place)
        answered = self.seen.answered(looked.asked) if looked else None
        usable = self.cluster.endpoint_public and self.public is not PublicResolution.BLOCKED
        return None if answered is None else not (answered or (usable and self.seen.resolved(place)))

    def doubts(self, one: PeerWay) -> Iterator[Gap]:
        """Yield what is undecided about a way."""
        for hop in one.way.doubts:
            yield Gap(what=f"the way of {self.host} from {one.where}", reason=hop.text)


def name_ways(case: Case) -> NameWays | Judgement:
    """Return the ways, or why there is nothing to judge."""
    cluster, peers, dns = case.need(EksCluster), case.need(Peers), case.need(VpcDns)
    parts = (
        dns, case.need(ResolverRules), case.need(PrivateZones), case.need(DnsFirewall),
        case.need(DnsProfiles), case.need(EndpointNetworks), case.need(TransitGateways),
    )  # fmt: skip
    gaps = tuple(dict.fromkeys(gap for part in (peers, *parts) for gap in part.gaps))
    if not (case.target.peers or case.target.on_premises):
        if gaps:
            return unknown("Not all of the VPCs' name resolution could be read.", *gaps)
        return nothing_to_check("no peer and no network on premises is configured")
    if not cluster.endpoint_host:
        reason = "the cluster has no endpoint yet"
        return unknown(f"{reason.capitalize()}.", Gap(what="the endpoint's name", reason=reason))
    if not cluster.endpoint_private and not gaps:
        return nothing_to_check("private access is off, so that public DNS answers the endpoint's name")
    return _ways(case, cluster, peers, gaps)


def _ways(case: Case, cluster: EksCluster, peers: Peers, gaps: tuple[Gap, ...]) -> NameWays:
    world = name_world(case, cluster, peers)
    passages = Passages(world)
    return NameWays(
        host=cluster.endpoint_host,
        cluster=cluster,
        world=world,
        passages=passages,
        peers=tuple(
            PeerWay(
                peer=one,
                way=_past_others(
                    case.need(VpcDns), cluster, way_of(world, one.found.vpc_id, cluster.endpoint_host, passages), one
                ),
            )
            for one in peers.entered
        ),
        visible={
            (one.account, one.region): frozenset(rule.id for rule in one.rules)
            for one in case.need(ResolverRules).accounts
        },
        public=case.target.public_resolution,
        gaps=gaps,
        seen=case.find(EndpointLookups) or _NOBODY_LOOKED,
    )


def reach_of(places: Iterable[str]) -> tuple[Reach, ...]:
    """Return that lookups from these networks are accounted for."""
    names = frozenset(places)
    kinds = frozenset({ClientKind.PEER, ClientKind.ON_PREMISES})
    return (Reach(kinds=kinds, places=names),) if names else ()


def row_of(one: SeenPlace) -> JsonObject:
    """Return who a peer is: what fixes that build something there plan from."""
    return {
        "place": one.place.name,
        "vpc_id": one.found.vpc_id,
        "account": one.found.account,
        "region": one.found.region,
    }


def other_servers(vpc: VpcDnsSettings | None) -> tuple[str, ...]:
    """Return the servers to which DHCP options send a VPC's clients, but for its own resolver."""
    return tuple(one for one in vpc.servers if one not in _own_servers(vpc)) if vpc else ()


def _past_others(dns: VpcDns, cluster: EksCluster, way: NameWay, one: SeenPlace) -> NameWay:
    """Put before a way that clients are sent to other servers, which may answer what it does not lead to.

    Whether they hide a way that leads to the cluster's VPC is judged by `vpc_custom_dhcp_dns`.
    """
    vpc_id, servers = one.found.vpc_id, other_servers(dns.of(one.found.vpc_id))
    if not servers or (way.end is End.ANSWERED and way.vpc_id == cluster.vpc_id):
        return way
    text = f"DHCP options of {vpc_id} send clients to {', '.join(servers)}: what they answer is not known"
    return after([new_hop(HopKind.RESOLVER, HopState.MAY_TURN, vpc_id, text)], way)


def _own_servers(vpc: VpcDnsSettings) -> frozenset[str]:
    """Return what stands for a VPC's own resolver in DHCP options."""
    own = (ip_network(cidr) for cidr in vpc.cidrs)
    return frozenset({AMAZON, str(IN_EVERY_VPC), str(IN_EVERY_VPC_V6), *(str(cidr[2]) for cidr in own)})


def name_world(case: Case, cluster: EksCluster, peers: Peers) -> NameWorld:
    """Return what decides about names in the VPCs of the cluster and its peers, as far as it was read."""
    resolver, networks = case.need(ResolverRules), case.need(EndpointNetworks)
    rules: dict[str, ResolverRule] = {}
    for account in resolver.accounts:
        for rule in account.rules:
            if rule.id not in rules or rule.owner == account.account:
                rules[rule.id] = rule
    endpoints = {one.id: one for account in resolver.accounts for one in account.endpoints}
    places = {(cluster.vpc_id, cluster.account, case.target.region)}
    places |= {(one.found.vpc_id, one.found.account, one.found.region) for one in peers.entered}
    places |= {(one.vpc_id, one.account, one.region) for one in endpoints.values()}
    vpcs = {vpc_id: _vpc(case, cluster, vpc_id, account, region) for vpc_id, account, region in sorted(places)}
    return NameWorld(
        vpcs=vpcs,
        rules=rules,
        endpoints=endpoints,
        read=frozenset((one.account, one.region) for one in resolver.accounts),
        network=_network(networks, endpoints.values()),
        asked_addresses=frozenset(address for one in networks.vpcs for address in one.asked_addresses),
        peerings=None
        if networks.gaps
        else tuple(dict.fromkeys(one for account in networks.accounts for one in account.peerings)),
        transit=case.need(TransitGateways).transit,
    )


def _vpc(case: Case, cluster: EksCluster, vpc_id: str, account: str, region: str) -> VpcNames:
    """Return what the VPC goes by; None in place of what was not read."""
    settings = case.need(VpcDns).of(vpc_id)
    resolver = [one for one in case.need(ResolverRules).accounts if (one.account, one.region) == (account, region)]
    firewall = next((one.rules for one in case.need(DnsFirewall).vpcs if one.vpc_id == vpc_id), None)
    zones = next((one.zones for one in case.need(PrivateZones).vpcs if one.vpc_id == vpc_id), None)
    profiles = case.need(DnsProfiles)
    asked = (account, region) in profiles.accounts
    held = [item.association for one in resolver for item in one.associations if item.vpc_id == vpc_id]
    read = {one.profile_id for one in profiles.contents}
    for content in profiles.of(vpc_id):
        held += [
            Association(id=content.profile_id, rule_id=rule, status=IN_FORCE, by_profile=True)
            for rule in content.rule_ids
        ]
    return VpcNames(
        vpc_id=vpc_id,
        account=account,
        region=region,
        cidrs=_cidrs(case, settings, vpc_id),
        dns_support=settings.dns_support if settings else None,
        dns_hostnames=settings.dns_hostnames if settings else None,
        firewall=firewall,
        profiles=tuple(
            one.profile_id for one in profiles.associations if one.vpc_id == vpc_id and one.profile_id not in read
        )
        if asked
        else None,
        associations=tuple(held) if resolver else None,
        zones=_with_own_zone(zones, cluster) if vpc_id == cluster.vpc_id else zones,
    )


def _cidrs(case: Case, settings: VpcDnsSettings | None, vpc_id: str) -> tuple[str, ...]:
    if settings is not None:
        return settings.cidrs
    return next((one.cidrs for one in case.need(EndpointNetworks).vpcs if one.vpc_id == vpc_id), ())


def _with_own_zone(zones: tuple[PrivateZone, ...] | None, cluster: EksCluster) -> tuple[PrivateZone, ...] | None:
    """Add the zone that EKS keeps for a private endpoint in the cluster's VPC (D1); nobody may read its records."""
    if zones is None or not cluster.endpoint_private:
        return zones
    host = cluster.endpoint_host
    own = PrivateZone(id="EKS's own zone", name=host, owner="eks.amazonaws.com", records=((host, ""),))
    listed = next((one for one in zones if one.name == host), None)
    if listed is None:
        return (*zones, own)
    held = listed if listed.records is not None else replace(own, id=listed.id, owner=listed.owner)
    return tuple(held if one is listed else one for one in zones)


def _network(networks: EndpointNetworks, endpoints: Iterable[ResolverEndpoint]) -> Vpc:
    interfaces = [
        Interface(
            id=endpoint.id,
            instance_id="",
            subnet_id=one.subnet_id,
            security_group_ids=frozenset(endpoint.security_group_ids),
            addresses=frozenset({one.address}),
        )
        for endpoint in endpoints
        for one in endpoint.addresses
    ]
    return Vpc(
        interfaces=(*interfaces, *(holder for one in networks.vpcs for holder in one.holders)),
        rules=tuple(rule for one in networks.accounts for rule in one.rules),
        read_group_ids=frozenset(group for one in networks.accounts for group in one.group_ids),
        acls=tuple(acl for one in networks.vpcs for acl in one.acls),
        subnets=tuple(subnet for one in networks.vpcs for subnet in one.subnets),
    )
