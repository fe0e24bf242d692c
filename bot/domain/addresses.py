"""IP addresses from texts. A cluster's many are met again and again: in interfaces, pods, nodes and stored evidence."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


@lru_cache(maxsize=1 << 16)
def address(text: str) -> Address:
    """Return the address. Raises `ValueError` for a text that is none, as `ip_address` does."""
    return ip_address(text)
