"""A question by udp from one namespace to another, and its answer; a lookup by dig."""

from __future__ import annotations

import socket
import subprocess
from contextlib import closing

from lab.namespaces import Run, joined

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


def looked_up(run: Run, netns: str, name: str, server: str) -> tuple[str, list[str]]:
    """Return status and addresses, or names on the way, of a lookup in a namespace; no status: no answer came."""
    command = ["dig", "+tries=1", "+time=5", f"@{server}", name]
    said = run.run_in(netns, command, stdout=subprocess.PIPE, text=True).communicate()[0]
    lines = [line for line in said.splitlines() if line and line[0] != ";"]
    return said.partition("status: ")[2].partition(",")[0], sorted(line.split()[-1] for line in lines)


def _passes(taking: socket.socket) -> bool:
    taking.settimeout(_SECONDS)
    try:
        said, sender = taking.recvfrom(64)
    except TimeoutError:
        return False
    if said == b"who":
        taking.sendto(b"me", sender)
    return True
