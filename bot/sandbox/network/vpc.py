"""A VPC as AWS answered about it at one moment: what decides about packets."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bot.sandbox.world.world import vpc_resolver


@dataclass(frozen=True, kw_only=True)
class Port:
    """A network interface."""

    id: str
    instance_id: str
    subnet_id: str
    primary: str
    secondary: tuple[str, ...]
    prefixes: tuple[str, ...]
    groups: frozenset[str]
    is_branch: bool = False
    """A pod's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One permission of a security group: protocol, ports (-1: all) and who is at the other end."""

    protocol: str
    from_port: int
    to_port: int
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group."""

    inbound: tuple[Permission, ...]
    outbound: tuple[Permission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a network ACL."""

    number: int
    egress: bool
    allow: bool
    protocol: str
    cidr: str
    from_port: int | None
    to_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of a table. Of its targets peering connections and transit gateways lead to another VPC."""

    cidr: str
    peering_id: str
    """Empty: another target."""
    gateway_id: str = ""
    """`vgw-…`: a virtual private gateway, behind which networks on premises are; empty: another target."""
    transit_id: str = ""
    """`tgw-…`; empty: another target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEndpoint:
    """The API endpoint of an EKS cluster in the VPC."""

    host: str
    """In lower case."""
    addresses: tuple[str, ...] = ()
    """Of the control plane's interfaces, for which the name stands inside. Empty: not known, always reached."""
    private: bool = True
    """The VPC's resolver answers these addresses, provided the VPC has DNS support and host names."""
    public: bool = True
    """Public DNS answers public addresses; otherwise it answers the private ones."""


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """What AWS answered at one moment."""

    id: str = ""
    account: str = ""
    region: str = ""
    cidrs: tuple[str, ...] = ()
    """The primary one first."""
    dns_support: bool = True
    dns_hostnames: bool = True
    public_dns: bool = True
    """Whether whoever runs it lets public DNS be asked from there."""
    dhcp_servers: tuple[str, ...] = ()
    """The DNS servers that DHCP tells its hosts; none: its own resolver."""
    ports: tuple[Port, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)
    acls: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    """Entries by subnet, in order of number."""
    routes: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)
    """Routes beside the local ones by subnet; those of the VPC's main table under ""."""
    api_endpoints: tuple[ApiEndpoint, ...] = ()
    forwards: Mapping[str, tuple[str, ...]] | None = None
    """Of a network on premises, which is no VPC: the names that its DNS server forwards, and to which addresses."""

    @cached_property
    def _by_address(self) -> dict[str, Port]:
        held = {address: port for port in self.ports for address in (port.primary, *port.secondary)}
        for port in self.ports:
            for prefix in port.prefixes:
                held |= {str(address): port for address in ipaddress.ip_network(prefix)}
        return held

    @cached_property
    def ports_of_instance(self) -> dict[str, list[Port]]:
        """Interfaces by instance id."""
        found: dict[str, list[Port]] = {}
        for port in self.ports:
            found.setdefault(port.instance_id, []).append(port)
        return found

    @cached_property
    def resolver_addresses(self) -> frozenset[str]:
        """The VPC resolver: second address of the VPC's CIDR, and the link-local one."""
        return frozenset({"169.254.169.253", *map(vpc_resolver, self.cidrs[:1])})

    def port_of(self, address: str) -> Port | None:
        """Return the interface that holds an address, itself or in a delegated prefix."""
        return self._by_address.get(address)

    def api_endpoint(self, host: str) -> ApiEndpoint | None:
        """Return the endpoint of this name, however it is spelt: EKS writes capitals."""
        return next((endpoint for endpoint in self.api_endpoints if endpoint.host == host.lower()), None)

    def routes_of(self, subnet_id: str) -> tuple[Route, ...]:
        """Return the routes of a subnet's own table, or of the main one."""
        return self.routes.get(subnet_id, self.routes.get("", ()))


def within(address: str, cidr: str) -> bool:
    """Return whether an address lies in a CIDR."""
    network = ipaddress.ip_network(cidr, strict=False)
    number = ipaddress.ip_address(address)
    return number.version == network.version and number in network
