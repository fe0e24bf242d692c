"""Network ACLs: which ports does the first matching entry close?

Sources: VPC User Guide, "Network ACL basics" (stateless; evaluated where traffic enters or leaves a subnet),
"Network ACL rules" (ascending number, the first match applies, the closing rule denies), "Custom network ACLs"
(ephemeral ports).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.lookups import Transport
from bot.network.model import AclEntry, Address, NetworkAcl
from bot.network.ports import PortRange, count

IMPLICIT_DENY = 32767

_NUMBERS = {
    Transport.UDP: frozenset({"-1", "all", "17", "udp"}),
    Transport.TCP: frozenset({"-1", "all", "6", "tcp"}),
}
_EVERY_PORT = PortRange(0, 65535)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Ports that one entry closes. `entry_number` is 32767 where no entry matches."""

    entry_number: int
    ports: PortRange


def closed_ports(
    acl: NetworkAcl, *, egress: bool, transport: Transport, address: Address, ports: PortRange
) -> tuple[Closed, ...]:
    """Return which of the destination `ports` the ACL closes; `address` is the far end (destination on egress)."""
    left: tuple[PortRange, ...] = (ports,)
    closed: list[Closed] = []
    for entry in sorted(acl.entries, key=lambda item: item.number):
        if entry.egress != egress or entry.protocol not in _NUMBERS[transport] or address not in entry.cidr:
            continue
        mine = _entry_ports(entry)
        if not entry.allow:
            closed += [
                Closed(entry_number=entry.number, ports=hit) for item in left if (hit := item.common(mine)) is not None
            ]
        left = tuple(rest for item in left for rest in item.without(mine))
    closed += [Closed(entry_number=IMPLICIT_DENY, ports=item) for item in left]
    return tuple(closed)


def _entry_ports(entry: AclEntry) -> PortRange:
    if entry.protocol in {"-1", "all"} or entry.from_port is None or entry.to_port is None or entry.from_port == -1:
        return _EVERY_PORT
    return PortRange(entry.from_port, entry.to_port)


def most_closing(closed: tuple[Closed, ...]) -> int:
    """Return the number of the entry that closes most ports; of equals, the lowest."""
    sizes: dict[int, int] = {}
    for item in closed:
        sizes[item.entry_number] = sizes.get(item.entry_number, 0) + count((item.ports,))
    return max(sorted(sizes), key=lambda number: sizes[number])
