"""Limits of what may be open at a port: how long a request may take to come in, and how many connections one has.

waitress counts its time-out from the last byte, so whoever sends one byte now and then keeps a connection for ever.
Here a connection has until a fixed moment, and the connections of one address are bounded.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import inf

from waitress.channel import HTTPChannel

from bot.errors import ConfigurationError

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network
_NETWORK_OF_ONE = 64
"""Bits of an IPv6 address that one customer is given: all addresses below them count as one."""
_SAY_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is open at most, and for how long."""

    request_seconds: float = 10.0
    """For a request to be there whole, header and body. Slack gives up after 3 s; a busy node is slow."""
    idle_seconds: float = 75.0
    """Between two requests of a connection; longer than a load balancer keeps it (60 s), so that it closes first."""
    connections: int = 1_024
    connections_per_address: int = 100
    """Open at a time for one address; Slack opens a few."""
    proxies: tuple[Network, ...] = ()
    """Addresses that pass on what others send: not bounded themselves, and their `X-Forwarded-For` counts."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read `--proxy` options. Raises `ConfigurationError` for what is neither an address nor a CIDR block."""
    return tuple(_network(text) for text in texts)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"--proxy {text}: {error}. Expected something like 10.0.0.0/16.") from error


class Doorkeeper:
    """Says for whom a connection counts, and whether one more may be open."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._said_at = -inf

    def is_proxy(self, peer: str) -> bool:
        """Whether the connection comes from an address that was named as a proxy."""
        return self._named(_address(peer))

    def sender(self, forwarded_for: str) -> str:
        """Return for whom a proxy's request counts by `X-Forwarded-For`; empty when nobody is named there.

        The last address that is no proxy of ours: what stands before it was written by whoever sent the request.
        """
        for text in reversed(forwarded_for.split(",")):
            address = _address(text.strip())
            if not self._named(address):
                return owner(text.strip())
        return ""

    def admits(self, whose: str, open_for: Iterable[str]) -> bool:
        """Say whether a connection that counts for `whose` may stay, given for whom all open ones count."""
        if sum(other == whose for other in open_for) <= self.limits.connections_per_address:
            return True
        if time.monotonic() - self._said_at > _SAY_EVERY_SECONDS:
            self._said_at = time.monotonic()
            log.warning(
                "connections closed: one address has too many; if it is a proxy, name it by --proxy",
                extra={"address": whose, "most": self.limits.connections_per_address},
            )
        return False

    def _named(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self.limits.proxies)


def owner(text: str) -> str:
    """Return what an address counts as: IPv4 itself, IPv6 its /64, anything else the text."""
    address = _address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _NETWORK_OF_ONE), strict=False))
    return text if address is None else str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, also as `1.2.3.4:5`, `[2001:db8::1]:5` and an IPv4 address that IPv6 sockets show."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class LimitedChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection of waitress that must deliver each request by a fixed moment, and counts for somebody."""

    def __init__(
        self,
        keeper: Doorkeeper,
        server: object,
        connection: object,
        address: tuple[str, ...],
        *rest: object,
        **named: object,
    ) -> None:
        self._keeper = keeper
        self._due = time.monotonic() + keeper.limits.request_seconds
        self._proxied = keeper.is_proxy(address[0])
        self.counts_for = "" if self._proxied else owner(address[0])
        super().__init__(server, connection, address, *rest, **named)
        self._stay_within_bound()

    def readable(self) -> bool:
        """See waitress: asked at each turn of its loop, of each connection. Ends one that is late."""
        if time.monotonic() > self._due and not self.requests and not self.total_outbufs_len:
            self.will_close = True
        return bool(super().readable())

    def received(self, data: bytes) -> bool:
        """See waitress. A request that begins has its time from here on, never longer than it had already."""
        if self.request is None:
            self._due = min(self._due, time.monotonic() + self._keeper.limits.request_seconds)
        taken = bool(super().received(data))
        if self._proxied:
            self._count_for_sender()
        return taken

    def service(self) -> None:
        """See waitress: called by a worker once a request is whole. An answer may take its time."""
        self._due = inf
        super().service()
        limits = self._keeper.limits
        next_has_begun = self.request is not None
        self._due = time.monotonic() + (limits.request_seconds if next_has_begun else limits.idle_seconds)

    def _count_for_sender(self) -> None:
        """Count for the sender of the request that comes in; a proxy's connection carries many senders' in turn."""
        if self.request is None:
            self.counts_for = ""
        elif self.request.headers_finished and not self.counts_for:
            self.counts_for = self._keeper.sender(self.request.headers.get("X_FORWARDED_FOR", ""))
            self._stay_within_bound()

    def _stay_within_bound(self) -> None:
        channels = self.server.active_channels.values()
        if self.counts_for and not self._keeper.admits(self.counts_for, (one.counts_for for one in channels)):
            self.will_close = True
