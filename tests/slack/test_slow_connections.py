from __future__ import annotations

import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import ConfigurationError
from bot.slack.connection_limits import Doorkeeper, Limits, networks, owner
from bot.slack.health_server import serve_health
from bot.slack.http_server import serve_http
from bot.slack.listening import HttpServer, listen
from tests.slack.conftest import Stage
from tests.slack.test_slack_http import BODY, send, signed

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SLOW = 500
BOUND = 20
SLACK_WAITS_SECONDS = 3.0
STRANGER, SLACK = "203.0.113.9", "198.51.100.7"
HALF_HEADER = b"POST /slack/events HTTP/1.1\r\nHost: dnsbot\r\nX-"


def half_body(sender: str) -> bytes:
    """Return a request whose header is whole and whose body is not, as a proxy passes it on."""
    return (
        b"POST /slack/events HTTP/1.1\r\nHost: dnsbot\r\nContent-Length: 100\r\n"
        b"X-Forwarded-For: " + sender.encode() + b"\r\n\r\npay"
    )


class Crowd:
    """Connections of one address that send the beginning of a request and then nothing."""

    def __init__(self, port: int, source: str) -> None:
        self._port, self._source = port, source
        self._open: list[socket.socket] = []

    def send(self, beginning: bytes, *, times: int) -> None:
        """Open this many connections and send the beginning on each; some may be closed at once."""
        for _ in range(times):
            one = socket.create_connection(("127.0.0.1", self._port), timeout=5, source_address=(self._source, 0))
            self._open.append(one)
            try:
                one.sendall(beginning)
            except ConnectionError:
                continue

    def left(self) -> int:
        """Return how many the server has not closed."""
        poll = select.poll()
        for one in self._open:
            poll.register(one, select.POLLIN | select.POLLHUP)
        return len(self._open) - len(poll.poll(0))

    def shrinks_to(self, most: int, *, within_seconds: float) -> bool:
        """Wait until no more than this many are left."""
        until = time.monotonic() + within_seconds
        while self.left() > most and time.monotonic() < until:
            threading.Event().wait(0.02)
        return self.left() <= most

    def close(self) -> None:
        """Go away."""
        for one in self._open:
            one.close()


def deliver(stage: Stage, port: int, source: str, **headers: str) -> tuple[int, float]:
    """Send a signed delivery from an address; return its status and how many seconds that took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0))
    try:
        connection.request(
            "POST", "/slack/events", body=BODY, headers=signed(stage.slack.signing_secret, BODY, **headers)
        )
        status = connection.getresponse().status
    finally:
        connection.close()
    return status, time.monotonic() - began


def deliver_all(stage: Stage, port: int, source: str, **headers: str) -> None:
    """Send ten deliveries one after the other and assert that Slack would have seen each acknowledged."""
    answers = [deliver(stage, port, source, **headers) for _ in range(10)]

    assert [status for status, _ in answers] == [200] * 10
    assert max(seconds for _, seconds in answers) < SLACK_WAITS_SECONDS


@pytest.fixture
def open_door(silent_stage: Stage) -> Iterator[Callable[..., tuple[int, Callable[[str], Crowd]]]]:
    """Serve deliveries under limits; give the port and what makes crowds there."""
    with ExitStack() as stack:

        def start(**limits: Any) -> tuple[int, Callable[[str], Crowd]]:
            limits = {"request_seconds": 60, "connections_per_address": BOUND, **limits}
            server = serve_http(
                silent_stage.bot.bolt,
                signing_secret=silent_stage.slack.signing_secret,
                port=0,
                limits=Limits(**limits),
            )
            stack.callback(server.stop)

            def crowd(source: str) -> Crowd:
                made = Crowd(server.port, source)
                stack.callback(made.close)
                return made

            return server.port, crowd

        yield start


def test_deliveries_are_acknowledged_beside_500_slow_connections(silent_stage: Stage, open_door: Any) -> None:
    """The bound closes most of them, health answers at its own port, and the rest disturb nobody."""
    port, crowd = open_door()
    health = serve_health(port=0)
    slow = crowd("127.0.0.2")
    slow.send(HALF_HEADER, times=SLOW)

    deliver_all(silent_stage, port, "127.0.0.1")
    alive = send(health.port, b"", {}, path="/healthz", method="GET")
    health.stop()

    assert slow.shrinks_to(BOUND, within_seconds=10)
    assert slow.left() == BOUND
    assert json.loads(alive[1]) == {"state": "serving"}


def test_deliveries_are_acknowledged_beside_500_slow_connections_of_many(silent_stage: Stage, open_door: Any) -> None:
    """Without any bound there is room for more than that many."""
    port, crowd = open_door(connections_per_address=SLOW + 100)
    slow = crowd("127.0.0.2")
    slow.send(HALF_HEADER, times=SLOW)

    deliver_all(silent_stage, port, "127.0.0.1")

    assert slow.left() == SLOW


def test_slow_header_through_the_proxy_that_slack_comes_through(silent_stage: Stage, open_door: Any) -> None:
    """A proxy's address is not bounded: whose a connection is stands in a header that has not come yet."""
    port, crowd = open_door(proxies=(ip_network("127.0.0.2/32"),))
    slow = crowd("127.0.0.2")
    slow.send(HALF_HEADER, times=SLOW)

    deliver_all(silent_stage, port, "127.0.0.2", X_Forwarded_For=SLACK)

    assert slow.left() == SLOW


