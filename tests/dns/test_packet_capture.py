from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.packet_capture import Exchange, read_exchanges
from bot.domain.lookups import Transport
from bot.errors import SourceGarbled
from tests.dns.captured import Packet, capture

CLIENT, SERVER = ("10.0.1.7", 40001), ("172.20.0.10", 53)
NAME = "kubernetes.default.svc.cluster.local"
ASKED = Packet(source=CLIENT, target=SERVER, name=NAME.upper())
ANSWERED = Packet(source=SERVER, target=CLIENT, name=NAME, rcode=0, at=1.25)


def exchange(**changes: object) -> Exchange:
    """Return what one query gives that nobody answered."""
    members = {"client": CLIENT[0], "port": CLIENT[1], "server": SERVER[0], "transport": Transport.UDP, "name": NAME}
    return Exchange(**{**members, "sent": 1, "back": 0, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("packets", "found"),
    [
        ([ASKED], exchange()),
        ([ASKED, ASKED], exchange(sent=2)),
        ([ASKED, ANSWERED], exchange(back=1, answer="NOERROR", waited_ms=250)),
        ([ASKED, Packet(source=SERVER, target=CLIENT, name=NAME, rcode=2)], exchange(back=1, answer="SERVFAIL")),
        ([ASKED, Packet(source=SERVER, target=CLIENT, name=NAME, rcode=9)], exchange(back=1, answer="RCODE9")),
    ],
    ids=["asked", "asked-twice", "answered", "servfail", "rare-rcode"],
)
def test_what_one_socket_asked_and_got_is_one_exchange(packets: list[Packet], found: Exchange) -> None:
    """Names are compared in lower case; the time is that until the first answer."""
    assert read_exchanges(capture(packets), [CLIENT[0]]).found == (found,)


def test_a_connection_is_named_by_its_query() -> None:
    """Over TCP, packets before the query carry no name, and those after it may not either."""
    there, back = Packet(source=CLIENT, target=SERVER, tcp=True), Packet(source=SERVER, target=CLIENT, tcp=True)
    packets = [there, back, replace(there, name=NAME), replace(back, name=NAME, rcode=0)]

    assert read_exchanges(capture(packets), [CLIENT[0]]).found == (
        exchange(transport=Transport.TCP, sent=2, back=2, answer="NOERROR"),
    )
    assert read_exchanges(capture(packets[:1]), [CLIENT[0]]).found == (exchange(transport=Transport.TCP, name=""),)


def test_ipv6_is_read_as_ipv4_is() -> None:
    """Addresses are written as Kubernetes writes them."""
    ends = (("2001:db8::7", 40001), ("fd00::a", 53))

    (found,) = read_exchanges(capture([Packet(source=ends[0], target=ends[1], name=NAME)]), ["2001:db8::7"]).found

    assert (found.client, found.server, found.name) == ("2001:db8::7", "fd00::a", NAME)


def test_what_is_anothers_or_not_understood_is_counted() -> None:
    """Nothing of other clients is shown; a packet that is cut off is no reason to drop the rest."""
    other = Packet(source=("10.0.1.8", 1), target=SERVER, name="private.example.com")
    garbled = ASKED.frame[:-30]

    found = read_exchanges(capture([ASKED, other, garbled, b"\0"]), [CLIENT[0]])

    assert (found.found, found.packets, found.others, found.unread) == ((exchange(),), 4, 1, 2)


@pytest.mark.parametrize("content", [b"", b"tcpdump: eth7: No such device exists", capture([])[:20]])
def test_what_is_no_capture_is_refused(content: bytes) -> None:
    """An error of the program's, or a file that was never begun, is not an empty capture."""
    with pytest.raises(SourceGarbled, match=f"{len(content)} bytes that are no packet capture"):
        read_exchanges(content, [CLIENT[0]])


def test_another_kind_of_link_is_refused() -> None:
    """A capture on `any` has other frames, of which this would make nonsense."""
    cooked = capture([ASKED])[:20] + b"\x71\x00\x00\x00" + capture([ASKED])[24:]

    with pytest.raises(SourceGarbled, match=r"link type 113"):
        read_exchanges(cooked, [CLIENT[0]])


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_packets_are_counted_and_never_an_error(packet: bytes, cut: int) -> None:
    """Whatever stands in a file that begins as a capture, cut anywhere."""
    whole = capture([packet, ASKED, ASKED.frame[:30] + packet])

    found = read_exchanges(whole[: max(24, len(whole) - cut)], [CLIENT[0]])

    assert found.packets >= found.others + found.unread - 1
