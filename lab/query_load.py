"""Asks a DNS server for names outside, each another one, at a rate: `python query_load.py SERVER PER_SECOND`.

Nobody reads the answers. Each few questions leave by another port, so that kube-proxy spreads them over all pods.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress

_OF_A_PORT, _OPEN_PORTS = 16, 2000
_TURN_SECONDS = 0.02
_NAMES = 10**9


def question(number: int) -> bytes:
    """Return a query of type A for the name of this number."""
    labels = (f"page{number:09}", "amazon", "com")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels)
    return struct.pack(">HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">HH", 1, 1)


def main() -> None:
    """Ask until somebody ends it."""
    server, per_second = sys.argv[1], float(sys.argv[2])
    begun, sent = time.monotonic(), 0
    first = time.time_ns() % _NAMES
    ports: deque[socket.socket] = deque()
    while True:
        due = int((time.monotonic() - begun) * per_second)
        if due - sent > per_second:
            sent = due  # what a busy machine has missed is not made up for
        while sent < due:
            if sent % _OF_A_PORT == 0:
                ports.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                ports[-1].connect((server, 53))
                if len(ports) > _OPEN_PORTS // _OF_A_PORT:
                    ports.popleft().close()
            with suppress(OSError):  # a pod that went away refuses what it was asked before
                ports[-1].send(question((first + sent) % _NAMES))
            sent += 1
        time.sleep(_TURN_SECONDS)


if __name__ == "__main__":
    main()
