"""What a machine's packets come back with."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest

from bot.sandbox.machines.wire import Wire, resolv_conf
from bot.sandbox.network.vpc import ApiEndpoint, Group
from tests.sandbox_network.networks import HOME, INBOUND, PEER, PEERED, POD

API_HOST, API_ADDRESS = "abc.gr7.eu-west-1.eks.amazonaws.com", "10.2.0.20"
API = ApiEndpoint(host=API_HOST, addresses=(API_ADDRESS,), public=False)
NETWORK = replace(PEERED, others=(replace(PEER, api_endpoints=(API,)),))
RESOLVER = "10.1.0.2"


def query(name: str) -> bytes:
    """Return a query for the A records of a name, numbered 7 (RFC 1035, section 4.1)."""
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


@pytest.mark.parametrize(
    ("to", "name", "rcode", "addresses"),
    [(RESOLVER, API_HOST, 0, [API_ADDRESS]), (INBOUND, API_HOST, 0, [API_ADDRESS]), (RESOLVER, "a.internal", 3, [])],
    ids=["public DNS", "the inbound endpoint", "no such name"],
)
def test_a_query_is_answered_in_the_form_of_dns(to: str, name: str, rcode: int, addresses: list[str]) -> None:
    """The question's number and text, the code, and a record of each address."""
    answer, silence = Wire(NETWORK, HOME, POD).ask(to, 53, query(name))

    number, flags, questions, answers = struct.unpack("!HHHH", answer[:8])
    assert (number, flags & 15, questions, answers, silence) == (7, rcode, 1, len(addresses), "")
    assert answer[12:].startswith(query(name)[12:])
    assert [socket.inet_ntoa(answer[-4:])][: len(addresses)] == addresses


def test_what_nobody_answers_is_told_as_the_kernel_does() -> None:
    """An address of nobody's keeps silent, and another port is refused."""
    wire = Wire(NETWORK, HOME, POD)

    assert wire.ask("10.2.0.99", 53, query(API_HOST)) == (b"", "timed out")
    assert wire.ask(RESOLVER, 5353, query(API_HOST)) == (b"", "connection refused")


def test_a_connection_is_made_where_the_control_plane_listens_and_groups_admit() -> None:
    """Another port is refused; a group that admits nobody drops it."""
    shut = replace(NETWORK.others[0], groups={"sg-peer": Group(inbound=(), outbound=())})

    assert Wire(NETWORK, HOME, POD).connect(API_ADDRESS, 443) == ""
    assert Wire(NETWORK, HOME, POD).connect(API_ADDRESS, 22) == "connection refused"
    assert Wire(replace(NETWORK, others=(shut,)), HOME, POD).connect(API_ADDRESS, 443) == "timed out"


def test_a_host_asks_the_servers_that_dhcp_told_it_else_the_vpcs_resolver() -> None:
    """In the form of resolv.conf(5)."""
    assert resolv_conf(HOME) == "nameserver 10.1.0.2\n"
    assert (
        resolv_conf(replace(HOME, dhcp_servers=("10.9.0.2", "10.9.0.3")))
        == "nameserver 10.9.0.2\nnameserver 10.9.0.3\n"
    )
