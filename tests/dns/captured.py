"""Packet captures as `tcpdump -w` writes them, made packet by packet."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dpkt


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One packet with a DNS message, or without one."""

    source: tuple[str, int]
    target: tuple[str, int]
    name: str = ""
    """Empty: no message (a SYN)."""
    rcode: int | None = None
    """None: it is a query."""
    tcp: bool = False
    at: float = 1.0

    @property
    def frame(self) -> bytes:
        """The Ethernet frame."""
        message = self._message() if self.name else b""
        segment: Any = dpkt.tcp.TCP() if self.tcp else dpkt.udp.UDP()
        segment.sport, segment.dport = self.source[1], self.target[1]
        segment.data = struct.pack(">H", len(message)) + message if self.tcp and message else message
        if not self.tcp:
            segment.ulen = len(segment)
        ends = {"src": ip_address(self.source[0]).packed, "dst": ip_address(self.target[0]).packed}
        if ip_address(self.source[0]).version == 4:
            inner = dpkt.ip.IP(**ends, p=6 if self.tcp else 17, data=segment)
            inner.len = len(inner)
            return bytes(dpkt.ethernet.Ethernet(data=inner, type=0x0800))
        inner = dpkt.ip6.IP6(**ends, nxt=6 if self.tcp else 17, plen=len(segment))
        inner.extension_hdrs, inner.all_extension_headers, inner.data = {}, [], segment
        return bytes(dpkt.ethernet.Ethernet(data=inner, type=0x86DD))

    def _message(self) -> bytes:
        flags = 0x0100 if self.rcode is None else 0x8180 | self.rcode
        labels = b"".join(bytes([len(one)]) + one.encode() for one in self.name.rstrip(".").split("."))
        return struct.pack(">HHHHHH", 7, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def capture(packets: Iterable[Packet | bytes]) -> bytes:
    """Return the file of a capture on an Ethernet interface."""
    written = io.BytesIO()
    writer = dpkt.pcap.Writer(written)
    for one in packets:
        writer.writepkt(one if isinstance(one, bytes) else one.frame, 1.0 if isinstance(one, bytes) else one.at)
    return written.getvalue()
