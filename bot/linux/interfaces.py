"""`ip address`: the interfaces of a network namespace and their addresses (B3).

Reads `ip -json address` of iproute2 (4.13 and newer), and the plain text that it, older versions and busybox print.
Source: ip-address(8); iproute2, ip/ipaddress.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from bot.errors import SourceGarbled
from bot.linux.printed import is_json, json_rows, unreadable, whole_lines

SHOW_ADDRESSES = ("ip", "-json", "address")
SHOW_ADDRESSES_PLAINLY = ("ip", "address")
"""Where the first is refused: busybox, and iproute2 before 4.13, know no `-json`."""

_COMMAND = "ip address"
_HEAD = re.compile(r"^(\d{1,10}): ([^\s:@]{1,15})(?:@([^\s:]{1,15}))?: <([A-Z0-9_,-]{0,256})>(?: .*)?$")
_ADDRESS = re.compile(r"^ {1,16}(inet6?) ([0-9a-fA-F.:]{2,45})(?: peer [0-9a-fA-F.:]{2,45})?(?:/(\d{1,3}))?(?: .*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAddress:
    """An IP address of an interface."""

    address: str
    prefix_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """An interface as the kernel has it."""

    name: str
    up: bool
    """Its flag UP: switched on by somebody; whether its link carries is another matter."""
    addresses: tuple[HeldAddress, ...] = ()
    parent: str = ""
    """What stands behind `@` (`vlan.eth.1@eth1`): the interface that it is laid on, or its peer; empty: none told."""

    def holds(self, address: str) -> bool:
        """Return whether the interface has this address."""
        return any(held.address == address for held in self.addresses)


def parse_interfaces(text: str) -> tuple[NetworkInterface, ...]:
    """Return the interfaces in their order. Raises `SourceGarbled` for a text that is cut, empty or none of these."""
    found = _of_json(text) if is_json(text) else _of_plain_text(text)
    if not found:
        raise SourceGarbled(f"`{_COMMAND}` printed no interface, not even the loopback that every namespace has.")
    return found


def _of_json(text: str) -> tuple[NetworkInterface, ...]:
    rows = json_rows(text, f"{_COMMAND} -json")
    try:
        return tuple(_interface(row) for row in rows)
    except (LookupError, TypeError, ValueError) as error:
        raise SourceGarbled(f"`{_COMMAND}` printed an interface that is not understood ({error!r}).") from error


def _interface(row: Mapping[str, Any]) -> NetworkInterface:
    held = [one for one in row.get("addr_info") or () if one.get("local")]
    return NetworkInterface(
        name=str(row["ifname"]),
        up="UP" in row.get("flags", ()),
        addresses=tuple(_held(str(one["local"]), one["prefixlen"]) for one in held),
        parent=str(row.get("link") or ""),
    )


def _of_plain_text(text: str) -> tuple[NetworkInterface, ...]:
    found: list[NetworkInterface] = []
    for line in whole_lines(text, _COMMAND):
        head = _HEAD.match(line)
        if head is not None:
            parent = "" if head[3] in {None, "NONE"} else head[3]
            found.append(NetworkInterface(name=head[2], up="UP" in head[4].split(","), parent=parent))
            continue
        if not found or not line.startswith(" "):
            raise unreadable(_COMMAND, line)
        if line.split()[0] in {"inet", "inet6"}:
            found[-1] = replace(found[-1], addresses=(*found[-1].addresses, _of_line(line)))
    return tuple(found)


def _of_line(line: str) -> HeldAddress:
    address = _ADDRESS.match(line)
    if address is None:
        raise unreadable(_COMMAND, line)
    try:
        return _held(address[2], address[3] or (128 if address[1] == "inet6" else 32))
    except ValueError as error:
        raise unreadable(_COMMAND, line) from error


def _held(address: str, prefix_length: str | int) -> HeldAddress:
    return HeldAddress(address=str(ip_address(address)), prefix_length=int(prefix_length))
