"""What `tcpdump` sees on the host's side of a pod's interface, as the file that it writes.

A lookup is one trip: a query that leaves its client's interface, comes to the server's or does not, and an answer that
goes the same way back or is lost there. Format: libpcap's, by dpkt; frames as the kernel hands them to tcpdump.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.host_network import interface_hash
from bot.sandbox.kubernetes.program import Process
from bot.sandbox.kubernetes.resources import Json
from bot.sandbox.network.replies import SILENT, Outcome, Reply

FILE, ENDED = "/tmp/packets.pcap", "/tmp/ended"  # noqa: S108  # of the pod's own
_RCODES = {Outcome.ANSWER: 0, Outcome.SERVFAIL: 2, Outcome.NXDOMAIN: 3, Outcome.REFUSED: 5}
_HOST = re.compile(r"host ([0-9a-f.:]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One lookup on its way."""

    at: datetime
    client: str
    port: int
    server: str
    """As the client asks it."""
    pod: str
    """The address that it was led to."""
    protocol: str
    name: str
    arrived: bool
    reply: Reply | None
    """What the server answered; None: nothing."""
    returned: bool

    @property
    def answered(self) -> bool:
        """Whether an answer left the server."""
        return self.reply is not None and self.reply.outcome not in SILENT


@dataclass(slots=True, kw_only=True)
class Capture(Process):
    """A program that captures on one interface of its node, and then sleeps."""

    interface: str
    clients: frozenset[str]
    until: datetime
    trips: list[Trip] = field(default_factory=list)

    def see(self, trip: Trip) -> None:
        """Notice a lookup of its clients' that comes by."""
        if trip.client in self.clients and trip.at < self.until:
            self.trips.append(trip)

    def file(self, path: str, now: datetime) -> bytes | None:
        """Return what stands in a file that it wrote."""
        if path == ENDED:
            return b"" if now >= self.until else None
        return self._written() if path == FILE else None

    def date_back(self, elapsed: timedelta) -> None:
        """Put its end so much earlier."""
        self.until -= elapsed

    def _written(self) -> bytes:
        import dpkt  # noqa: PLC0415  # slow to import, and needed only where packets were captured

        written = io.BytesIO()
        writer = dpkt.pcap.Writer(written)
        for trip in self.trips:
            for at, packet in enumerate(self._packets(trip, dpkt)):
                writer.writepkt(packet, trip.at.timestamp() + at / 1000)
        return written.getvalue()

    def _packets(self, trip: Trip, dpkt: Any) -> Iterator[bytes]:  # noqa: ANN401  # dpkt has no types
        """Yield what of a trip comes by this interface."""
        if self._is_of(trip.client):
            yield from _frames(trip, trip.server, came_back=trip.answered and trip.returned, dpkt=dpkt)
        if self._is_of(trip.pod) and trip.arrived:
            yield from _frames(trip, trip.pod, came_back=trip.answered, dpkt=dpkt)

    def _is_of(self, address: str) -> bool:
        return self.interface.endswith(interface_hash(address))


def begin(pod: Json, now: datetime) -> Capture | None:
    """Return the capture that a pod is told to make; None: it is told something else."""
    command = [str(word) for word in pod["spec"]["containers"][0].get("command") or []]
    if "tcpdump" not in command:
        return None
    told = command[command.index("tcpdump") :]
    interface, seconds = told[told.index("-i") + 1], int(command[command.index("tcpdump") - 1])
    run = ContainerRun(started=now)
    run.say(now, f"tcpdump: listening on {interface}, link-type EN10MB (Ethernet), snapshot length 262144 bytes")
    return Capture(
        run=run,
        interface=interface,
        clients=frozenset(_HOST.findall(told[-1])),
        until=now + timedelta(seconds=seconds),
    )


def _frames(trip: Trip, server: str, *, came_back: bool, dpkt: Any) -> Iterator[bytes]:  # noqa: ANN401  # the same
    """Yield the packets of a trip at one place. Over TCP there is no query before the server's SYN has come back."""
    query, answer = _message(trip, None), _message(trip, trip.reply)
    if trip.protocol == "udp":
        yield _datagram(trip.client, trip.port, server, 53, dpkt.udp.UDP, query, dpkt)
        if came_back:
            yield _datagram(server, 53, trip.client, trip.port, dpkt.udp.UDP, answer, dpkt)
        return
    yield _datagram(trip.client, trip.port, server, 53, dpkt.tcp.TCP, b"", dpkt)
    if not came_back:
        return
    yield _datagram(server, 53, trip.client, trip.port, dpkt.tcp.TCP, b"", dpkt)
    if trip.returned:
        for source, port, target, to, message in (
            (trip.client, trip.port, server, 53, query),
            (server, 53, trip.client, trip.port, answer),
        ):
            lengthened = struct.pack(">H", len(message)) + message
            yield _datagram(source, port, target, to, dpkt.tcp.TCP, lengthened, dpkt)


def _datagram(source: str, port: int, target: str, to: int, kind: Any, data: bytes, dpkt: Any) -> bytes:  # noqa: ANN401  # a packet has as many parts
    segment = kind(sport=port, dport=to, data=data)
    if kind is dpkt.udp.UDP:
        segment.ulen = len(segment)
    first, second = ip_address(source), ip_address(target)
    if first.version == 4:  # noqa: PLR2004  # IPv4
        inner = dpkt.ip.IP(src=first.packed, dst=second.packed, p=_number(kind, dpkt), data=segment)
        inner.len = len(inner)
        return bytes(dpkt.ethernet.Ethernet(data=inner, type=dpkt.ethernet.ETH_TYPE_IP))
    inner = dpkt.ip6.IP6(src=first.packed, dst=second.packed, nxt=_number(kind, dpkt), plen=len(segment))
    inner.extension_hdrs, inner.all_extension_headers, inner.data = {}, [], segment
    return bytes(dpkt.ethernet.Ethernet(data=inner, type=dpkt.ethernet.ETH_TYPE_IP6))


def _number(kind: Any, dpkt: Any) -> int:  # noqa: ANN401  # dpkt has no types
    """Return the protocol's number in an IP header."""
    return 17 if kind is dpkt.udp.UDP else 6


def _message(trip: Trip, reply: Reply | None) -> bytes:
    """Return a query for A records, or the answer to it."""
    labels = [label.encode() for label in trip.name.rstrip(".").split(".") if label]
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    addresses = [] if reply is None else [ip_address(one) for one in reply.addresses]
    found = [one.packed for one in addresses if one.version == 4]  # noqa: PLR2004  # A records
    flags = 0x0100 if reply is None else 0x8180 | _RCODES.get(reply.outcome, 2)
    head = struct.pack(">HHHHHH", trip.port, flags, 1, len(found), 0, 0)
    records = b"".join(struct.pack(">HHHIH", 0xC00C, 1, 1, 5, 4) + one for one in found)
    return head + name + struct.pack(">HH", 1, 1) + records
