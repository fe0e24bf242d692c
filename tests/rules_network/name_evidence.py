"""Evidence of a cluster's VPC and one peer's, between which everything is built; tests change parts of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Any

from bot.collectors.dns_firewall import DnsFirewall, VpcFirewall
from bot.collectors.dns_profiles import DnsProfiles
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import AccountGroups, EndpointNetworks, VpcNetwork
from bot.collectors.private_zones import PrivateZones, VpcZones
from bot.collectors.resolver_rules import AccountResolver, ResolverRules, VpcAssociation
from bot.collectors.transit_gateways import TransitGateways
from bot.collectors.vpc_dns import VpcDns, VpcDnsSettings
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Rule
from bot.domain.network_lookups import EndpointLookups
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import HOME, OnPremises, Peer, Place, PublicResolution
from bot.network.model import AclEntry, NetworkAcl, Route, SecurityGroupRule, Subnet
from bot.network.model import Direction as Way
from bot.network.names import (
    Association,
    Direction,
    EndpointAddress,
    Peering,
    PrivateZone,
    ResolverEndpoint,
    ResolverRule,
    RuleType,
    Target,
)
from tests.looking import NOW

OWN, OTHER, REGION = "111122223333", "210987654321", "eu-west-1"
HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"
PEER = Place(name="tools", region=REGION, account=OTHER, vpc_id="vpc-peer")
CLUSTER = EksCluster(
    name="cluster-prod", arn=f"arn:aws:eks:{REGION}:{OWN}:cluster/cluster-prod", account=OWN, status="ACTIVE",
    version="1.33", vpc_id="vpc-home", cluster_security_group_id="sg-1", security_group_ids=(), subnet_ids=(),
    endpoint=f"https://{HOST}", endpoint_public=False, endpoint_private=True, service_cidr="172.20.0.0/16",
    auto_mode=False,
)  # fmt: skip


def settings(place: Place, vpc_id: str, account: str, cidr: str) -> VpcDnsSettings:
    """Return a VPC's DNS settings as AWS makes them."""
    return VpcDnsSettings(
        place=place, vpc_id=vpc_id, account=account, region=REGION, dns_support=True, dns_hostnames=True,
        dhcp_options_id="dopt-1", servers=("AmazonProvidedDNS",), cidrs=(cidr,),
    )  # fmt: skip


def endpoint(number: str, direction: Direction, account: str, vpc_id: str, *addresses: str) -> ResolverEndpoint:
    """Return an endpoint in service, an address in each subnet."""
    return ResolverEndpoint(
        id=number, direction=direction, account=account, region=REGION, vpc_id=vpc_id, status="OPERATIONAL",
        security_group_ids=(f"sg-{number}",),
        addresses=tuple(
            EndpointAddress(address=ip_address(one), subnet_id=f"{vpc_id}-{place}", status="ATTACHED")
            for place, one in zip("ab", addresses, strict=True)
        ),
    )  # fmt: skip


INBOUND = endpoint("rslvr-in-1", Direction.INBOUND, OWN, "vpc-home", "10.0.0.10", "10.0.1.10")
OUTBOUND = endpoint("rslvr-out-1", Direction.OUTBOUND, OTHER, "vpc-peer", "10.1.0.20", "10.1.1.20")
RULE = ResolverRule(
    id="rslvr-rr-1", name=HOST, type=RuleType.FORWARD, status="COMPLETE", owner=OTHER, region=REGION,
    endpoint_id=OUTBOUND.id, targets=(Target(address=ip_address("10.0.0.10")), Target(address=ip_address("10.0.1.10"))),
)  # fmt: skip
HELD = Association(id="rslvr-rrassoc-1", rule_id=RULE.id, status="COMPLETE")


def group_rule(group: str, direction: Way, protocol: str) -> SecurityGroupRule:
    """Return a rule for 53 from or to everywhere."""
    return SecurityGroupRule(
        id=f"sgr-{group}-{protocol}", security_group_id=group, direction=direction, protocol=protocol, from_port=53,
        to_port=53, cidr=ip_network("10.0.0.0/8"),
    )  # fmt: skip


def network(place: Place, vpc_id: str, octet: int, far: int) -> VpcNetwork:
    """Return two subnets with a route to the other VPC, under an ACL that lets everything through."""
    routes = (
        Route(destination=f"10.{octet}.0.0/16", target="local", active=True),
        Route(destination=f"10.{far}.0.0/16", target="pcx-1", active=True),
    )
    subnets = tuple(
        Subnet(
            id=f"{vpc_id}-{zone}", vpc_id=vpc_id, zone=f"{REGION}{zone}",
            cidrs=(ip_network(f"10.{octet}.{third}.0/24"),), route_table_id=f"rtb-{vpc_id}", routes=routes,
        )
        for third, zone in enumerate("ab")
    )  # fmt: skip
    entries = tuple(
        AclEntry(number=100, egress=egress, allow=True, protocol="-1", cidr=ip_network("0.0.0.0/0"))
        for egress in (True, False)
    )
    acl = NetworkAcl(
        id=f"acl-{vpc_id}", vpc_id=vpc_id, is_default=True, entries=entries,
        subnet_ids=frozenset(one.id for one in subnets),
    )  # fmt: skip
    return VpcNetwork(place=place, vpc_id=vpc_id, subnets=subnets, acls=(acl,), holders=(), asked_addresses=frozenset())


