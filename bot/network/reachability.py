"""What the evaluator answers: allowed, blocked (where, by what, for which share), or undecided (what was not read)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.lookups import Transport
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
    """Or out of the VPC."""


GROUP_HOPS = frozenset({Hop.CLIENT_GROUPS, Hop.SERVER_GROUPS})
ACL_HOPS = frozenset({Hop.CLIENT_SUBNET_OUT, Hop.SERVER_SUBNET_IN, Hop.SERVER_SUBNET_OUT, Hop.CLIENT_SUBNET_IN})
ANSWER_HOPS = frozenset({Hop.SERVER_SUBNET_OUT, Hop.CLIENT_SUBNET_IN})

_EGRESS = frozenset({Hop.CLIENT_GROUPS, Hop.CLIENT_SUBNET_OUT, Hop.SERVER_SUBNET_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a way: an address and the interface that holds it."""

    interface: Interface | None
    """None: no known interface holds the address."""
    address: Address
    name: str = ""
    """The node, for people."""
    client_ports: PortRange = LINUX_CLIENTS
    """Source ports that this end uses as a client."""
    mode: EnforcingMode | None = EnforcingMode.STRICT
    """At a branch interface: what its pod was made under; None: not known."""
    leaves_as: End | None = None
    """As whom its packets leave the VPC: the node's primary interface and address, where the VPC CNI translates them
    to; None: as they are."""

    @property
    def apart_from_node(self) -> bool:
        """Whether all its packets go by its branch interface, those for its own node, too: strict mode."""
        return self._at_branch and self.mode is EnforcingMode.STRICT

    @property
    def unknown(self) -> tuple[str, ...]:
        """What of a pod at a branch interface is not known and decides whether its packets stay on its node."""
        if self.interface is None or not self._at_branch or self.apart_from_node:
            return ()
        known = {"enforcing mode": self.mode is not None, "node": self.interface.instance_id != ""}
        return tuple(what for what, is_known in known.items() if not is_known)

    @property
    def _at_branch(self) -> bool:
        return self.interface is not None and self.interface.kind is InterfaceKind.BRANCH


class Way(StrEnum):
    """Where packets between two ends go."""

    THROUGH_VPC = "through the VPC"
    ON_NODE = "within their node"
    UNKNOWN = "within their node, or through the VPC"


def way(client: End, server: End) -> Way:
    """Return where packets between the two go.

    Within their node where both are on one instance, and neither is a branch interface in strict mode: the VPC filters
    those even between pods of one node (EKS User Guide, "Assign security groups to individual pods"). In standard mode,
    a branch interface's pod speaks to its own node as any other pod does (B9).
    """
    one, other = client.interface, server.interface
    if one is None or other is None or client.apart_from_node or server.apart_from_node:
        return Way.THROUGH_VPC
    unknown = {*client.unknown, *server.unknown}
    if "node" not in unknown and (one.instance_id == "" or one.instance_id != other.instance_id):
        return Way.THROUGH_VPC
    return Way.UNKNOWN if unknown else Way.ON_NODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One hop that is proven to stop the query or its answer."""

    hop: Hop
    transport: Transport
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
    """Destination ports judged here: the service's, or the client's source ports for the answer."""
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
    """Does a question over one transport get from this client to that server, and its answer back?"""

    transport: Transport
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
            transport=self.transport,
            blocks=tuple(block for block in self.blocks if block.hop in hops),
            unread=tuple(item for item in self.unread if item.hop in hops),
            notes=self.notes,
            on_node=self.on_node,
        )
