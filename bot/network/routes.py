"""Routes: does a subnet send packets for an address of the same VPC through a middlebox?

Source: VPC User Guide, "Middlebox routing" and "Subnet route tables": a route more specific than `local` may lead to a
network interface, a NAT gateway or a Gateway Load Balancer endpoint; the longest prefix decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.network.answers import network
from bot.network.model import Address, Route, Subnet

InPrefixList = Callable[[str, Address], bool | None]
"""Whether an address is in a prefix list; None where its entries were not read."""

_APPLIANCES = ("eni-", "i-", "vpce-", "nat-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """A route that leads away from `local`, or nowhere."""

    why: str


def detour(subnet: Subnet, address: Address, in_prefix_list: InPrefixList) -> Detour | None:
    """Return the route that takes packets from this subnet to that address elsewhere than directly, or None."""
    local = max((_length(route, address) for route in subnet.routes if route.target == "local"), default=-1)
    best: tuple[int, Route] | None = None
    for route in subnet.routes:
        if route.target == "local":
            continue
        if route.destination.startswith("pl-"):
            found = _through_list(subnet, route, address, in_prefix_list)
            if found is not None:
                return found
        length = _length(route, address)
        if _counts(route, length, local) and (best is None or length > best[0]):
            best = (length, route)
    return None if best is None else _named(subnet, best[1])


def _length(route: Route, address: Address) -> int:
    """Return the prefix length of a route that covers the address, else -1."""
    if route.destination.startswith("pl-"):
        return -1
    block = network(route.destination)
    return block.prefixlen if address in block else -1


def _counts(route: Route, length: int, local: int) -> bool:
    """More specific than `local`, or as specific (its target was replaced); without `local`, an appliance's route."""
    if local >= 0:
        return length >= local
    return length > 0 and route.target.startswith(_APPLIANCES)


def _through_list(subnet: Subnet, route: Route, address: Address, in_prefix_list: InPrefixList) -> Detour | None:
    """Judge a route to a prefix list. An unread list that leads to `vpce-` is a gateway endpoint's (S3, DynamoDB)."""
    if not route.target.startswith(_APPLIANCES):
        return None
    inside = in_prefix_list(route.destination, address)
    if inside is None and not route.target.startswith("vpce-"):
        return Detour(
            why=f"Route {route.destination} of {subnet.route_table_id} ({subnet.id}) leads to {route.target}, and the "
            "entries of that prefix list could not be read."
        )
    return _named(subnet, route) if inside else None


def _named(subnet: Subnet, route: Route) -> Detour:
    where = f"Route {route.destination} of {subnet.route_table_id} ({subnet.id})"
    if not route.active:
        return Detour(why=f"{where} leads to {route.target or 'a target'} that is gone (blackhole).")
    return Detour(why=f"{where} leads through the middlebox {route.target}, whose own rules are not known.")
