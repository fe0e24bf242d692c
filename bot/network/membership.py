"""Which of many CIDRs hold an address, by bisection: addresses with equal membership are judged alike."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import ip_address

from bot.network.model import Address, Network


class Membership:
    """Cuts the address space at every edge of the named CIDRs."""

    def __init__(self, networks: Iterable[Network]) -> None:
        named = sorted(set(networks), key=lambda item: (item.version, item))
        self._edges: dict[int, list[int]] = {}
        self._masks: dict[int, list[int]] = {}
        for version in (4, 6):
            edges, masks = _cut([item for item in named if item.version == version])
            self._edges[version], self._masks[version] = edges, masks

    def of(self, address: Address) -> tuple[int, int]:
        """Return the version and a bit for each named CIDR that holds the address."""
        place = bisect_right(self._edges[address.version], int(address)) - 1
        return address.version, self._masks[address.version][place]

    def in_one_stretch(self, low: Address, high: Address) -> bool:
        """Return whether no edge lies between the two, so that whatever lies between has the same membership."""
        edges = self._edges[low.version]
        return low.version == high.version and bisect_right(edges, int(low)) == bisect_right(edges, int(high))

    def representatives(self, block: Network) -> tuple[Address, ...]:
        """Return one address for each part of `block` that some named CIDR's edge cuts off; the first is its base."""
        first, last = int(block.network_address), int(block.broadcast_address)
        edges = [edge for edge in self._edges[block.version] if first < edge <= last]
        kind = type(block.network_address)
        return (block.network_address, *(ip_address(str(kind(edge))) for edge in edges))


def _cut(networks: list[Network]) -> tuple[list[int], list[int]]:
    """Return the edges in order, the first at 0, and for each stretch the bits of the CIDRs that hold it."""
    changes: dict[int, int] = {0: 0}
    for position, block in enumerate(networks):
        for edge in (int(block.network_address), int(block.broadcast_address) + 1):
            changes[edge] = changes.get(edge, 0) ^ (1 << position)
    edges = sorted(changes)
    masks: list[int] = []
    mask = 0
    for edge in edges:
        mask ^= changes[edge]
        masks.append(mask)
    return edges, masks
