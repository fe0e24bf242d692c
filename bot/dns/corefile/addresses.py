"""The zones, port and transport that a server block's key names (CoreDNS: plugin/normalize.go, core/dnsserver)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from bot.dns.corefile.tree import DNS, CorefileAddress

_PORTS = {DNS: 53, "tls": 853, "quic": 853, "grpc": 443, "https": 443, "https3": 443, "unix": 0}
"""Default port by transport."""
_NAME_BYTES = 255
_LABEL_BYTES = 63
_PORT = re.compile(r"[+-]?[0-9]{1,18}")
_CIDR = re.compile(r"[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}")
_OCTET = 8
_NIBBLE = 4


class NoZone(ValueError):
    """The key is refused."""


def addresses_of(key: str) -> tuple[CorefileAddress, ...]:
    """Return the zones of one key; a network that ends inside a label gives several. Raises `NoZone`."""
    transport, rest = split_transport(key)
    zones, port = split_zones(rest)
    number = _PORTS[transport] if port is None else port
    return tuple(CorefileAddress(zone=full(zone), port=number, transport=transport) for zone in zones)


def split_transport(text: str) -> tuple[str, str]:
    """Return the transport and what follows `://`; without one it is plain DNS."""
    head, mark, rest = text.partition("://")
    return (head, rest) if mark and head in _PORTS else (DNS, text)


def split_zones(text: str) -> tuple[tuple[str, ...], int | None]:
    """Return the zones and the port of a key without its transport. Raises `NoZone`."""
    host, colon, after = text.rpartition(":")
    if colon and not after:
        raise NoZone(f"expecting data after last colon: {text}")
    port = int(after) if colon and _PORT.fullmatch(after) else None
    zone = host if port is not None else text
    if len(zone.encode("utf-8", "surrogatepass")) > _NAME_BYTES:
        raise NoZone("specified zone is too long")
    if not is_domain_name(zone):
        raise NoZone(f"zone is not a valid domain name: {zone}")
    network = _network(zone)
    return (_reverse(network) if network else (zone,)), port


def origins(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the zones that keys name; what names none is passed over."""
    found: list[str] = []
    for key in keys:
        try:
            found += map(full, split_zones(split_transport(key)[1])[0])
        except NoZone:
            continue
    return tuple(found)


def full(zone: str) -> str:
    """Return a zone in lower case with its last dot."""
    return zone.lower() if zone.endswith(".") else f"{zone.lower()}."


def is_domain_name(name: str) -> bool:
    """Return whether CoreDNS's library takes this for a domain name; nearly every text is one."""
    if not name:
        return False
    if name == ".":
        return True
    labels = re.split(r"(?<!\\)\.", name.removesuffix(".") if not name.endswith("\\.") else name)
    sizes = [len(label.encode("utf-8", "surrogatepass")) for label in labels]
    return all(0 < size <= _LABEL_BYTES for size in sizes) and sum(sizes) + len(sizes) <= _NAME_BYTES + 1


def _network(zone: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if not _CIDR.fullmatch(zone):
        return None
    try:
        found = ipaddress.ip_network(zone, strict=False)
    except ValueError:
        return None
    if zone[0] == ":" or (zone[0] == "0" and ":" in zone):
        raise NoZone(f"invalid CIDR {zone}")
    return found


def _reverse(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[str, ...]:
    """Return the reverse zones that make up the network: at most 128 of IPv4, 8 of IPv6."""
    step = _OCTET if network.version == 4 else _NIBBLE  # noqa: PLR2004  # IPv4
    prefix = -(-network.prefixlen // step) * step
    keep = prefix // step
    parts = (network.subnets(new_prefix=prefix)) if prefix > network.prefixlen else iter((network,))
    return tuple(".".join(one.network_address.reverse_pointer.split(".")[-keep - 2 :]) + "." for one in parts)
