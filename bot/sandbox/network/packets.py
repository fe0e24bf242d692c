"""The sandbox's own plain check: does one packet get from one address to another, within a VPC or between peered ones?

Written from the AWS pages "Security group rules", "Security group connection tracking" and "Network
ACL rules", packet by packet; it shares nothing with the bot's evaluator.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.network.network import Network
from bot.sandbox.network.replies import Outcome
from bot.sandbox.network.vpc import Permission, Port, Vpc, within

API_PORT = 443
PROTOCOL_NUMBERS = {"tcp": "6", "udp": "17"}
EPHEMERAL = (32768, 60999)
"""First and last of a client's ports: net.ipv4.ip_local_port_range of Linux (kernel documentation, ip-sysctl)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A query and its answer."""

    client: str
    client_port: int
    server: str
    server_port: int
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """The interface of one side, and the VPC whose groups and ACLs judge it."""

    vpc: Vpc
    port: Port


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
    return any(within(peer_address, cidr) for cidr in permission.cidrs)


def _groups_permit(flow: Flow, client: _End, server: _End) -> bool:
    outbound = [rule for group in client.port.groups for rule in client.vpc.groups[group].outbound]
    inbound = [rule for group in server.port.groups for rule in server.vpc.groups[group].inbound]
    return any(_permits(rule, flow, flow.server, server.port) for rule in outbound) and any(
        _permits(rule, flow, flow.client, client.port) for rule in inbound
    )


def _acl_permits(end: _End, *, egress: bool, protocol: str, peer: str, port: int) -> bool:
    for entry in end.vpc.acls.get(end.port.subnet_id, ()):
        if entry.egress != egress or not _protocol_matches(entry.protocol, protocol) or not within(peer, entry.cidr):
            continue
        if entry.from_port is None or entry.to_port is None or entry.from_port <= port <= entry.to_port:
            return entry.allow
    return False


def _acls_permit_query(flow: Flow, client: _End, server: _End) -> bool:
    return _acl_permits(
        client, egress=True, protocol=flow.protocol, peer=flow.server, port=flow.server_port
    ) and _acl_permits(server, egress=False, protocol=flow.protocol, peer=flow.client, port=flow.server_port)


def _acls_permit_answer(flow: Flow, client: _End, server: _End) -> bool:
    return _acl_permits(
        server, egress=True, protocol=flow.protocol, peer=flow.client, port=flow.client_port
    ) and _acl_permits(client, egress=False, protocol=flow.protocol, peer=flow.server, port=flow.client_port)


def _acls_permit(flow: Flow, client: _End, server: _End) -> bool:
    return _acls_permit_query(flow, client, server) and _acls_permit_answer(flow, client, server)


def _between_subnets(flow: Flow, client: _End, server: _End) -> bool:
    return client.port.subnet_id == server.port.subnet_id or _acls_permit(flow, client, server)


def _permitted(flow: Flow, client: _End, server: _End) -> bool:
    return _groups_permit(flow, client, server) and _between_subnets(flow, client, server)


def arrives(vpc: Vpc, flow: Flow) -> bool:
    """Return whether the query reaches the server, between two nodes."""
    client, server = vpc.port_of(flow.client), vpc.port_of(flow.server)
    if client is None or server is None:
        return False
    ends = _End(vpc=vpc, port=client), _End(vpc=vpc, port=server)
    return _groups_permit(flow, *ends) and (client.subnet_id == server.subnet_id or _acls_permit_query(flow, *ends))


def passes(vpc: Vpc, flow: Flow) -> bool:
    """Return whether the query reaches the server and its answer the client, between two nodes."""
    client, server = vpc.port_of(flow.client), vpc.port_of(flow.server)
    if client is None or server is None:
        return False
    return _permitted(flow, _End(vpc=vpc, port=client), _End(vpc=vpc, port=server))


def goes_on(vpc: Vpc, flow: Flow) -> bool:
    """Return whether a connection that stands goes on: groups track it, ACLs judge each of its packets."""
    client, server = vpc.port_of(flow.client), vpc.port_of(flow.server)
    if client is None or server is None:
        return False
    return _between_subnets(flow, _End(vpc=vpc, port=client), _End(vpc=vpc, port=server))


def reached(network: Network, start: Vpc, flow: Flow) -> Vpc | None:
    """Return the VPC that holds the server, if the query gets there from `start` and its answer back; else None."""
    client = start.port_of(flow.client)
    there = network.next_vpc(start, client.subnet_id, flow.server) if client else None
    server = there.port_of(flow.server) if there else None
    if client is None or there is None or server is None:
        return None
    if network.next_vpc(there, server.subnet_id, flow.client) is not start:
        return None
    return there if _permitted(flow, _End(vpc=start, port=client), _End(vpc=there, port=server)) else None


def connected(network: Network, start: Vpc, flow: Flow) -> Outcome:
    """Return what comes of a TCP connection from `start`: of a control plane's interface on 443, an answer."""
    there = reached(network, start, flow)
    if there is None:
        return Outcome.TIMEOUT
    serves = flow.server_port == API_PORT and any(flow.server in one.addresses for one in there.api_endpoints)
    return Outcome.ANSWER if serves else Outcome.PORT_UNREACHABLE
