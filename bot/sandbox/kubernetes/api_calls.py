"""How a pod's program reaches the API by the ClusterIP of the Service `kubernetes`, and what it logs while it does not.

The node's rules lead each new connection to one of the control plane's addresses at random; the packets then pass
security groups and network ACLs. Groups track connections, so one that stands outlives the rule that let it in; ACLs do
not, and cut it off, which client-go notices after 45 s (an HTTP/2 ping that nobody answers). A dial that nobody answers
takes 30 s; several requests dial at once, and one that gets through serves all of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.sandbox.kubernetes.program import Host
from bot.sandbox.kubernetes.resources import SERVICES
from bot.sandbox.network.packets import Flow, goes_on, passes
from bot.sandbox.network.vpc import Vpc

_DIAL = timedelta(seconds=30)
_NOTICED = timedelta(seconds=45)
_FIRST_SECONDS, _LAST_SECONDS = 0.8, 30.0
_CLIENT_PORT = 40000
"""One of Linux's ephemeral ports."""
_SOMEWHERE = "an address that no rule of the node has named yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time without a connection."""

    since: datetime

    def dials(self, until: datetime) -> Iterator[tuple[int, datetime]]:
        """Yield number and begin of each round of dials begun until then."""
        at, wait, number = self.since, _FIRST_SECONDS, 0
        while at <= until:
            yield number, at
            at += _DIAL + timedelta(seconds=wait)
            wait, number = min(wait * 2, _LAST_SECONDS), number + 1

    def failed(self, until: datetime) -> Iterator[datetime]:
        """Yield when each round ended that got no answer until then."""
        yield from (at + _DIAL for _, at in self.dials(until) if at + _DIAL <= until)


@dataclass(slots=True, kw_only=True)
class ApiByService:
    """One program's way to the API."""

    requests: Sequence[str]
    """What dials at once: the types that it lists."""
    service: str = ""
    """ClusterIP of the Service `kubernetes`; empty: there is none."""
    connected: str = ""
    """The control plane's address that it is connected to; empty: to none."""
    outage: Outage | None = None
    past: list[tuple[Outage, datetime]] = field(default_factory=list)

    def look(self, host: Host, now: datetime) -> bool:
        """Return whether it is connected now, after it tried if it was not."""
        found = host.store.find(SERVICES, "default", "kubernetes") or {"spec": {}}
        self.service = str(found["spec"].get("clusterIP", ""))
        backends = host.node.backends.get(self.service) or ()
        if self.connected == _SOMEWHERE and backends:
            self.connected = self._dialled(host, backends, 0)
        if self.connected and self._goes_on(host, self.connected):
            return True
        if self.outage is None and not self.connected:
            self.outage = Outage(since=now)
        elif self.connected:
            self.connected, self.outage = "", Outage(since=now + _NOTICED)
        rounds = [number for number, _ in self.outage.dials(now)] if self.outage else []
        if rounds:
            self.connected = self._dialled(host, backends, rounds[-1]) if backends else _SOMEWHERE
        if self.connected and self.outage:
            self.past.append((self.outage, now))
            self.outage = None
        return bool(self.connected)

    def _dialled(self, host: Host, backends: Sequence[str], number: int) -> str:
        """Return an address to which a dial of this round gets through; empty: none does."""
        tried = (backends[_drawn(host.address, one, number) % len(backends)] for one in self.requests)
        return next((address for address in tried if _passes(host.vpc, host.address, address)), "")

    def _goes_on(self, host: Host, address: str) -> bool:
        known = host.vpc.port_of(address) and host.vpc.port_of(host.address)
        return not known or goes_on(host.vpc, _flow(host.address, address))

    def failed(self, until: datetime) -> list[datetime]:
        """Return when rounds of dials ended without an answer, until then."""
        lasting = [(self.outage, until)] if self.outage else []
        return [at for outage, end in (*self.past, *lasting) for at in outage.failed(end)]

    def date_back(self, elapsed: timedelta) -> None:
        """Put every outage so much earlier."""
        self.past = [(replace(one, since=one.since - elapsed), end - elapsed) for one, end in self.past]
        self.outage = replace(self.outage, since=self.outage.since - elapsed) if self.outage else None


def _drawn(address: str, request: str, number: int) -> int:
    return zlib.crc32(f"{address} {request} {number}".encode())


def _flow(client: str, server: str) -> Flow:
    return Flow(client=client, client_port=_CLIENT_PORT, server=server, server_port=443, protocol="tcp")


def _passes(vpc: Vpc, client: str, server: str) -> bool:
    """Return whether a dial gets through; where an end is no interface of the VPC nothing here filters it."""
    known = vpc.port_of(client) and vpc.port_of(server)
    return not known or passes(vpc, _flow(client, server))