def test_slow_bodies_through_the_proxy_that_slack_comes_through(silent_stage: Stage, open_door: Any) -> None:
    """The bound holds for the sender that the proxy names, whatever that sender wrote before it."""
    port, crowd = open_door(proxies=(ip_network("127.0.0.2/32"),))
    slow = crowd("127.0.0.2")
    for n in range(10):
        slow.send(half_body(f"10.0.0.{n}, {STRANGER}, 127.0.0.2"), times=SLOW // 10)

    deliver_all(silent_stage, port, "127.0.0.2", X_Forwarded_For=SLACK)

    assert slow.shrinks_to(BOUND, within_seconds=10)
    assert slow.left() == BOUND


def test_forwarded_for_counts_from_proxies_only(open_door: Any) -> None:
    """Who was not named as a proxy is bounded by the address it comes from."""
    _, crowd = open_door(proxies=(ip_network("127.0.0.2/32"),))
    slow = crowd("127.0.0.3")
    for n in range(BOUND + 5):
        slow.send(half_body(f"10.0.0.{n}"), times=1)

    assert slow.shrinks_to(BOUND, within_seconds=10)


def test_connection_of_a_proxy_counts_for_nobody_between_requests(open_door: Any) -> None:
    """A proxy keeps connections open and sends one sender's request after the other over them."""
    port, _ = open_door(proxies=(ip_network("127.0.0.2/32"),), connections_per_address=1)
    header = half_body(SLACK).removesuffix(b"\r\n\r\npay") + b"\r\nExpect: 100-continue\r\n\r\n"
    with ExitStack() as stack:
        kept = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0))) for _ in "abc"]
        statuses = [send_in_two(one, header, b"x" * 100) for one in kept * 2]

    assert statuses == [401] * 6


def send_in_two(connection: socket.socket, header: bytes, body: bytes) -> int:
    """Send the body after the server has read the header and asked for it; return the status of the answer."""
    connection.sendall(header)
    assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body)
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        answer.read()
        return answer.status


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer anything."""
    del environ
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def hasty() -> Iterator[HttpServer]:
    """A server that gives a request a fifth of a second to be there."""
    server = listen(hello, host="127.0.0.1", port=0, threads=2, limits=Limits(request_seconds=0.2))
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("beginning", "dribble"),
    [
        pytest.param(b"", b"", id="silence"),
        pytest.param(HALF_HEADER, b"a", id="header"),
        pytest.param(b"", b"\r\n", id="blank-lines"),
        pytest.param(half_body(STRANGER), b"a", id="body"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", id="chunks"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n", b"a", id="second-request"),
    ],
)
def test_request_that_is_not_whole_in_time_is_cut_off(hasty: HttpServer, beginning: bytes, dribble: bytes) -> None:
    """However often a byte comes: the time counts from the first one, and its end is fixed."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=0.05) as slow:
        slow.sendall(beginning)
        while time.monotonic() < began + 4 and not _closed(slow):
            try:
                slow.sendall(dribble)
            except ConnectionError:
                break

    assert time.monotonic() - began < 4


def _closed(connection: socket.socket) -> bool:
    """Read what was answered for a moment; say whether the other side has closed."""
    try:
        return not connection.recv(4096)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_request_that_is_whole_is_answered_however_long_that_takes() -> None:
    """The deadline is the sender's: neither an answer in the making nor one that waits for a worker is cut off."""
    ended: list[bytes] = []

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        if not ended:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as late:  # cut off at its deadline
                ended.append(late.recv(1))
        return hello(environ, start_response)

    server = listen(slow, host="127.0.0.1", port=0, threads=1, limits=Limits(request_seconds=0.2))
    with ExitStack() as stack:
        both = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)) for _ in "ab"]
        for one in both:
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answers = [one.recv(4096)[:15] for one in both]
    server.stop()

    assert (ended, answers) == ([b""], [b"HTTP/1.1 200 OK"] * 2)


@pytest.mark.parametrize(
    ("forwarded_for", "sender"),
    [
        pytest.param("", "", id="none"),
        pytest.param("203.0.113.9", "203.0.113.9", id="one"),
        pytest.param("198.51.100.7, 203.0.113.9", "203.0.113.9", id="forged-before"),
        pytest.param("203.0.113.9, 10.0.0.4, 10.0.0.5", "203.0.113.9", id="two-proxies"),
        pytest.param("203.0.113.9:4711", "203.0.113.9", id="with-port"),
        pytest.param("[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64", id="v6-with-port"),
        pytest.param("::ffff:203.0.113.9", "203.0.113.9", id="mapped"),
        pytest.param("10.0.0.4, unknown", "unknown", id="no-address"),
        pytest.param("10.0.0.4", "", id="proxies-alone"),
    ],
)
def test_sender_is_the_last_address_that_is_no_proxy(forwarded_for: str, sender: str) -> None:
    """What stands further left was written by the sender."""
    assert Doorkeeper(Limits(proxies=(ip_network("10.0.0.0/24"),))).sender(forwarded_for) == sender


def test_addresses_of_one_ipv6_customer_count_as_one() -> None:
    """A /64 holds more addresses than any bound; an IPv4 address seen by an IPv6 socket is itself."""
    assert owner("2001:db8:1:2::3") == owner("2001:db8:1:2:ffff::4%eth0") != owner("2001:db8:1:3::3")
    assert owner("::ffff:127.0.0.2") == owner("127.0.0.2")
    assert Doorkeeper(Limits(proxies=(ip_network("10.0.0.0/24"),))).is_proxy("::ffff:10.0.0.4")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.5/16", "proxy.example"], ids=["bits", "host-bits", "name"])
def test_proxy_that_is_no_network_is_a_configuration_error(text: str) -> None:
    """The message names the option and what it was given."""
    with pytest.raises(ConfigurationError, match=f"--proxy {text}"):
        networks([text])
