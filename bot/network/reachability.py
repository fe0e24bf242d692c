"""What the evaluator answers: allowed, blocked (where, by what, for which share), or undecided (what was not read)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.findings import Protocol
from bot.network.model import Address, Direction, Interface, InterfaceKind, Network
from bot.network.ports import LINUX_CLIENTS, PortRange, count


class State(StrEnum):
    """The three answers."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"


class Hop(StrEnum):
    """Where on its way a query, or its answer, is judged."""

    CLIENT_GROUPS = "client's security groups, query out"
    CLIENT_SUBNET_OUT = "client subnet's network ACL, query out"
    SERVER_SUBNET_IN = "server subnet's network ACL, query in"
    SERVER_GROUPS = "server's security groups, query in"
    SERVER_SUBNET_OUT = "server subnet's network ACL, answer out"
    CLIENT_SUBNET_IN = "client subnet's network ACL, answer in"
    ROUTE = "route between the subnets"


GROUP_HOPS = frozenset({Hop.CLIENT_GROUPS, Hop.SERVER_GROUPS})
ACL_HOPS = frozenset({Hop.CLIENT_SUBNET_OUT, Hop.SERVER_SUBNET_IN, Hop.SERVER_SUBNET_OUT, Hop.CLIENT_SUBNET_IN})

_EGRESS = frozenset({Hop.CLIENT_GROUPS, Hop.CLIENT_SUBNET_OUT, Hop.SERVER_SUBNET_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a look-up: an address and the interface that holds it."""

    interface: Interface | None
    """None: no known interface holds the address."""
    address: Address
    name: str = ""
    """The node, for people."""
    client_ports: PortRange = LINUX_CLIENTS
    """Source ports that this end uses as a client."""


def stays_on_node(client: End, server: End) -> bool:
    """Return whether packets between the two never leave the node.

    Both are on one instance, and neither is a branch interface: those are filtered by the VPC even between pods of
    one node (EKS User Guide, "Assign security groups to individual pods").
    """
    one, other = client.interface, server.interface
    if one is None or other is None or InterfaceKind.BRANCH in {one.kind, other.kind}:
        return False
    return one.instance_id != "" and one.instance_id == other.instance_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One hop that is proven to stop the query or its answer."""

    hop: Hop
    protocol: Protocol
    missing: str
    """What is missing, as a sentence."""
    group_ids: tuple[str, ...] = ()
    """The groups none of whose rules lets it through; empty for an ACL."""
    acl_id: str = ""
    subnet_id: str = ""
    """The subnet whose ACL it is."""
    entry_number: int | None = None
    """The denying entry (of several, the one that closes most ports); 32767: the implicit deny."""
    counterpart: Network | None = None
    """For an ACL: CIDR of the other subnet, or the other address alone where that subnet was not read."""
    ports: PortRange
    """Destination ports judged here: 53, or the client's source ports for the answer."""
    closed: tuple[PortRange, ...]
    """Those of them that are closed."""

    @property
    def share(self) -> float:
        """Share of the ports that is closed, above 0 and at most 1."""
        return count(self.closed) / self.ports.size

    @property
    def direction(self) -> Direction:
        """Seen from the interface (groups) or from the subnet (ACLs)."""
        return Direction.EGRESS if self.hop in _EGRESS else Direction.INGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something that would decide and could not be read."""

    hop: Hop
    what: str
    """One sentence that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability:
    """Does a look-up over one protocol get from this client to that server, and its answer back?"""

    protocol: Protocol
    blocks: tuple[Block, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    """Odd but harmless: ephemeral ports closed that these clients do not use."""
    on_node: bool = False
    """The packets stay on the node, so that nothing was judged."""

    @property
    def state(self) -> State:
        """What is proven blocked stays blocked, even where another part could not be read."""
        if self.blocks:
            return State.BLOCKED
        return State.UNDECIDED if self.unread else State.ALLOWED

    @property
    def share(self) -> float:
        """Share of the client's source ports, 0 to 1, for which no answer comes."""
        if not self.blocks:
            return 0.0
        if any(block.share == 1 for block in self.blocks):
            return 1.0
        closed = [item for block in self.blocks for item in block.closed]
        return count(closed) / self.blocks[0].ports.size

    def at(self, hops: Collection[Hop]) -> Reachability:
        """Return the same answer as judged at these hops alone."""
        return Reachability(
            protocol=self.protocol,
            blocks=tuple(block for block in self.blocks if block.hop in hops),
            unread=tuple(item for item in self.unread if item.hop in hops),
            notes=self.notes,
            on_node=self.on_node,
        )
