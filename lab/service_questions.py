"""Asks on the nodes themselves until the world is up: kube-proxy for its health, the cluster's DNS by plain UDP."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Sequence

from bot.sandbox.world import CLUSTER_DNS
from lab.errors import LabError
from lab.namespaces import joined

_LIMIT_SECONDS = 30.0
_PROXY_HEALTH_PORT = 10256
_QUERY = (
    b"\x00\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    + b"".join(bytes([len(label)]) + label for label in (b"kubernetes", b"default", b"svc", b"cluster", b"local", b""))
    + b"\x00\x01\x00\x01"
)
"""A query for the A records of kubernetes.default.svc.cluster.local (RFC 1035)."""


def until_rules_are_laid(namespaces: Sequence[str]) -> None:
    """Return when kube-proxy has laid its rules on each node.

    What dials a ClusterIP earlier is lost for half a minute: its connection is tracked without a translation.
    Raises `LabError` after 30 s.
    """
    _until("kube-proxy has not laid its rules", namespaces, _rules_laid)


def until_every_node_asks(namespaces: Sequence[str]) -> None:
    """Return when the ClusterIP answers from each node. Raises `LabError` when one gets no answer for 30 s."""
    _until(f"{CLUSTER_DNS} does not answer", namespaces, _answers)


def _until(trouble: str, namespaces: Sequence[str], done: Callable[[str], bool]) -> None:
    end = time.monotonic() + _LIMIT_SECONDS
    left = list(namespaces)
    while left:
        left = [netns for netns in left if not done(netns)]
        if left and time.monotonic() > end:
            raise LabError(f"{trouble} within {_LIMIT_SECONDS:g} s on {', '.join(left)}")


def _rules_laid(netns: str) -> bool:
    with joined(netns):
        connection = http.client.HTTPConnection("127.0.0.1", _PROXY_HEALTH_PORT, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
            return False
        finally:
            connection.close()


def _answers(netns: str) -> bool:
    with joined(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.3)
        try:
            asking.sendto(_QUERY, (CLUSTER_DNS, 53))
            return len(asking.recv(512)) > len(_QUERY)
        except OSError:
            time.sleep(0.05)
            return False
