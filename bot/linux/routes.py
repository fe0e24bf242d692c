"""`ip route show table all`: where the kernel sends packets, table by table (B3, B6).

Reads the JSON of iproute2, and the plain text that it, older versions and busybox print. Source: ip-route(8);
iproute2, ip/iproute.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from bot.errors import SourceGarbled
from bot.linux.printed import is_json, json_rows, keyed, unreadable, whole_lines
from bot.linux.routing_rules import table_name

SHOW_ROUTES = ("ip", "-json", "route", "show", "table", "all")
SHOW_ROUTES_PLAINLY = ("ip", "route", "show", "table", "all")

_COMMAND = "ip route show table all"
_KINDS = frozenset({"unicast", "local", "broadcast", "anycast", "multicast"}) | {
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "nat",
}
KINDS_BY_NUMBER = dict(
    zip(
        "123456789",
        ("unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw"),
        strict=True,
    )
)
"""As the kernel has them (linux/rtnetlink.h), where iproute2 knows no names."""
_FLAGS = frozenset({"onlink", "linkdown", "dead", "pervasive", "offload", "trap", "rt_offload", "rt_trap", "notify"})
MAIN = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route."""

    table: str
    """`main`, `local`, `101`."""
    kind: str = "unicast"
    """`local`: the packet is for this host; `blackhole`, `unreachable`, …: it goes nowhere."""
    destination: str
    """`default`, an address or a prefix."""
    gateway: str = ""
    interface: str = ""


def parse_routes(text: str) -> tuple[Route, ...]:
    """Return the routes of all tables. Raises `SourceGarbled` for a text that is cut, empty or none of these."""
    found = _of_json(text) if is_json(text) else _of_plain_text(text)
    if not found:
        raise SourceGarbled(f"`{_COMMAND}` printed no route, not even the local table's.")
    return found


def _of_json(text: str) -> tuple[Route, ...]:
    try:
        return tuple(_of_row(row) for row in json_rows(text, f"{_COMMAND} -json"))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SourceGarbled(f"`{_COMMAND}` printed a route that is not understood ({error!r}).") from error


def _of_row(row: Mapping[str, Any]) -> Route:
    hops = row.get("nexthops") or [row]
    return Route(
        table=table_name(str(row.get("table", MAIN))),
        kind=KINDS_BY_NUMBER.get(str(row.get("type", "unicast")), str(row.get("type", "unicast"))),
        destination=str(row["dst"]),
        gateway=str(hops[0].get("gateway") or (hops[0].get("via") or {}).get("host", "")),
        interface=str(hops[0].get("dev", "")),
    )


def _of_plain_text(text: str) -> tuple[Route, ...]:
    found: list[Route] = []
    for line in whole_lines(text, _COMMAND):
        words = line.split()
        if line[0].isspace() and words[0] == "nexthop":
            if not found:
                raise unreadable(_COMMAND, line)
            found[-1] = _with_hop(found[-1], keyed(words[1:], _FLAGS))
            continue
        kind = words.pop(0) if words[0] in _KINDS else "unicast"
        if not words or not _is_destination(words[0]):
            raise unreadable(_COMMAND, line)
        named = keyed(words[1:], _FLAGS)
        found.append(
            Route(
                table=table_name(named.get("table", MAIN)),
                kind=kind,
                destination=words[0],
                gateway=named.get("via", "").removeprefix("inet6"),
                interface=named.get("dev", ""),
            )
        )
    return tuple(found)


def _with_hop(route: Route, named: Mapping[str, str]) -> Route:
    """Return the route with its first next hop; the others lead to the same place."""
    if route.interface:
        return route
    return Route(
        table=route.table,
        kind=route.kind,
        destination=route.destination,
        gateway=named.get("via", ""),
        interface=named.get("dev", ""),
    )


def _is_destination(word: str) -> bool:
    try:
        ip_network(word, strict=False)
    except ValueError:
        return word == "default"
    return True
