"""Asks on the nodes themselves until the world is up: the API server by its ClusterIP, the cluster's DNS by UDP."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

from bot.sandbox.world.world import API_SERVICE, CLUSTER_DNS
from lab.errors import LabError
from lab.namespaces import joined

_LIMIT_SECONDS = 120.0
_API_SERVICE = (API_SERVICE, 443)
_QUERY = (
    b"\x00\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    + b"".join(bytes([len(label)]) + label for label in (b"kubernetes", b"default", b"svc", b"cluster", b"local", b""))
    + b"\x00\x01\x00\x01"
)
"""A query for the A records of kubernetes.default.svc.cluster.local (RFC 1035)."""


def until_rules_are_laid(namespaces: Sequence[str]) -> None:
    """Return when kube-proxy has laid its rules on each node.

    What dials a ClusterIP earlier is lost for half a minute: its connection is tracked without a translation.
    Its own `/healthz` is no proof: that answers well before the first rules are there (pkg/proxy/healthcheck).
    Raises `LabError` after 120 s.
    """
    _until("kube-proxy has not laid its rules", namespaces, _rules_laid)


def until_every_node_asks(namespaces: Sequence[str]) -> None:
    """Return when the ClusterIP answers from each node. Raises `LabError` when one gets no answer for 120 s."""
    _until(f"{CLUSTER_DNS} does not answer", namespaces, _answers)


def _until(trouble: str, namespaces: Sequence[str], done: Callable[[str], bool]) -> None:
    end = time.monotonic() + _LIMIT_SECONDS
    left = list(namespaces)
    while left:
        left = [netns for netns in left if not done(netns)]
        if left and time.monotonic() > end:
            raise LabError(f"{trouble} within {_LIMIT_SECONDS:g} s on {', '.join(left)}")


def _rules_laid(netns: str) -> bool:
    """Return whether the ClusterIP leads to the API server; each attempt has a source port, and a fate, of its own."""
    with joined(netns):
        try:
            socket.create_connection(_API_SERVICE, timeout=0.5).close()
        except OSError:
            time.sleep(0.05)
            return False
        return True


def _answers(netns: str) -> bool:
    with joined(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.3)
        try:
            asking.sendto(_QUERY, (CLUSTER_DNS, 53))
            return len(asking.recv(512)) > len(_QUERY)
        except OSError:
            time.sleep(0.05)
            return False
