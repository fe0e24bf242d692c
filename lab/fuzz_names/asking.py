"""Asks a resolver for many names at once, over UDP, from a network namespace (RFC 1035, section 4.1)."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from lab.namespaces import joined

_PAUSE_SECONDS = 0.003
"""Between questions: a VPC's resolver takes 1,024 packets a second of one interface."""
_STATUS = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
_A, _CNAME, _SOA = 1, 5, 6
_POINTER = 0xC0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one name."""

    status: str = ""
    """Empty: nothing came."""
    addresses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Names that others stand for, in the order of the answer."""
    zone: str = ""
    """Owner of the SOA record that comes with an answer without records; empty: there is none."""


def ask(netns: str, server: str, names: Sequence[str], *, seconds: float) -> dict[str, Reply]:
    """Ask `server` for the A records of all names, and wait for the answers; what has none after `seconds` is empty."""
    with joined(netns):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    replies = dict.fromkeys(names, Reply())
    with closing(asking):
        asking.connect((server, 53))
        for number, name in enumerate(names):
            asking.send(_question(number, name))
            time.sleep(_PAUSE_SECONDS)
        left, until = set(range(len(names))), time.monotonic() + seconds
        while left and (remaining := until - time.monotonic()) > 0:
            asking.settimeout(remaining)
            try:
                message = asking.recv(4096)
            except OSError:  # time is up, or nobody listens
                break
            number = int.from_bytes(message[:2], "big")
            left.discard(number)
            replies[names[number]] = _reply(message)
    return replies


def _question(number: int, name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", _A, 1)


def _reply(message: bytes) -> Reply:
    flags, _, answers, authorities = struct.unpack(">HHHH", message[2:10])
    _, at = _name(message, 12)
    at += 4
    addresses: list[str] = []
    aliases: list[str] = []
    zone = ""
    for place in range(answers + authorities):
        owner, at = _name(message, at)
        kind, _, _, length = struct.unpack(">HHIH", message[at : at + 10])
        at += 10
        if kind == _A:
            addresses.append(socket.inet_ntoa(message[at : at + 4]))
        elif kind == _CNAME:
            aliases.append(_name(message, at)[0])
        elif kind == _SOA and place >= answers:
            zone = owner
        at += length
    return Reply(
        status=_STATUS.get(flags & 15, str(flags & 15)),
        addresses=tuple(sorted(addresses)),
        aliases=tuple(aliases),
        zone=zone,
    )


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Return the name that begins at a place, in small letters, and the place behind it."""
    labels: list[str] = []
    behind = 0
    while message[at]:
        if message[at] >= _POINTER:
            behind = behind or at + 2
            at = int.from_bytes(message[at : at + 2], "big") & 0x3FFF
            continue
        labels.append(message[at + 1 : at + 1 + message[at]].decode("ascii", "replace").lower())
        at += 1 + message[at]
    return ".".join(labels), behind or at + 1
