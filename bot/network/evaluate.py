"""One pair, one protocol: does a look-up get from this client to that server, and its answer back?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network

from bot.domain.findings import Protocol
from bot.network.acls import IMPLICIT_DENY, closed_ports, most_closing
from bot.network.groups import GroupAnswer, GroupBook
from bot.network.model import Address, Direction, Network, NetworkAcl, Subnet, Vpc
from bot.network.ports import DNS, UNPRIVILEGED, PortRange, union
from bot.network.reachability import Block, End, Hop, Reachability, Unread, stays_on_node
from bot.network.resolver import resolver_addresses
from bot.network.routes import detour


@dataclass(frozen=True, slots=True)
class VpcBook:
    """A `Vpc`, indexed for many questions."""

    groups: GroupBook
    acls: Mapping[str, NetworkAcl] | None
    """By subnet id; None: not read."""
    subnets: Mapping[str, Subnet] | None
    resolvers: frozenset[Address]

    @classmethod
    def of(cls, vpc: Vpc) -> VpcBook:
        """Index `vpc`."""
        acls = None if vpc.acls is None else {subnet: acl for acl in vpc.acls for subnet in acl.subnet_ids}
        subnets = None if vpc.subnets is None else {subnet.id: subnet for subnet in vpc.subnets}
        groups = GroupBook.of(vpc.rules, vpc.prefix_lists, vpc.read_group_ids)
        return cls(groups, acls, subnets, resolver_addresses(vpc.subnets or ()))

    def cidr_of(self, end: End) -> Network:
        """Return the CIDR of the end's subnet that holds its address; the address alone where that was not read."""
        subnet = (self.subnets or {}).get(end.interface.subnet_id) if end.interface else None
        alone: Network = ip_network(str(end.address))
        return next((cidr for cidr in subnet.cidrs if end.address in cidr), alone) if subnet else alone


def evaluate(book: VpcBook, client: End, server: End, protocol: Protocol) -> Reachability:
    """Return whether port 53 of `server` answers `client` over `protocol`, as far as the VPC decides."""
    if stays_on_node(client, server):
        return Reachability(protocol=protocol, on_node=True)
    if server.address in book.resolvers:
        return Reachability(protocol=protocol)
    found = [*_groups(book, client, server, protocol), *_between_subnets(book, client, server, protocol)]
    return Reachability(
        protocol=protocol,
        blocks=tuple(item for item in found if isinstance(item, Block)),
        unread=tuple(dict.fromkeys(item for item in found if isinstance(item, Unread))),
        notes=tuple(dict.fromkeys(item for item in found if isinstance(item, str))),
    )


def _one_subnet(client: End, server: End) -> bool | None:
    """Return whether ACLs and routes are skipped; None: an interface, and so its subnet, is not known."""
    if client.interface is None or server.interface is None:
        return None
    return client.interface.subnet_id == server.interface.subnet_id


def _groups(book: VpcBook, client: End, server: End, protocol: Protocol) -> Iterator[Block | Unread]:
    for hop, owner, other, direction in (
        (Hop.CLIENT_GROUPS, client, server, Direction.EGRESS),
        (Hop.SERVER_GROUPS, server, client, Direction.INGRESS),
    ):
        answer = book.groups.judge(owner, other, direction, protocol)
        if answer.allowed:
            yield from _reference_in_doubt(book, client, server, hop, answer)
        elif answer.unread:
            yield from (Unread(hop=hop, what=what) for what in answer.unread)
        else:
            yield _group_block(hop, owner, other, protocol)


def _reference_in_doubt(book: VpcBook, client: End, server: End, hop: Hop, answer: GroupAnswer) -> Iterator[Unread]:
    """Rules that reference a group do not hold through a middlebox (VPC User Guide, "Security group referencing")."""
    if answer.only_by_reference and _one_subnet(client, server) is False:
        for what in _routes_unread(book, client, server):
            yield Unread(hop=hop, what=f"Only a rule that references a security group lets it through. {what}")


