"""Many pairs at the cost of few: pairs that no rule, entry or route can tell apart are judged once.

Two pairs are in one class when their interfaces carry the same groups, lie in the same subnets, their addresses are in
the same CIDRs and prefix lists of all that rules, entries and routes name, and both or neither stay on one node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.domain.findings import Protocol
from bot.network.answers import network
from bot.network.evaluate import VpcBook, evaluate
from bot.network.groups import may_carry_dns
from bot.network.membership import Membership
from bot.network.model import Address, Interface, Network, Vpc
from bot.network.ports import PortRange
from bot.network.reachability import End, Reachability, stays_on_node

_Key: TypeAlias = tuple[frozenset[str] | None, str, tuple[int, int], PortRange, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairClass:
    """Pairs that are judged alike, and how."""

    clients: tuple[End, ...]
    servers: tuple[End, ...]
    on_node: bool
    """Which of all pairs of a client and a server are meant: those that stay on a node, or those that leave it."""
    answers: tuple[Reachability, ...]
    """One for each protocol, udp first; texts in it name the first pair."""

    def pairs(self) -> Iterator[tuple[End, End]]:
        """Yield every pair of the class."""
        for server in self.servers:
            for client in self.clients:
                if stays_on_node(client, server) == self.on_node:
                    yield client, server


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The answers for all pairs, by class."""

    classes: tuple[PairClass, ...]
    evaluations: int
    """How many pairs were really judged (each for udp and tcp): the number of classes."""


def named_networks(vpc: Vpc) -> tuple[Network, ...]:
    """Return every CIDR that a rule for port 53, a prefix list, an ACL entry or a route names."""
    named: list[Network] = [rule.cidr for rule in vpc.rules if rule.cidr is not None and may_carry_dns(rule)]
    named += [entry for listed in vpc.prefix_lists for entry in listed.entries or ()]
    named += [entry.cidr for acl in vpc.acls or () for entry in acl.entries]
    routes = {route.destination for subnet in vpc.subnets or () for route in subnet.routes}
    named += [network(text) for text in routes if not text.startswith("pl-")]
    return tuple(named)


def evaluate_pairs(vpc: Vpc, clients: Iterable[End], servers: Iterable[End]) -> Evaluated:
    """Judge every client against every server of the same address family; one evaluation for each class of pairs."""
    book, membership = VpcBook.of(vpc), Membership(named_networks(vpc))
    classes = [
        found
        for client_class in _grouped(clients, membership, book)
        for server_class in _grouped(servers, membership, book)
        if client_class[0].address.version == server_class[0].address.version
        for found in _judged(book, client_class, server_class)
    ]
    return Evaluated(classes=tuple(classes), evaluations=len(classes))


def _grouped(ends: Iterable[End], membership: Membership, book: VpcBook) -> list[tuple[End, ...]]:
    grouped: dict[_Key, list[End]] = {}
    for end in ends:
        interface = end.interface
        grouped.setdefault(
            (
                None if interface is None else interface.security_group_ids,
                "" if interface is None else interface.subnet_id,
                membership.of(end.address),
                end.client_ports,
                end.address in book.resolvers,
            ),
            [],
        ).append(end)
    return [tuple(found) for found in grouped.values()]


def _judged(book: VpcBook, clients: tuple[End, ...], servers: tuple[End, ...]) -> Iterator[PairClass]:
    for on_node, first in ((False, _leaving(clients, servers)), (True, _staying(clients, servers))):
        if first is not None:
            answers = tuple(evaluate(book, *first, protocol) for protocol in (Protocol.UDP, Protocol.TCP))
            yield PairClass(clients=clients, servers=servers, on_node=on_node, answers=answers)


def _leaving(clients: Sequence[End], servers: Sequence[End]) -> tuple[End, End] | None:
    pairs = ((client, server) for client in clients for server in servers)
    return next((pair for pair in pairs if not stays_on_node(*pair)), None)


def _staying(clients: Sequence[End], servers: Sequence[End]) -> tuple[End, End] | None:
    """Find a pair on one node by the instances that both sides name, not by trying every pair."""
    by_instance: dict[str, list[End]] = {}
    for client in clients:
        if client.interface is not None and client.interface.instance_id:
            by_instance.setdefault(client.interface.instance_id, []).append(client)
    for server in servers:
        instance = server.interface.instance_id if server.interface is not None else ""
        for client in by_instance.get(instance, ()):
            if stays_on_node(client, server):
                return client, server
    return None


def one_end_for_each_class(interface: Interface, membership: Membership, end: End) -> tuple[End, ...]:
    """Return `end` once for each class of the interface's addresses and delegated prefixes: the first of each."""
    found: dict[tuple[int, int], Address] = {}
    block_bases = [base for block in interface.prefixes for base in membership.representatives(block)]
    for address in sorted((*interface.addresses, *block_bases), key=lambda item: (item.version, int(item))):
        found.setdefault(membership.of(address), address)
    return tuple(replace(end, interface=interface, address=address) for address in found.values())
