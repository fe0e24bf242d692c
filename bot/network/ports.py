"""Ranges of port numbers, with exact arithmetic.

Source of the client ranges: Linux `net.ipv4.ip_local_port_range` (32768 to 60999) and Windows (49152 to 65535), as in
VPC User Guide, "Custom network ACLs", section "Ephemeral ports".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """Ports `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many ports it holds."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        """Return `53` or `32768-60999`."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def common(self, other: PortRange) -> PortRange | None:
        """Return the ports in both, or None."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return PortRange(first, last) if first <= last else None

    def without(self, other: PortRange) -> tuple[PortRange, ...]:
        """Return what is left of this range when `other` is taken out: none, one or two ranges."""
        shared = self.common(other)
        if shared is None:
            return (self,)
        below, above = (self.first, shared.first - 1), (shared.last + 1, self.last)
        return tuple(PortRange(first, last) for first, last in (below, above) if first <= last)


DNS = PortRange(53, 53)
HTTPS = PortRange(443, 443)
LINUX_CLIENTS = PortRange(32768, 60999)
WINDOWS_CLIENTS = PortRange(49152, 65535)
UNPRIVILEGED = PortRange(1024, 65535)


def union(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """Return the same ports as disjoint ranges in ascending order, neighbours joined."""
    joined: list[PortRange] = []
    for item in sorted(ranges):
        if joined and item.first <= joined[-1].last + 1:
            joined[-1] = PortRange(joined[-1].first, max(joined[-1].last, item.last))
        else:
            joined.append(item)
    return tuple(joined)


def count(ranges: Iterable[PortRange]) -> int:
    """Return how many different ports the ranges hold."""
    return sum(item.size for item in union(ranges))
