"""One pair, one transport: does a question get from this client to that server, and its answer back?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from bot.domain.lookups import Transport
from bot.network.acls import IMPLICIT_DENY, closed_ports, most_closing
from bot.network.groups import GroupAnswer, GroupBook
from bot.network.model import Address, Direction, Network, NetworkAcl, Subnet, Vpc
from bot.network.ports import UNPRIVILEGED, PortRange, union
from bot.network.reachability import ANSWER_HOPS, Block, End, Hop, Reachability, State, Unread, Way, way
from bot.network.resolver import local_cidrs, resolver_addresses
from bot.network.routes import detour
from bot.network.services import LOOKUPS, Service


@dataclass(frozen=True, slots=True)
class VpcBook:
    """A `Vpc`, indexed for many questions of one service."""

    service: Service
    groups: GroupBook
    acls: Mapping[str, NetworkAcl] | None
    """By subnet id; None: not read."""
    subnets: Mapping[str, Subnet] | None
    resolvers: frozenset[Address]
    """The VPC's own, where lookups are asked: nothing filters the way to them."""
    cidrs: frozenset[Network]
    """The VPC's own; none: not read."""

    @classmethod
    def of(cls, vpc: Vpc, service: Service = LOOKUPS) -> VpcBook:
        """Index `vpc`."""
        acls = None if vpc.acls is None else {subnet: acl for acl in vpc.acls for subnet in acl.subnet_ids}
        subnets = None if vpc.subnets is None else {subnet.id: subnet for subnet in vpc.subnets}
        groups = GroupBook.of(service, vpc.rules, vpc.prefix_lists, vpc.read_group_ids)
        resolvers = resolver_addresses(vpc.subnets or ()) if service == LOOKUPS else frozenset()
        return cls(service, groups, acls, subnets, resolvers, local_cidrs(vpc.subnets or ()))

    def is_outside(self, end: End) -> bool:
        """Return whether the end is known to be out of the VPC."""
        known = [cidr for cidr in self.cidrs if cidr.version == end.address.version]
        return end.interface is None and bool(known) and not any(end.address in cidr for cidr in known)

    def cidr_of(self, end: End) -> Network:
        """Return the CIDR of the end's subnet that holds its address; the address alone where that was not read."""
        subnet = (self.subnets or {}).get(end.interface.subnet_id) if end.interface else None
        alone: Network = ip_network(str(end.address))
        return next((cidr for cidr in subnet.cidrs if end.address in cidr), alone) if subnet else alone


def evaluate(book: VpcBook, client: End, server: End, transport: Transport) -> Reachability:
    """Return whether the book's service on `server` answers `client` over `transport`, as far as the VPC decides."""
    goes = way(client, server)
    if goes is Way.ON_NODE:
        return Reachability(transport=transport, on_node=True)
    if server.address in book.resolvers:
        return Reachability(transport=transport)
    if book.is_outside(server):
        return _answer(transport, _out_of_vpc(book, client.leaves_as or client, server, transport))
    found = [*_groups(book, client, server, transport), *_between_subnets(book, client, server, transport)]
    answer = _answer(transport, found)
    if answer.state is State.ALLOWED or goes is Way.THROUGH_VPC:
        return answer
    unsure = client if client.unknown else server
    unknown = (
        f"The {' and the '.join(unsure.unknown)} of {unsure.address} {'are' if unsure.unknown[1:] else 'is'} not known"
    )
    what = f"{unknown}: nothing may filter its packets within the node."
    left_open = dict.fromkeys(Unread(hop=block.hop, what=what) for block in answer.blocks)
    return replace(answer, blocks=(), unread=tuple(dict.fromkeys((*answer.unread, *left_open))))


def _answer(transport: Transport, parts: Iterable[Block | Unread | str]) -> Reachability:
    found = tuple(parts)
    return Reachability(
        transport=transport,
        blocks=tuple(item for item in found if isinstance(item, Block)),
        unread=tuple(dict.fromkeys(item for item in found if isinstance(item, Unread))),
        notes=tuple(dict.fromkeys(item for item in found if isinstance(item, str))),
    )


def _out_of_vpc(book: VpcBook, leaving: End, server: End, transport: Transport) -> Iterator[Block | Unread | str]:
    """Judge what the VPC does with packets on their way out; what filters beyond is not known."""
    if leaving.interface is None:
        yield Unread(hop=Hop.ROUTE, what=f"No known interface holds {leaving.address}, so its subnet is not known.")
        return
    yield from _groups_at(book, Hop.CLIENT_GROUPS, leaving, server, transport)
    for hop, ports in ((Hop.CLIENT_SUBNET_OUT, book.service.ports), (Hop.CLIENT_SUBNET_IN, leaving.client_ports)):
        yield from _leg(book, hop, leaving, server, transport, ports)
    yield Unread(hop=Hop.ROUTE, what=f"{server.address} is out of the VPC: what stops packets there is not known.")


def _one_subnet(client: End, server: End) -> bool | None:
    """Return whether ACLs and routes are skipped; None: an interface, and so its subnet, is not known."""
    if client.interface is None or server.interface is None:
        return None
    return client.interface.subnet_id == server.interface.subnet_id


