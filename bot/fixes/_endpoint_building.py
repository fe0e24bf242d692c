"""What must be built so that other networks resolve the private endpoint's name (D2 to D6), chosen once for all fixes.

Nothing is made twice: endpoints and rules that are there and serve are used. Subnets are those from which a route leads
to the other side, one in each of two zones; addresses are left to AWS. For networks on premises it ends at the inbound
endpoint and its group. What would join networks, a peering connection or a route, is left to people, and so is the
forwarder on premises. Source: Route 53 Developer Guide, "Considerations when creating inbound and outbound
endpoints"; no fix itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import TypeAlias

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import AccountGroups, EndpointNetworks, MadeGroup
from bot.collectors.resolver_quotas import Limited, ResolverQuotas
from bot.collectors.resolver_rules import AccountResolver, ResolverRules
from bot.collectors.transit_gateways import TransitGateways
from bot.collectors.vpc_dns import VpcDns
from bot.domain.lookups import Transport
from bot.domain.peers import Peers, SeenPlace
from bot.domain.phrases import few
from bot.domain.places import HOME, Place
from bot.domain.plans import Advice, PlanCase
from bot.fixes._resolver_room import no_room
from bot.network.admission import admits_all, admits_any, let_in
from bot.network.model import SecurityGroupRule, Subnet
from bot.network.name_passage import JOINS, dropped_at_gateway, longest
from bot.network.names import Direction, ResolverEndpoint, ResolverRule, RuleType
from bot.network.ports import DNS
from bot.network.transit import Crossing

NEEDS = (EksCluster, Peers, VpcDns, ResolverRules, EndpointNetworks, TransitGateways, ResolverQuotas)
"""What every fix that builds plans from."""

ZONES = 2
"""An endpoint has an address in each of so many zones."""
TRANSPORTS = (Transport.UDP, Transport.TCP)
_BY_PEERING = "--vpc-peering-connection-id pcx-…"
_SERVING = frozenset({"OPERATIONAL", "UPDATING", "AUTO_RECOVERING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A VPC, and the place as whose writer it is changed."""

    place: Place
    vpc_id: str
    account: str
    region: str
    cidrs: tuple[str, ...]
    """IPv4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint to be made."""

    direction: Direction
    site: Site
    subnets: tuple[Subnet, ...]
    admits: tuple[str, ...] = ()
    """CIDRs whose DNS its security group lets in."""
    left: MadeGroup | None = None
    """A security group that an earlier plan made for one and that no endpoint carries."""
    left_rules: tuple[SecurityGroupRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a group of the inbound endpoint that is there must let in besides."""

    group_id: str
    missing: tuple[tuple[str, str], ...]
    """(transport, CIDR)."""
    rules: tuple[SecurityGroupRule, ...]
    """The group's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """What one account lacks in one region."""

    site: Site
    """Where it is made."""
    outbound: ResolverEndpoint | NewEndpoint
    makes_rule: bool
    vpcs: tuple[Site, ...]
    """In which the new rule is to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """All of it."""

    host: str
    inbound: ResolverEndpoint | NewEndpoint
    opening: Opening | None
    leads: tuple[Lead, ...]
    sites: tuple[str, ...]
    """Networks on premises whose DNS servers can forward to it."""
    left_out: tuple[str, ...]
    """Why some networks are not led there by it, in sentences."""


Source: TypeAlias = tuple[str, tuple[str, ...]]
"""The VPC, or the network on premises, that queries come from, and its IPv4 CIDRs."""


def building(case: PlanCase) -> Building | Advice:
    """Return what must be built for the peers of the finding, or why it cannot be."""
    return _Builder(case).build()


class _Builder:
    """Chooses, from one case."""

    def __init__(self, case: PlanCase) -> None:
        self._case = case
        self._cluster, self._networks = case.need(EksCluster), case.need(EndpointNetworks)
        self._accounts = {(one.account, one.region): one for one in case.need(ResolverRules).accounts}
        self._settings = {one.vpc_id: one for one in case.need(VpcDns).vpcs}
        self._transit = case.need(TransitGateways).transit
        self._zones = {subnet.id: subnet.zone for one in self._networks.vpcs for subnet in one.subnets}
        self._left_out: list[str] = []
        self._commands: list[str] = []

    def build(self) -> Building | Advice:
        cluster = self._cluster
        home = self._site(HOME, cluster.vpc_id, cluster.account, self._case.target.region)
        resolver = self._accounts.get((home.account, home.region))
        if resolver is None or not home.cidrs or not self._subnets(home.vpc_id):
            return Advice(reason="What is there already in the cluster's own account and VPC could not be read whole.")
        leads = [lead for group in self._groups() if (lead := self._lead(group, home)) is not None]
        sites = [site for site in self._sites() if self._comes_back(site, home)]
        sources = [*(self._source(lead.outbound) for lead in leads), *sites]
        if not sources and (self._peers() or self._sites()):
            return Advice(
                reason=" ".join(self._left_out) or "Nothing that could be built is missing.",
                text=(*dict.fromkeys(self._commands),),
            )
        inbound = self._inbound(resolver, home, sources)
        if isinstance(inbound, Advice):
            return inbound
        opening = self._opening(inbound, home, leads, sites)
        if sites and not (leads or opening or isinstance(inbound, NewEndpoint)):
            return self._forwarding(inbound)
        if leads and not (opening or isinstance(inbound, NewEndpoint) or any(map(_makes, leads))):
            joins = self._case.finding.judgement.advice
            why = "What is missing joins networks, which is left to people." if joins else "Nothing can be built."
            return Advice(reason=" ".join([why, *self._left_out]), text=joins)
        full = self._full(inbound, leads)
        if full is not None:
            return full
        return Building(
            host=cluster.endpoint_host,
            inbound=inbound,
            opening=opening,
            leads=tuple(leads),
            sites=tuple(name for name, _ in sites),
            left_out=tuple(self._left_out),
        )

    def _site(self, place: Place, vpc_id: str, account: str, region: str) -> Site:
        settings = self._settings.get(vpc_id)
        cidrs = tuple(one for one in (settings.cidrs if settings else ()) if ":" not in one)
        return Site(place=place, vpc_id=vpc_id, account=account, region=region, cidrs=cidrs)

    def _peers(self) -> list[SeenPlace]:
        """Return the peers that the finding is about."""
        listed = self._case.finding.judgement.details.get("peers")
        names = {str(row["place"]) for row in self._case.finding.rows("peers")} if listed else set()
        return [one for one in self._case.need(Peers).entered if one.place.name in names]

    def _sites(self) -> list[Source]:
        """Return the networks on premises that the finding is about."""
        listed = self._case.finding.judgement.details.get("on_premises")
        names = {str(row["place"]) for row in self._case.finding.rows("on_premises")} if listed else set()
        found = [one for one in self._case.target.on_premises if one.name in names]
        return [(one.name, tuple(cidr for cidr in one.cidrs if ":" not in cidr)) for one in found]

    def _comes_back(self, site: Source, home: Site) -> bool:
        """Return whether two zones of the cluster's VPC have a route there; otherwise it is left out."""
        name, cidrs = site
        if self._choose(home.vpc_id, cidrs):
            return True
        self._left_out.append(
            f"{name} is left out: {home.vpc_id} has no subnets in {ZONES} zones with a route to {', '.join(cidrs)}, "
            "by which answers would come back. Joining networks is left to people."
        )
        tables = sorted({one.route_table_id for one in self._subnets(home.vpc_id) if not leads_to(one, cidrs)})
        self._commands += [
            f"aws ec2 enable-vgw-route-propagation --route-table-id {table} --gateway-id vgw-… --region {home.region}"
            for table in tables
        ]
        return False

    @staticmethod
    def _forwarding(inbound: ResolverEndpoint) -> Advice:
        """Return that AWS lacks nothing: the DNS servers on premises must forward."""
        targets = ", ".join(sorted(str(one.address) for one in inbound.addresses))
        return Advice(
            reason=f"Nothing is left to build in AWS: the inbound endpoint {inbound.id} answers at {targets}.",
            text=("Let the DNS servers on premises forward the name there; the files say how.",),
        )

    def _groups(self) -> list[list[Site]]:
        """Return the peers' VPCs, those of one account and region together: they share a rule."""
        found: dict[tuple[str, str], list[Site]] = {}
        for one in self._peers():
            site = self._site(one.place, one.found.vpc_id, one.found.account, one.found.region)
            found.setdefault((site.account, site.region), []).append(site)
        return list(found.values())

    def _subnets(self, vpc_id: str) -> tuple[Subnet, ...]:
        return next((one.subnets for one in self._networks.vpcs if one.vpc_id == vpc_id), ())

    def _lead(self, sites: Sequence[Site], home: Site) -> Lead | None:
        """Return what these VPCs lack between them; None: nothing, or they are left out."""
        first = sites[0]
        resolver = self._accounts.get((first.account, first.region))
        if resolver is None:
            self._left_out.append(f"{first.place} is left out: what its account has could not be read.")
            return None
        rule = next((one for one in resolver.rules if _forwards(one, self._cluster.endpoint_host)), None)
        outbound = self._outbound(resolver, sites, home, rule)
        if outbound is None:
            where = ", ".join(site.vpc_id for site in sites)
            self._left_out.append(
                f"{where} is left out: it has no subnets in {ZONES} zones with a route to {home.vpc_id} "
                f"({', '.join(home.cidrs)}), which an outbound endpoint needs. Joining networks is left to people."
            )
            self._commands += [command for site in sites for command in self._joining(site, home)]
            return None
        site = outbound.site if isinstance(outbound, NewEndpoint) else first
        return Lead(site=site, outbound=outbound, makes_rule=rule is None, vpcs=tuple(sites))

    def _outbound(
        self, resolver: AccountResolver, sites: Sequence[Site], home: Site, rule: ResolverRule | None
    ) -> ResolverEndpoint | NewEndpoint | None:
        """Return an outbound endpoint that leads to the cluster's VPC: a rule's own, any other, or a new one."""
        there = [one for one in resolver.endpoints if one.direction is Direction.OUTBOUND]
        if rule is not None:
            return next((one for one in there if one.id == rule.endpoint_id), None)
        usable = (one for one in there if one.status in _SERVING and self._leads(one, home.cidrs))
        chosen = next(usable, None)
        if chosen is not None:
            return chosen
        for site in sites:
            subnets = self._choose(site.vpc_id, home.cidrs)
            if subnets:
                return self._new(Direction.OUTBOUND, site, subnets)
        return None

    def _source(self, outbound: ResolverEndpoint | NewEndpoint) -> Source:
        vpc_id = outbound.site.vpc_id if isinstance(outbound, NewEndpoint) else outbound.vpc_id
        settings = self._settings.get(vpc_id)
        known = next((one.cidrs for one in self._networks.vpcs if one.vpc_id == vpc_id), ())
        return vpc_id, tuple(one for one in (settings.cidrs if settings else known) if ":" not in one)

    def _inbound(
        self, resolver: AccountResolver, home: Site, sources: Sequence[Source]
    ) -> ResolverEndpoint | NewEndpoint | Advice:
        there = [one for one in resolver.endpoints if one.direction is Direction.INBOUND and one.vpc_id == home.vpc_id]
        serving = [one for one in there if one.status in _SERVING and one.addresses]
        if serving:
            return serving[0]
        if there:
            one = there[0]
            return Advice(
                reason=f"The inbound endpoint {one.id} of {home.vpc_id} is {one.status}: {one.status_message}",
                text=("Wait until it is OPERATIONAL, or fix what AWS names, and diagnose again.",),
            )
        far = [cidr for _, cidrs in sources for cidr in cidrs]
        subnets = self._choose(home.vpc_id, far)
        if not subnets:
            return Advice(
                reason=f"{home.vpc_id} has no subnets in {ZONES} zones with routes to all of {', '.join(far)}, which "
                "an inbound endpoint needs so that its answers come back.",
                text=tuple(self._routes(home, sources)),
            )
        return self._new(Direction.INBOUND, home, subnets, admits=self._admitted(far))

    def _admitted(self, far: Sequence[str]) -> tuple[str, ...]:
        """Return whose DNS the inbound endpoint's group lets in: the peers', and that of networks on premises."""
        elsewhere = [cidr for one in self._case.target.on_premises for cidr in one.cidrs if ":" not in cidr]
        return tuple(dict.fromkeys((*far, *elsewhere)))

    def _new(
        self, direction: Direction, site: Site, subnets: tuple[Subnet, ...], admits: tuple[str, ...] = ()
    ) -> NewEndpoint:
        groups = self._groups_of(site)
        carried = {
            group
            for account in self._accounts.values()
            for one in account.endpoints
            for group in one.security_group_ids
        }
        left = next(
            (
                one
                for one in (groups.made if groups else ())
                if one.vpc_id == site.vpc_id and one.id not in carried and one.name.startswith(group_prefix(direction))
            ),
            None,
        )
        rules = tuple(rule for rule in (groups.rules if groups else ()) if left and rule.security_group_id == left.id)
        return NewEndpoint(direction=direction, site=site, subnets=subnets, admits=admits, left=left, left_rules=rules)

    def _groups_of(self, site: Site) -> AccountGroups | None:
        found = (one for one in self._networks.accounts if (one.account, one.region) == (site.account, site.region))
        return next(found, None)

    def _choose(self, vpc_id: str, far: Collection[str]) -> tuple[Subnet, ...]:
        """Return a subnet in each of two zones from which routes lead there, those with most free addresses first."""
        fitting = [
            one
            for one in self._subnets(vpc_id)
            if leads_to(one, far)
            and not self._dropped(one, far)
            and any(isinstance(cidr, IPv4Network) for cidr in one.cidrs)
            and one.free_addresses != 0
        ]
        fitting.sort(key=lambda one: (-(one.free_addresses or 0), one.id))
        by_zone = {one.zone: one for one in reversed(fitting)}
        chosen = sorted(by_zone.values(), key=fitting.index)[:ZONES]
        return tuple(chosen) if len(chosen) == ZONES else ()

    def _dropped(self, subnet: Subnet, far: Collection[str]) -> list[Crossing]:
        """Return what certainly stops a subnet's packets for other networks at the transit gateways on their way."""
        found: list[Crossing] = []
        for cidr in far:
            holder = next((vpc_id for vpc_id, one in self._settings.items() if cidr in one.cidrs), cidr)
            found += dropped_at_gateway(self._transit, subnet, holder, ip_network(cidr)[1], self._zones)
        return found

    def _leads(self, endpoint: ResolverEndpoint, far: Collection[str]) -> bool:
        held = {one.subnet_id for one in endpoint.addresses}
        subnets = [one for one in self._subnets(endpoint.vpc_id) if one.id in held]
        return bool(subnets) and all(leads_to(one, far) and not self._dropped(one, far) for one in subnets)

    def _opening(
        self, inbound: ResolverEndpoint | NewEndpoint, home: Site, leads: Sequence[Lead], sites: Sequence[Source]
    ) -> Opening | None:
        """Return what the group of the inbound endpoint that is there does not let in."""
        groups = self._groups_of(home)
        if isinstance(inbound, NewEndpoint) or groups is None or not inbound.security_group_ids:
            return None
        own = [one for one in groups.rules if one.security_group_id in inbound.security_group_ids]
        missing: list[tuple[str, str]] = []
        for transport in TRANSPORTS:
            admitting = let_in(own, transport, DNS)
            for lead in leads:
                if not all(admits_all(admitting, asking) for asking in _asking(lead.outbound)):
                    missing += _not_admitted(admitting, transport, self._source(lead.outbound))
            for site in sites:
                if not any(admits_any(admitting, ip_network(cidr)) for cidr in site[1]):
                    missing += _not_admitted(admitting, transport, site)
        if not missing:
            return None
        group = min(inbound.security_group_ids)
        rules = tuple(one for one in own if one.security_group_id == group)
        return Opening(group_id=group, missing=tuple(dict.fromkeys(missing)), rules=rules)

    def _full(self, inbound: ResolverEndpoint | NewEndpoint, leads: Sequence[Lead]) -> Advice | None:
        """Return which quota stands in the way, or nothing."""
        made = [one for one in (inbound, *(lead.outbound for lead in leads)) if isinstance(one, NewEndpoint)]
        rules = [lead.site for lead in leads if lead.makes_rule]
        holding = [site for lead in leads if lead.makes_rule for site in lead.vpcs]
        return no_room(
            self._case,
            [
                *((Limited.ENDPOINTS, one.site.account, one.site.region) for one in made),
                *((Limited.RULES, site.account, site.region) for site in rules),
                *((Limited.ASSOCIATIONS, site.account, site.region) for site in holding),
            ],
        )

    def _joining(self, site: Site, home: Site) -> Iterator[str]:
        """Yield the commands that join two VPCs, which people may give."""
        pairs = ((site, home), (home, site))
        met = [
            one for near, far in pairs for each in self._subnets(near.vpc_id) for one in self._dropped(each, far.cidrs)
        ]
        if met:
            yield from dict.fromkeys(one.command for one in met if one.command)
            return
        gateway = self._transit.between(site.vpc_id, home.vpc_id) if self._transit else ""
        peering = next(
            (
                one.id
                for account in self._networks.accounts
                for one in account.peerings
                if one.vpc_ids == frozenset({site.vpc_id, home.vpc_id})
            ),
            "",
        )
        if not (peering or gateway):
            yield (
                f"aws ec2 create-vpc-peering-connection --vpc-id {site.vpc_id} --peer-vpc-id {home.vpc_id} "
                f"--peer-owner-id {home.account} --peer-region {home.region} --region {site.region}"
            )
        by = f"--transit-gateway-id {gateway}" if gateway else _BY_PEERING
        by = f"--vpc-peering-connection-id {peering}" if peering else by
        yield from self._routes(site, [(home.vpc_id, home.cidrs)], by)
        yield from self._routes(home, [(site.vpc_id, site.cidrs)], by)

    def _routes(self, site: Site, far: Sequence[Source], by: str = _BY_PEERING) -> Iterator[str]:
        tables = {one.route_table_id: one for one in self._subnets(site.vpc_id)}
        for _, cidrs in far:
            for cidr in cidrs:
                for table, subnet in sorted(tables.items()):
                    if not leads_to(subnet, [cidr]):
                        yield (
                            f"aws ec2 create-route --route-table-id {table} --destination-cidr-block {cidr} "
                            f"{by} --region {site.region}"
                        )


def _makes(lead: Lead) -> bool:
    return lead.makes_rule or isinstance(lead.outbound, NewEndpoint)


def group_prefix(direction: Direction) -> str:
    """Return how the names of the groups begin that plans make for endpoints of a direction."""
    return f"dnsbot-{direction.value.lower()}-"


def leads_to(subnet: Subnet, cidrs: Collection[str]) -> bool:
    """Return whether routes of a subnet lead to other networks' CIDRs through what joins networks."""
    routes = [longest(subnet, ip_network(cidr)[1]) for cidr in cidrs]
    return all(one is not None and one.active and one.target.startswith(JOINS) for one in routes)


def described(subnets: Sequence[Subnet]) -> str:
    """Name subnets with zone and free addresses: `subnet-1 (eu-west-1a, 250 free)`."""
    names = [
        f"{one.id} ({one.zone}" + (f", {one.free_addresses} free)" if one.free_addresses is not None else ")")
        for one in subnets
    ]
    return few(names, len(names))


def _forwards(rule: ResolverRule, host: str) -> bool:
    return rule.type is RuleType.FORWARD and rule.name == host


def _asking(outbound: ResolverEndpoint | NewEndpoint) -> list[IPv4Network]:
    """Return the networks from which an outbound endpoint asks."""
    if isinstance(outbound, NewEndpoint):
        return [cidr for subnet in outbound.subnets for cidr in subnet.cidrs if isinstance(cidr, IPv4Network)]
    return [IPv4Network(one.address) for one in outbound.addresses if one.address.version == 4]  # noqa: PLR2004  # IPv4


def _not_admitted(
    admitting: Sequence[SecurityGroupRule], transport: Transport, source: Source
) -> list[tuple[str, str]]:
    return [(transport.value, cidr) for cidr in source[1] if not admits_all(admitting, ip_network(cidr))]
