"""The sandbox's own plain check: does one packet get from one address to another through the VPC?

Written from the AWS pages "Security group rules", "Security group connection tracking" and "Network
ACL rules", packet by packet; it shares nothing with the bot's evaluator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bot.sandbox.world import vpc_resolver

PROTOCOL_NUMBERS = {"tcp": "6", "udp": "17"}


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


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """What AWS answered at one moment."""

    cidr: str = ""
    ports: tuple[Port, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)
    acls: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    """Entries by subnet, in order of number."""
    endpoint_host: str = ""
    """Host name of the EKS cluster's API endpoint."""
    control_plane: tuple[str, ...] = ()
    """Addresses of the control plane's interfaces, which that name stands for. Empty: not known, always reached."""

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
        if not self.cidr:
            return frozenset({"169.254.169.253"})
        return frozenset({vpc_resolver(self.cidr), "169.254.169.253"})

    def port_of(self, address: str) -> Port | None:
        """Return the interface that holds an address, itself or in a delegated prefix."""
        return self._by_address.get(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A query and its answer."""

    client: str
    client_port: int
    server: str
    server_port: int
    protocol: str


def _within(address: str, cidr: str) -> bool:
    network = ipaddress.ip_network(cidr, strict=False)
    number = ipaddress.ip_address(address)
    return number.version == network.version and number in network


def _protocol_matches(asked: str, protocol: str) -> bool:
    return asked in ("-1", protocol, PROTOCOL_NUMBERS[protocol])


def _permits(permission: Permission, flow: Flow, peer_address: str, peer: Port) -> bool:
    if not _protocol_matches(permission.protocol, flow.protocol):
        return False
    every_port = permission.protocol == "-1" or permission.from_port == -1
    if not every_port and not permission.from_port <= flow.server_port <= permission.to_port:
        return False
    if any(group in peer.groups for group in permission.groups):
        return True
    return any(_within(peer_address, cidr) for cidr in permission.cidrs)


def _groups_permit(vpc: Vpc, flow: Flow, client: Port, server: Port) -> bool:
    outbound = [rule for group in client.groups for rule in vpc.groups[group].outbound]
    inbound = [rule for group in server.groups for rule in vpc.groups[group].inbound]
    return any(_permits(rule, flow, flow.server, server) for rule in outbound) and any(
        _permits(rule, flow, flow.client, client) for rule in inbound
    )


def _acl_permits(vpc: Vpc, subnet: str, *, egress: bool, protocol: str, peer: str, port: int) -> bool:
    for entry in vpc.acls.get(subnet, ()):
        if entry.egress != egress or not _protocol_matches(entry.protocol, protocol) or not _within(peer, entry.cidr):
            continue
        if entry.from_port is None or entry.to_port is None or entry.from_port <= port <= entry.to_port:
            return entry.allow
    return False


def _acls_permit(vpc: Vpc, flow: Flow, client: Port, server: Port) -> bool:
    legs = (
        (client.subnet_id, True, flow.server, flow.server_port),
        (server.subnet_id, False, flow.client, flow.server_port),
        (server.subnet_id, True, flow.client, flow.client_port),
        (client.subnet_id, False, flow.server, flow.client_port),
    )
    return all(
        _acl_permits(vpc, subnet, egress=egress, protocol=flow.protocol, peer=peer, port=port)
        for subnet, egress, peer, port in legs
    )


def passes(vpc: Vpc, flow: Flow) -> bool:
    """Return whether the query reaches the server and its answer the client, between two nodes."""
    client, server = vpc.port_of(flow.client), vpc.port_of(flow.server)
    if client is None or server is None:
        return False
    if not _groups_permit(vpc, flow, client, server):
        return False
    return client.subnet_id == server.subnet_id or _acls_permit(vpc, flow, client, server)
