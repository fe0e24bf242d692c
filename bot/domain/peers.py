"""What was found where a diagnosis looked: each place as it really is, or why it could not be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.evidence import Gap
from bot.domain.places import HOME, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPlace:
    """One account, region and VPC."""

    place: Place
    """As configured: what `look.at` and a step's `place` take."""
    found: Place
    """As it really is, with its owner's account; as configured, and maybe without an account, where it has a gap."""
    cidrs: tuple[str, ...] = ()
    """The VPC's IPv4 and IPv6 blocks; empty where nothing asked for them."""
    gap: Gap | None = None
    """Why it could not be entered or looked at; None: it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The peers of a cluster, as configured in their order. What asks peers for more asks those that were `entered`."""

    peers: tuple[SeenPlace, ...]

    @property
    def entered(self) -> tuple[SeenPlace, ...]:
        """The peers that were looked at."""
        return tuple(peer for peer in self.peers if peer.gap is None)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """One for each peer that could not be looked at."""
        return tuple(peer.gap for peer in self.peers if peer.gap is not None)


def looked_at(places: Sequence[SeenPlace]) -> str:
    """Say in one line which places were looked at; empty where there is nothing but the cluster's own."""
    if len(places) <= 1:
        return ""
    seen = ", ".join(str(one.found) for one in places if one.gap is None)
    return f"Looked at {seen or 'none of the places'}."


def closed_peers(places: Sequence[SeenPlace]) -> Sequence[Gap]:
    """Return one gap for each peer that could not be looked at."""
    return [one.gap for one in places if one.gap is not None and one.place != HOME]
