"""The points of a name's way, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.network.names import VpcNames


class End(StrEnum):
    """Who answers in the end, or why nobody does."""

    ANSWERED = "a private hosted zone answers"
    PUBLIC = "public DNS is asked"
    ELSEWHERE = "a server that AWS does not describe is asked"
    NO_RECORD = "a private hosted zone answers that there is no such record"
    BLOCKED = "DNS Firewall blocks it"
    LOST = "no answer comes"


class HopKind(StrEnum):
    """What decides at one point of the way."""

    RESOLVER = "VPC resolver"
    FIREWALL = "DNS Firewall"
    PROFILE = "Route 53 Profile"
    RULE = "Resolver rule"
    ZONE = "private hosted zone"
    OUTBOUND = "outbound endpoint"
    NETWORK = "network"
    TARGET = "target"
    INBOUND = "inbound endpoint"


class HopState(StrEnum):
    """What was found there."""

    PASSES = "passes"
    STOPS = "stops"
    MAY_STOP = "may stop"
    """Undecided: it stops here, or goes on as is told."""
    MAY_TURN = "may turn"
    """Undecided: it may go another way."""


UNDECIDED = frozenset({HopState.MAY_STOP, HopState.MAY_TURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One point of the way."""

    kind: HopKind
    state: HopState
    vpc_id: str
    id: str = ""
    """The AWS id of what decides; empty: it is missing, or it has none."""
    text: str
    """One sentence without a full stop."""
    command: str = ""
    """What people may give where it stops here and networks must be joined; empty: nothing is known to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWay:
    """The way of one name from one VPC."""

    name: str
    hops: tuple[Hop, ...]
    end: End
    """As far as is known: what an undecided hop does not stop or turn ends so."""
    vpc_id: str
    """Where it ends."""

    @property
    def doubts(self) -> tuple[Hop, ...]:
        """The hops that are undecided. None: the end is certain."""
        return tuple(hop for hop in self.hops if hop.state in UNDECIDED)

    @property
    def fails(self) -> bool:
        """Whether it is certain that no answer with addresses comes, whatever the doubts."""
        failing = {End.NO_RECORD, End.BLOCKED, End.LOST}
        return self.end in failing and all(hop.state is not HopState.MAY_TURN for hop in self.hops)

    def of(self, kind: HopKind) -> tuple[Hop, ...]:
        """Return the hops of one kind."""
        return tuple(hop for hop in self.hops if hop.kind is kind)


def new_hop(kind: HopKind, state: HopState, vpc_id: str, text: str, number: str = "") -> Hop:
    """Return a hop."""
    return Hop(kind=kind, state=state, vpc_id=vpc_id, id=number, text=text)


def hop_at(kind: HopKind, state: HopState, vpc: VpcNames, text: str, number: str = "") -> Hop:
    """Return a hop at a VPC's resolver."""
    return new_hop(kind, state, vpc.vpc_id, text, number)


def ended(name: str, vpc_id: str, end: End, *hops: Hop) -> NameWay:
    """Return a way that ends behind these hops."""
    return NameWay(name=name, hops=hops, end=end, vpc_id=vpc_id)


def after(hops: Sequence[Hop], way: NameWay) -> NameWay:
    """Return a way with these hops before its own."""
    return replace(way, hops=(*hops, *way.hops))
