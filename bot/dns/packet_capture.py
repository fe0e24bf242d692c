"""Packet captures of DNS (C14): which queries of some clients were seen, and what came back to them.

Reads what `tcpdump -w` writes on an Ethernet interface, whole or up to where it was cut. A capture's end may stand
within a packet: it is read while it is written, or was stopped by a bound. What is no DNS, and what cannot be read, is
counted. Source: libpcap's file format; RFC 1035, 4.2 (a query over TCP has two bytes of length before it).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from bot.domain.lookups import Transport
from bot.errors import SourceGarbled

PORT = 53
_ETHERNET = 1
_LENGTH_BYTES = 2
_HEAD, _HEAD_BYTES = struct.Struct(">HHH"), 12
"""Of a message: id, flags, number of questions; then the numbers of other records."""
_RESPONSE, _RCODE = 0x8000, 0x000F
_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What one socket of a client sent to port 53 of a server about one name, and what came back."""

    client: str
    """IP address."""
    port: int
    """The client's."""
    server: str
    """IP address as the packets have it at this place: the Service's before kube-proxy's rules, the pod's after."""
    transport: Transport
    name: str
    """As asked, in lower case, without the last dot; empty: no query was seen, over TCP say only a SYN."""
    sent: int
    """Packets of the client's."""
    back: int
    """Packets to the client."""
    answer: str = ""
    """The rcode of the first response (`NOERROR`); empty: none was seen."""
    waited_ms: int = 0
    """From the first packet to that response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanges:
    """What a capture holds."""

    found: tuple[Exchange, ...]
    """Of the clients that were asked about, in the order in which they began."""
    packets: int
    """All packets."""
    others: int
    """Packets that are of none of these clients, or no DNS."""
    unread: int
    """Packets that are not understood; the last one, where the file ends within it."""


@dataclass(slots=True)
class _Begun:
    """An exchange while it is read."""

    name: str = ""
    sent: int = 0
    back: int = 0
    answer: str = ""
    waited_ms: int = 0
    begun_at: float = 0.0


_Socket = tuple[str, int, str, Transport]
"""The client's address and port, the server's address, and over what."""


@dataclass(slots=True)
class _Reading:
    """One capture while it is read."""

    clients: frozenset[str]
    begun: dict[tuple[_Socket, str], _Begun] = field(default_factory=dict)
    packets: int = 0
    others: int = 0
    unread: int = 0

    def add(self, at: float, packet: bytes, dpkt: Any) -> None:  # noqa: ANN401  # dpkt has no types
        """Count one packet, and add it to its exchange."""
        self.packets += 1
        try:
            inner = dpkt.ethernet.Ethernet(packet).data
            segment = getattr(inner, "data", None)
            if not isinstance(segment, dpkt.udp.UDP | dpkt.tcp.TCP):
                self.others += 1  # ARP, or a later fragment
                return
            source, target = str(ip_address(inner.src)), str(ip_address(inner.dst))
            to_server = segment.dport == PORT and source in self.clients
            if not to_server and not (segment.sport == PORT and target in self.clients):
                self.others += 1
                return
            transport = Transport.UDP if isinstance(segment, dpkt.udp.UDP) else Transport.TCP
            name, answer = _message(segment.data, transport, dpkt)
        except (dpkt.UnpackError, struct.error, LookupError, ValueError, AttributeError, TypeError):
            self.unread += 1
            return
        if to_server:
            self._of((source, segment.sport, target, transport), name, at).sent += 1
            return
        one = self._of((target, segment.dport, source, transport), name, at)
        one.back += 1
        if answer and not one.answer:
            one.answer, one.waited_ms = answer, round((at - one.begun_at) * 1000)

    def _of(self, socket: _Socket, name: str, at: float) -> _Begun:
        """Return the exchange that a packet is of: over TCP all of a connection, which is named by its first query."""
        key = (socket, name if socket[3] is Transport.UDP else "")
        one = self.begun.setdefault(key, _Begun(name=name, begun_at=at))
        one.name = one.name or name
        return one


def read_exchanges(content: bytes, clients: Collection[str]) -> Exchanges:
    """Return what these clients (IP addresses) asked and got. Raises `SourceGarbled` for what is no such capture."""
    import dpkt  # noqa: PLC0415  # slow to import, and needed only where packets were captured

    try:
        packets = dpkt.pcap.Reader(io.BytesIO(content))
    except (dpkt.UnpackError, ValueError) as error:
        raise SourceGarbled(f"{len(content)} bytes that are no packet capture were read ({error!r}).") from error
    if packets.datalink() != _ETHERNET:
        raise SourceGarbled(f"The packet capture is not of an Ethernet interface (link type {packets.datalink()}).")
    state = _Reading(clients=frozenset(str(ip_address(one)) for one in clients))
    try:
        for at, packet in packets:
            state.add(float(at), packet, dpkt)
    except dpkt.UnpackError:  # the file ends within the head of a packet
        state.unread += 1
    return Exchanges(
        found=tuple(
            Exchange(
                client=socket[0],
                port=socket[1],
                server=socket[2],
                transport=socket[3],
                name=one.name,
                sent=one.sent,
                back=one.back,
                answer=one.answer,
                waited_ms=one.waited_ms,
            )
            for (socket, _), one in state.begun.items()
        ),
        packets=state.packets,
        others=state.others,
        unread=state.unread,
    )


def _message(payload: bytes, transport: Transport, dpkt: Any) -> tuple[str, str]:  # noqa: ANN401  # dpkt has no types
    """Return the name asked and, of a response, its rcode. Both are empty for a packet that carries no message."""
    if transport is Transport.TCP:
        payload = payload[_LENGTH_BYTES:]
    if not payload:
        return "", ""
    _, flags, questions = _HEAD.unpack_from(payload)
    name = str(dpkt.dns.unpack_name(payload, _HEAD_BYTES)[0]).lower().rstrip(".") if questions else ""
    code = flags & _RCODE
    return name, _RCODES.get(code, f"RCODE{code}") if flags & _RESPONSE else ""