def _group_block(hop: Hop, owner: End, other: End, protocol: Protocol) -> Block:
    groups = tuple(sorted(owner.interface.security_group_ids)) if owner.interface else ()
    far = sorted(other.interface.security_group_ids) if other.interface else []
    way = "out to" if hop is Hop.CLIENT_GROUPS else "in from"
    who = f"{', '.join(far)} ({other.address})" if far else str(other.address)
    missing = f"no rule of {', '.join(groups)} lets {protocol}/53 {way} {who}"
    return Block(hop=hop, protocol=protocol, missing=missing, group_ids=groups, ports=DNS, closed=(DNS,))


def _routes_unread(book: VpcBook, client: End, server: End) -> Iterator[str]:
    if book.subnets is None:
        yield "Subnets and routes could not be read."
        return
    for near, far in ((client, server), (server, client)):
        subnet_id = near.interface.subnet_id if near.interface else ""
        subnet = book.subnets.get(subnet_id)
        if subnet is None:
            yield f"The routes of {subnet_id} were not among those read."
            continue
        found = detour(subnet, far.address, book.groups.in_prefix_list)
        if found is not None:
            yield found.why


def _between_subnets(book: VpcBook, client: End, server: End, protocol: Protocol) -> Iterator[Block | Unread | str]:
    """Judge ACLs and routes. A leg whose own subnet is not known is undecided."""
    same = _one_subnet(client, server)
    if same:
        return
    if same is None:
        lost = client if client.interface is None else server
        yield Unread(hop=Hop.ROUTE, what=f"No known interface holds {lost.address}, so its subnet is not known.")
        return
    yield from (Unread(hop=Hop.ROUTE, what=what) for what in _routes_unread(book, client, server))
    answers = client.client_ports
    for hop, near, far, ports in (
        (Hop.CLIENT_SUBNET_OUT, client, server, DNS),
        (Hop.SERVER_SUBNET_IN, server, client, DNS),
        (Hop.SERVER_SUBNET_OUT, server, client, answers),
        (Hop.CLIENT_SUBNET_IN, client, server, answers),
    ):
        yield from _leg(book, hop, near, far, protocol, ports)


def _leg(
    book: VpcBook, hop: Hop, near: End, far: End, protocol: Protocol, ports: PortRange
) -> Iterator[Block | Unread | str]:
    subnet_id = near.interface.subnet_id if near.interface else ""
    acl = None if book.acls is None else book.acls.get(subnet_id)
    if acl is None:
        unread = "could not be read" if book.acls is None else "is not among those read"
        yield Unread(hop=hop, what=f"The network ACL of {subnet_id} {unread}.")
        return
    egress = hop in {Hop.CLIENT_SUBNET_OUT, Hop.SERVER_SUBNET_OUT}
    counterpart = book.cidr_of(far)
    way = f"{'out to' if egress else 'in from'} {counterpart}"
    closed = closed_ports(acl, egress=egress, protocol=protocol, address=far.address, ports=ports)
    if closed:
        number = most_closing(closed)
        block = Block(
            hop=hop,
            protocol=protocol,
            missing="",
            acl_id=acl.id,
            subnet_id=subnet_id,
            entry_number=number,
            counterpart=counterpart,
            ports=ports,
            closed=union(item.ports for item in closed),
        )
        yield replace(block, missing=_acl_sentence(block, way))
    if ports == DNS:
        return
    wide = closed_ports(acl, egress=egress, protocol=protocol, address=far.address, ports=UNPRIVILEGED)
    outside = union(rest for item in wide for rest in item.ports.without(ports))
    if outside:
        listed = ", ".join(str(item) for item in outside)
        yield f"{acl.id} ({subnet_id}) closes {protocol}/{listed} {way}; these clients use {ports} only."


def _acl_sentence(block: Block, way: str) -> str:
    if block.entry_number == IMPLICIT_DENY:
        why = "no entry allows it (implicit deny, 32767)"
    else:
        why = f"entry {block.entry_number} denies it"
    where = f"{block.acl_id} ({block.subnet_id})"
    if block.ports == DNS:
        return f"{where} lets no {block.protocol}/53 {way}: {why}"
    listed = ", ".join(str(item) for item in block.closed)
    share = "all" if block.share == 1 else f"{block.share:.1%}"
    return f"{where} closes {share} of the answers' ports, {block.protocol}/{listed}, {way}: {why}"