def groups(account: str, number: str, direction: Way) -> AccountGroups:
    """Return an endpoint's group with its rules, and the peering."""
    rules = tuple(group_rule(f"sg-{number}", direction, protocol) for protocol in ("udp", "tcp"))
    peering = Peering(id="pcx-1", vpc_ids=frozenset({"vpc-home", "vpc-peer"}))
    return AccountGroups(
        account=account, region=REGION, group_ids=frozenset({f"sg-{number}"}), rules=rules, peerings=(peering,)
    )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is so; as it is here a peer's lookups are led to the cluster's VPC."""

    cluster: EksCluster = CLUSTER
    home_dns: VpcDnsSettings = field(default_factory=lambda: settings(HOME, "vpc-home", OWN, "10.0.0.0/16"))
    peer_dns: VpcDnsSettings = field(default_factory=lambda: settings(PEER, "vpc-peer", OTHER, "10.1.0.0/16"))
    inbound: tuple[ResolverEndpoint, ...] = (INBOUND,)
    outbound: tuple[ResolverEndpoint, ...] = (OUTBOUND,)
    own_rules: tuple[ResolverRule, ...] = ()
    """As the cluster's account sees them."""
    rules: tuple[ResolverRule, ...] = (RULE,)
    """As the peer's account sees them."""
    associations: tuple[Association, ...] = (HELD,)
    zones: tuple[PrivateZone, ...] = ()
    """Of the peer's VPC."""
    firewall: tuple[Any, ...] = ()
    profiles: tuple[Any, ...] = ()
    brought: tuple[Any, ...] = ()
    """What of Profiles could be read."""
    home_network: VpcNetwork = field(default_factory=lambda: network(HOME, "vpc-home", 0, 1))
    peer_network: VpcNetwork = field(default_factory=lambda: network(PEER, "vpc-peer", 1, 0))
    home_groups: AccountGroups = field(default_factory=lambda: groups(OWN, "rslvr-in-1", Way.INGRESS))
    peer_groups: AccountGroups = field(default_factory=lambda: groups(OTHER, "rslvr-out-1", Way.EGRESS))
    transit: TransitGateways = field(default_factory=lambda: TransitGateways(accounts=()))
    gaps: tuple[Any, ...] = ()
    """Of Resolver's lists."""
    lookups: EndpointLookups | None = None
    """From the peer; None: they could not be gathered."""

    def evidence(self) -> dict[type, object]:
        """Return it as collectors would."""
        asked = tuple(VpcAssociation(vpc_id="vpc-peer", association=one) for one in self.associations)
        at_home = AccountResolver(
            place=HOME, account=OWN, region=REGION, endpoints=self.inbound, rules=self.own_rules, associations=()
        )
        there = AccountResolver(
            place=PEER, account=OTHER, region=REGION, endpoints=self.outbound, rules=self.rules, associations=asked
        )
        parts = (
            self.cluster,
            Peers(peers=(SeenPlace(place=PEER, found=PEER, cidrs=self.peer_dns.cidrs),)),
            VpcDns(vpcs=(self.home_dns, self.peer_dns)),
            ResolverRules(accounts=(at_home, there), gaps=self.gaps),
            PrivateZones(vpcs=(VpcZones(vpc_id="vpc-home", zones=()), VpcZones(vpc_id="vpc-peer", zones=self.zones))),
            DnsFirewall(
                vpcs=(VpcFirewall(vpc_id="vpc-home", rules=()), VpcFirewall(vpc_id="vpc-peer", rules=self.firewall))
            ),
            DnsProfiles(accounts=((OWN, REGION), (OTHER, REGION)), associations=self.profiles, contents=self.brought),
            self.transit,
            EndpointNetworks(
                vpcs=(self.home_network, self.peer_network), accounts=(self.home_groups, self.peer_groups)
            ),
        )
        seen = self.lookups or Gap(what="endpoint_lookups", reason="not gathered")
        return {EndpointLookups: seen} | {type(one): one for one in parts}


def judged(
    rule: Rule,
    scene: Scene,
    public: PublicResolution = PublicResolution.BLOCKED,
    on_premises: tuple[OnPremises, ...] = (),
    *,
    peers: bool = True,
) -> Judgement:
    """Judge a scene."""
    target = ClusterTarget(
        name="cluster-prod", eks_name="cluster-prod", region=REGION, peers=(Peer(place=PEER),) if peers else (),
        public_resolution=public, on_premises=on_premises,
    )  # fmt: skip
    evidence = scene.evidence() | ({} if peers else {Peers: Peers(peers=())})
    return rule.judge(Case(target=target, collected_at=NOW, thresholds=rule.thresholds(), evidence=evidence))


def without_routes(known: VpcNetwork) -> VpcNetwork:
    """Return a VPC that nothing leads out of."""
    return replace(known, subnets=tuple(replace(one, routes=one.routes[:1]) for one in known.subnets))


def by_gateway(known: VpcNetwork) -> VpcNetwork:
    """Return a VPC whose routes to others lead to a transit gateway."""
    subnets = tuple(
        replace(each, routes=(each.routes[0], *(replace(one, target="tgw-1") for one in each.routes[1:])))
        for each in known.subnets
    )
    return replace(known, subnets=subnets)
