"""All VPCs, as AWS answered about them at one moment, and what it holds about names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.sandbox.network.names import Filter, ResolverEndpoint, ResolverRule, Zone
from bot.sandbox.network.vpc import Vpc, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """A peering connection that is active."""

    id: str
    vpc_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitGateway:
    """A transit gateway with its one route table."""

    id: str
    vpc_ids: frozenset[str]
    """Of the attachments that are available."""
    routes: tuple[tuple[str, str], ...]
    """(CIDR, VPC that its packets come out in; empty: they are dropped)."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """The VPCs of every account and region."""

    home: Vpc
    """The cluster's."""
    others: tuple[Vpc, ...] = ()
    peerings: tuple[Peering, ...] = ()
    transits: tuple[TransitGateway, ...] = ()
    zones: tuple[Zone, ...] = ()
    rules: tuple[ResolverRule, ...] = ()
    endpoints: tuple[ResolverEndpoint, ...] = ()
    filters: Mapping[str, tuple[Filter, ...]] = field(default_factory=dict)
    """Of DNS Firewall by VPC, in the order in which they are asked."""

    @property
    def vpcs(self) -> tuple[Vpc, ...]:
        """All of them, the cluster's first."""
        return (self.home, *self.others)

    def vpc(self, vpc_id: str) -> Vpc | None:
        """Return the VPC of this id."""
        return next((vpc for vpc in self.vpcs if vpc.id == vpc_id), None)

    def next_vpc(self, vpc: Vpc, subnet_id: str, address: str) -> Vpc | None:
        """Return the VPC into which a subnet's route table leads packets for an address; None: into none.

        The longest prefix counts (VPC User Guide, "Route priority"); addresses of the VPC's own are always local. A
        network on premises sends each VPC's packets to it.
        """
        if any(within(address, cidr) for cidr in vpc.cidrs):
            return vpc
        if vpc.forwards is not None:
            return self._holding(address, on_premises=False)
        routes = [route for route in vpc.routes_of(subnet_id) if within(address, route.cidr)]
        chosen = max(routes, key=lambda route: ipaddress.ip_network(route.cidr).prefixlen, default=None)
        if chosen and chosen.gateway_id:
            return self._holding(address, on_premises=True)
        if chosen and chosen.transit_id:
            return self._through(chosen.transit_id, vpc, address)
        peering = next((one for one in self.peerings if chosen and one.id == chosen.peering_id), None)
        if peering is None or vpc.id not in peering.vpc_ids:
            return None
        other = next((self.vpc(vpc_id) for vpc_id in peering.vpc_ids if vpc_id != vpc.id), None)
        return other if other and any(within(address, cidr) for cidr in other.cidrs) else None

    def _through(self, transit_id: str, vpc: Vpc, address: str) -> Vpc | None:
        """Return the VPC in which a transit gateway lets packets out; None: it takes none from there, or drops them."""
        gateway = next((one for one in self.transits if one.id == transit_id and vpc.id in one.vpc_ids), None)
        routes = [route for route in (gateway.routes if gateway else ()) if within(address, route[0])]
        chosen = max(routes, key=lambda route: ipaddress.ip_network(route[0]).prefixlen, default=None)
        other = self.vpc(chosen[1]) if chosen else None
        return other if other and any(within(address, cidr) for cidr in other.cidrs) else None

    def _holding(self, address: str, *, on_premises: bool) -> Vpc | None:
        """Return the VPC, or the network on premises, that has an address in its CIDRs."""
        known = (vpc for vpc in self.vpcs if (vpc.forwards is not None) is on_premises)
        return next((vpc for vpc in known if any(within(address, cidr) for cidr in vpc.cidrs)), None)

    def inbound_at(self, vpc: Vpc, address: str) -> ResolverEndpoint | None:
        """Return the inbound endpoint that answers at an address of a VPC."""
        return next(
            (one for one in self.endpoints if one.inbound and one.vpc_id == vpc.id and address in one.addresses), None
        )
