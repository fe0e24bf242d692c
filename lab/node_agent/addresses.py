"""The addresses that a node has for its pods: its interfaces' secondary addresses and prefixes, as AWS answers them."""

from __future__ import annotations

import ipaddress
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def all_addresses(interfaces: Iterable[Mapping[str, Any]], primary: str) -> list[str]:
    """Return every address and prefix of a node's interfaces but `primary`, for the VPC's routes."""
    found = []
    for interface in interfaces:
        found += [item["PrivateIpAddress"] for item in interface["PrivateIpAddresses"]]
        found += [item["Ipv4Prefix"] for item in interface.get("Ipv4Prefixes") or []]
    return [address for address in found if address != primary]


def _for_pods(interfaces: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """Yield addresses and the number of the interface that holds each, by that number."""
    numbered = [((item.get("Attachment") or {}).get("DeviceIndex", 0), item) for item in interfaces]
    for number, interface in sorted(numbered, key=lambda pair: pair[0]):
        for item in interface["PrivateIpAddresses"]:
            if not item.get("Primary"):
                yield str(item["PrivateIpAddress"]), number
        for item in interface.get("Ipv4Prefixes") or []:
            yield from ((str(address), number) for address in ipaddress.ip_network(item["Ipv4Prefix"]))


class AddressPool:
    """One node's free addresses. A released one comes last, as the VPC CNI lets it cool down. Thread-safe."""

    def __init__(self, interfaces: Iterable[Mapping[str, Any]]) -> None:
        self._interfaces = dict(_for_pods(interfaces))
        self._free = deque(self._interfaces)
        self._lock = threading.Lock()

    def take(self) -> str:
        """Return a free address, or "" when there is none."""
        with self._lock:
            return self._free.popleft() if self._free else ""

    def interface(self, address: str) -> int:
        """Return the number of the node's interface that holds an address of the pool; 0 is the first one."""
        return self._interfaces[address]

    def give_back(self, address: str) -> None:
        """Free an address."""
        with self._lock:
            self._free.append(address)
