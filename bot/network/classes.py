"""Many pairs at the cost of few: pairs that no rule, entry or route can tell apart are judged once.

Two pairs are in one class when their interfaces carry the same groups, lie in the same subnets, their addresses are in
the same CIDRs and prefix lists of all that rules, entries and routes name, both or neither stay on one node, and their
packets leave the VPC as ends that are alike in this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.network.answers import network
from bot.network.evaluate import VpcBook, evaluate
from bot.network.membership import Membership
from bot.network.model import Address, Interface, Network, Vpc
from bot.network.ports import PortRange
from bot.network.reachability import End, Reachability, Way, way
from bot.network.services import LOOKUPS, Service

_Key: TypeAlias = tuple[frozenset[str] | None, str, tuple[int, int], PortRange, bool, bool, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairClass:
    """Pairs that are judged alike, and how."""

    clients: tuple[End, ...]
    servers: tuple[End, ...]
    way: Way
    """Which of all pairs of a client and a server are meant: those whose packets go there."""
    answers: tuple[Reachability, ...]
    """One for each transport of the service, in its order; texts in it name the first pair."""

    def pairs(self) -> Iterator[tuple[End, End]]:
        """Yield every pair of the class."""
        for server in self.servers:
            for client in self.clients:
                if way(client, server) is self.way:
                    yield client, server


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The answers for all pairs, by class."""

    classes: tuple[PairClass, ...]
    evaluations: int
    """How many pairs were really judged (each over every transport): the number of classes."""


def named_networks(vpc: Vpc, service: Service = LOOKUPS) -> tuple[Network, ...]:
    """Return every CIDR that a rule for the service, a prefix list, an ACL entry or a route names."""
    named: list[Network] = [
        rule.cidr for rule in vpc.rules if rule.cidr is not None and service.may_be_carried_by(rule)
    ]
    named += [entry for listed in vpc.prefix_lists for entry in listed.entries or ()]
    named += [entry.cidr for acl in vpc.acls or () for entry in acl.entries]
    routes = {route.destination for subnet in vpc.subnets or () for route in subnet.routes}
    named += [network(text) for text in routes if not text.startswith("pl-")]
    return tuple(named)


def evaluate_pairs(vpc: Vpc, clients: Iterable[End], servers: Iterable[End], service: Service = LOOKUPS) -> Evaluated:
    """Judge every client against every server of the same address family; one evaluation for each class of pairs."""
    book, membership = VpcBook.of(vpc, service), Membership(named_networks(vpc, service))
    classes = [
        found
        for client_class in _grouped(clients, membership, book)
        for server_class in _grouped(servers, membership, book)
        if client_class[0].address.version == server_class[0].address.version
        for found in _judged(book, client_class, server_class)
    ]
    return Evaluated(classes=tuple(classes), evaluations=len(classes))


def _grouped(ends: Iterable[End], membership: Membership, book: VpcBook) -> list[tuple[End, ...]]:
    grouped: dict[tuple[_Key, _Key | None], list[End]] = {}
    for end in ends:
        leaves = None if end.leaves_as is None else _key(end.leaves_as, membership, book)
        grouped.setdefault((_key(end, membership, book), leaves), []).append(end)
    return [tuple(found) for found in grouped.values()]


def _key(end: End, membership: Membership, book: VpcBook) -> _Key:
    interface = end.interface
    return (
        None if interface is None else interface.security_group_ids,
        "" if interface is None else interface.subnet_id,
        membership.of(end.address),
        end.client_ports,
        end.address in book.resolvers,
        end.apart_from_node,
        end.unknown,
    )


def _judged(book: VpcBook, clients: tuple[End, ...], servers: tuple[End, ...]) -> Iterator[PairClass]:
    unsure = bool(clients[0].unknown or servers[0].unknown)
    for goes, first in (
        (Way.THROUGH_VPC, _first(clients, servers, Way.THROUGH_VPC)),
        (Way.ON_NODE, _staying(clients, servers)),
        (Way.UNKNOWN, _first(clients, servers, Way.UNKNOWN) if unsure else None),
    ):
        if first is not None:
            answers = tuple(evaluate(book, *first, transport) for transport in book.service.transports)
            yield PairClass(clients=clients, servers=servers, way=goes, answers=answers)


def _first(clients: Sequence[End], servers: Sequence[End], goes: Way) -> tuple[End, End] | None:
    pairs = ((client, server) for client in clients for server in servers)
    return next((pair for pair in pairs if way(*pair) is goes), None)


def _staying(clients: Sequence[End], servers: Sequence[End]) -> tuple[End, End] | None:
    """Find a pair on one node by the instances that both sides name, not by trying every pair."""
    by_instance: dict[str, list[End]] = {}
    for client in clients:
        if client.interface is not None and client.interface.instance_id:
            by_instance.setdefault(client.interface.instance_id, []).append(client)
    for server in servers:
        instance = server.interface.instance_id if server.interface is not None else ""
        for client in by_instance.get(instance, ()):
            if way(client, server) is Way.ON_NODE:
                return client, server
    return None


def one_end_for_each_class(interface: Interface, membership: Membership, end: End) -> tuple[End, ...]:
    """Return `end` once for each class of the interface's addresses and delegated prefixes: the first of each."""
    if not interface.prefixes and interface.addresses:
        low, high = min(interface.addresses, key=_order), max(interface.addresses, key=_order)
        if membership.in_one_stretch(low, high):
            return (End(interface=interface, address=low, name=end.name, client_ports=end.client_ports),)
    found: dict[tuple[int, int], Address] = {}
    block_bases = [base for block in interface.prefixes for base in membership.representatives(block)]
    for address in sorted((*interface.addresses, *block_bases), key=_order):
        found.setdefault(membership.of(address), address)
    return tuple(replace(end, interface=interface, address=address) for address in found.values())


def _order(item: Address) -> tuple[int, int]:
    return item.version, int(item)
