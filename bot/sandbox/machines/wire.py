"""What a host's packets come back with: queries to port 53 in the form of RFC 1035, and TCP connections."""

from __future__ import annotations

import socket
import struct

from bot.sandbox.network.network import Network
from bot.sandbox.network.packets import EPHEMERAL, Flow, connected
from bot.sandbox.network.replies import SILENT, Outcome, Reply
from bot.sandbox.network.resolver import Resolver, ask_address, query
from bot.sandbox.network.vpc import Vpc

_RCODES = {Outcome.ANSWER: 0, Outcome.SERVFAIL: 2, Outcome.NXDOMAIN: 3, Outcome.REFUSED: 5}
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHHIH")
_TO_THE_QUESTION = 0xC00C
_DNS_PORT, _A, _IN = 53, 1, 1


class Wire:
    """The network of one host, at its address in a VPC, at one moment."""

    def __init__(self, network: Network, vpc: Vpc, address: str) -> None:
        self._network, self._vpc, self._address = network, vpc, address

    def ask(self, to: str, port: int, asked: bytes) -> tuple[bytes, str]:
        """Return the answer to a query for A records, or why none comes: `timed out`, `connection refused`."""
        reply = self._reply(to, _name(asked)) if port == _DNS_PORT else Reply(outcome=Outcome.PORT_UNREACHABLE)
        return (b"", reply.outcome.value) if reply.outcome in SILENT else (_answer(asked, reply), "")

    def _reply(self, to: str, name: str) -> Reply:
        if to in self._vpc.resolver_addresses:
            return Resolver(self._network, self._vpc).answer(name)
        return ask_address(self._network, self._vpc, query(self._address, to), name)

    def connect(self, to: str, port: int) -> str:
        """Return why no connection is made; empty: it is."""
        flow = Flow(client=self._address, client_port=EPHEMERAL[0], server=to, server_port=port, protocol="tcp")
        outcome = connected(self._network, self._vpc, flow)
        return outcome.value if outcome in SILENT else ""


def resolv_conf(vpc: Vpc) -> str:
    """Return /etc/resolv.conf of a host in a VPC, as DHCP told it."""
    servers = vpc.dhcp_servers or sorted(vpc.resolver_addresses - {"169.254.169.253"})
    return "".join(f"nameserver {server}\n" for server in servers)


def _name(asked: bytes) -> str:
    """Return the name of the first question."""
    labels, at = [], _HEADER.size
    while asked[at]:
        labels.append(asked[at + 1 : at + 1 + asked[at]].decode("ascii"))
        at += 1 + asked[at]
    return ".".join(labels)


def _answer(asked: bytes, reply: Reply) -> bytes:
    number, addresses = struct.unpack("!H", asked[:2])[0], reply.addresses
    header = _HEADER.pack(number, 0x8180 | _RCODES[reply.outcome], 1, len(addresses), 0, 0)
    records = (
        _RECORD.pack(_TO_THE_QUESTION, _A, _IN, reply.ttl_seconds, 4) + socket.inet_aton(one) for one in addresses
    )
    return header + asked[_HEADER.size :] + b"".join(records)
