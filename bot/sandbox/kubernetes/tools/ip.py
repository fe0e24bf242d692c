"""`ip` of iproute2 6.1, as JSON: addresses, rules and the routes of all tables."""

from __future__ import annotations

import json
from typing import Any

from bot.sandbox.kubernetes.host_network import Link, Rule, TableRoute
from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated


def ip(command: Command) -> Finished:
    """Print what is asked for, of IPv4."""
    network = command.on_host()
    match command.argv[1:]:
        case ("-json", "address"):
            return _printed([_link(number, one) for number, one in enumerate(network.links, start=1)])
        case ("-json", "rule"):
            return _printed([_rule(one) for one in network.rules])
        case ("-json", "route", "show", "table", "all"):
            return _printed([_route(one) for one in network.routes])
    raise Unsimulated(" ".join(command.argv))


def _printed(rows: list[dict[str, Any]]) -> Finished:
    return Finished(stdout=json.dumps(rows, separators=(",", ":")) + "\n")


def _link(number: int, one: Link) -> dict[str, Any]:
    flags = ["LOOPBACK" if one.loopback else "BROADCAST", *(["UP", "LOWER_UP"] if one.up else ["NOARP"])]
    held = [
        {"family": "inet6" if ":" in address else "inet", "local": address, "prefixlen": length, "scope": "global"}
        for address, length in one.addresses
    ]
    return {
        "ifindex": number,
        **({"link": one.parent} if one.parent else {}),
        "ifname": one.name,
        "flags": flags,
        "mtu": 65536 if one.loopback else 9001,
        "operstate": "UNKNOWN" if one.loopback else "UP" if one.up else "DOWN",
        "link_type": "loopback" if one.loopback else "ether",
        "addr_info": held,
    }


def _rule(one: Rule) -> dict[str, Any]:
    row: dict[str, Any] = {"priority": one.priority, "src": one.source or "all"}
    if one.destination:
        row["dst"] = one.destination
    if one.mark:
        row["fwmark"], row["fwmask"] = one.mark.split("/")
    if one.incoming:
        row["iif"] = one.incoming
    return {**row, "table": one.table}


def _route(one: TableRoute) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "local"} if one.local else {}
    row["dst"] = one.destination
    if one.gateway:
        row["gateway"] = one.gateway
    row["dev"] = one.interface
    if one.table != "main":
        row["table"] = one.table
    if not one.gateway:
        row["scope"] = "host" if one.local else "link"
    return {**row, "flags": []}