def _groups(book: VpcBook, client: End, server: End, transport: Transport) -> Iterator[Block | Unread]:
    yield from _groups_at(book, Hop.CLIENT_GROUPS, client, server, transport)
    yield from _groups_at(book, Hop.SERVER_GROUPS, server, client, transport)


def _groups_at(book: VpcBook, hop: Hop, owner: End, other: End, transport: Transport) -> Iterator[Block | Unread]:
    direction = Direction.EGRESS if hop is Hop.CLIENT_GROUPS else Direction.INGRESS
    answer = book.groups.judge(owner, other, direction, transport)
    if answer.allowed:
        yield from _reference_in_doubt(book, owner, other, hop, answer)
    elif answer.unread:
        yield from (Unread(hop=hop, what=what) for what in answer.unread)
    else:
        yield _group_block(book.service.ports, hop, owner, other, transport)


def _reference_in_doubt(book: VpcBook, owner: End, other: End, hop: Hop, answer: GroupAnswer) -> Iterator[Unread]:
    """Rules that reference a group do not hold through a middlebox (VPC User Guide, "Security group referencing")."""
    if answer.only_by_reference and _one_subnet(owner, other) is False:
        for what in _routes_unread(book, owner, other):
            yield Unread(hop=hop, what=f"Only a rule that references a security group lets it through. {what}")


def _group_block(ports: PortRange, hop: Hop, owner: End, other: End, transport: Transport) -> Block:
    groups = tuple(sorted(owner.interface.security_group_ids)) if owner.interface else ()
    far = tuple(sorted(other.interface.security_group_ids)) if other.interface else ()
    rule, way = ("outbound", "to") if hop is Hop.CLIENT_GROUPS else ("inbound", "from")
    names = "itself" if far == groups and len(groups) == 1 else ", ".join(far)
    who = f"{names} ({other.address})" if far else str(other.address)
    missing = f"{_having(groups)} no {rule} rule for {transport}/{ports} {way} {who}"
    return Block(hop=hop, transport=transport, missing=missing, group_ids=groups, ports=ports, closed=(ports,))


def _having(groups: Sequence[str]) -> str:
    """Return `security group sg-1 has`, or `security groups sg-1, sg-2 have`."""
    return f"security group{'s' * (len(groups) != 1)} {', '.join(groups)} {'has' if len(groups) == 1 else 'have'}"


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


def _between_subnets(book: VpcBook, client: End, server: End, transport: Transport) -> Iterator[Block | Unread | str]:
    """Judge ACLs and routes. A leg whose own subnet is not known is undecided."""
    same = _one_subnet(client, server)
    if same:
        return
    if same is None:
        lost = client if client.interface is None else server
        yield Unread(hop=Hop.ROUTE, what=f"No known interface holds {lost.address}, so its subnet is not known.")
        return
    yield from (Unread(hop=Hop.ROUTE, what=what) for what in _routes_unread(book, client, server))
    asked, answers = book.service.ports, client.client_ports
    for hop, near, far, ports in (
        (Hop.CLIENT_SUBNET_OUT, client, server, asked),
        (Hop.SERVER_SUBNET_IN, server, client, asked),
        (Hop.SERVER_SUBNET_OUT, server, client, answers),
        (Hop.CLIENT_SUBNET_IN, client, server, answers),
    ):
        yield from _leg(book, hop, near, far, transport, ports)


def _leg(
    book: VpcBook, hop: Hop, near: End, far: End, transport: Transport, ports: PortRange
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
    closed = closed_ports(acl, egress=egress, transport=transport, address=far.address, ports=ports)
    if closed:
        number = most_closing(closed)
        block = Block(
            hop=hop,
            transport=transport,
            missing="",
            acl_id=acl.id,
            subnet_id=subnet_id,
            entry_number=number,
            counterpart=counterpart,
            ports=ports,
            closed=union(item.ports for item in closed),
        )
        yield replace(block, missing=_acl_sentence(block, way))
    if hop not in ANSWER_HOPS:
        return
    wide = closed_ports(acl, egress=egress, transport=transport, address=far.address, ports=UNPRIVILEGED)
    outside = union(rest for item in wide for rest in item.ports.without(ports))
    if outside:
        listed = ", ".join(str(item) for item in outside)
        yield f"{acl.id} ({subnet_id}) closes {transport}/{listed} {way}; these clients use {ports} only."


def _acl_sentence(block: Block, way: str) -> str:
    if block.entry_number == IMPLICIT_DENY:
        why = "no entry allows it (implicit deny, 32767)"
    else:
        why = f"entry {block.entry_number} denies it"
    where = f"{block.acl_id} ({block.subnet_id})"
    if block.hop not in ANSWER_HOPS:
        return f"{where} lets no {block.transport}/{block.ports} {way}: {why}"
    listed = ", ".join(str(item) for item in block.closed)
    share = "all" if block.share == 1 else f"{block.share:.1%}"
    return f"{where} closes {share} of the answers' ports, {block.transport}/{listed}, {way}: {why}"
