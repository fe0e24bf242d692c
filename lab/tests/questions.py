"""A question by udp from one namespace to another, and its answer."""

from __future__ import annotations

import socket
from contextlib import closing

from lab.namespaces import joined

_SECONDS = 0.5


def is_answered(client_netns: str, server_netns: str, *, source: tuple[str, int], server: tuple[str, int]) -> bool:
    """Send one question from address and port `source` (port 0: any) to `server`; return whether the answer comes."""
    with joined(client_netns):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(asking), joined(server_netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
        # A program that another thread is starting holds copies of all sockets for a moment.
        answering.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        asking.bind(source)
        answering.bind(server)
        asking.sendto(b"who", server)
        return _passes(answering) and _passes(asking)


def _passes(taking: socket.socket) -> bool:
    taking.settimeout(_SECONDS)
    try:
        said, sender = taking.recvfrom(64)
    except TimeoutError:
        return False
    if said == b"who":
        taking.sendto(b"me", sender)
    return True
