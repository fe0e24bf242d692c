"""Asks the cluster's DNS from the nodes themselves, by plain UDP, until it answers everywhere: the world is up."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from bot.sandbox.world import CLUSTER_DNS
from lab.errors import LabError
from lab.namespaces import joined

_LIMIT_SECONDS = 30.0
_QUERY = (
    b"\x00\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    + b"".join(bytes([len(label)]) + label for label in (b"kubernetes", b"default", b"svc", b"cluster", b"local", b""))
    + b"\x00\x01\x00\x01"
)
"""A query for the A records of kubernetes.default.svc.cluster.local (RFC 1035)."""


def until_every_node_asks(namespaces: Sequence[str]) -> None:
    """Return when the ClusterIP answers from each node. Raises `LabError` when one gets no answer for 30 s."""
    end = time.monotonic() + _LIMIT_SECONDS
    left = list(namespaces)
    while left:
        left = [netns for netns in left if not _answers(netns)]
        if left and time.monotonic() > end:
            raise LabError(f"{CLUSTER_DNS} does not answer within {_LIMIT_SECONDS:g} s from {', '.join(left)}")


def _answers(netns: str) -> bool:
    with joined(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.3)
        try:
            asking.sendto(_QUERY, (CLUSTER_DNS, 53))
            return len(asking.recv(512)) > len(_QUERY)
        except OSError:
            time.sleep(0.05)
            return False
