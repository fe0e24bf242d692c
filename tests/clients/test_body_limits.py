"""Far ends that offer more than anybody asked for: each body is read up to its own limit and no further."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from bot.clients.wire import body_up_to
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import Resource
from bot.domain.right_of_way import ACKS
from bot.errors import DnsBotError, SourceGarbled, SourceUnreachable
from tests.clients.conftest import Act, FarEnd, Shared, aws_variables, kubeconfig, respond

OFFERED = 200_000_000
PIECE = b"2026-11-21T08:59:00Z [ERROR] x\n" * 8_000
POD = PodName(namespace="shop", name="web-1")
UNFINISHED = [b'{"kind":"PodList","metadata":{},"items":[{"metadata":{"name":"', b"x" * 250_000]


class Flood:
    """Acts that send without end, and how much of it was taken."""

    def __init__(self) -> None:
        self.sent = 0

    def body(self, *pieces: bytes, head: str = "200 OK", content_type: str = "application/json") -> Act:
        """Send a body of `OFFERED` bytes: the first pieces once, the last one again and again."""

        def act(connection: socket.socket, _: threading.Event) -> None:
            lines = f"HTTP/1.1 {head}\r\nContent-Type: {content_type}\r\nContent-Length: {OFFERED}\r\n\r\n"
            self._pour(connection, lines.encode(), *pieces)

        return act

    def chunks(self, *pieces: bytes) -> Act:
        """Send a body in chunks, with no length announced."""

        def act(connection: socket.socket, _: threading.Event) -> None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            self._pour(connection, head, *(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces))

        return act

    def exec_stream(self, key: Callable[[], bytes], first: bytes, *pieces: bytes) -> Act:
        """Upgrade to an exec stream, then send `first` and the pieces."""

        def act(connection: socket.socket, _: threading.Event) -> None:
            accept = base64.b64encode(hashlib.sha1(key() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324  # RFC 6455
            head = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self._pour(connection, head + first, *pieces)

        return act

    def _pour(self, connection: socket.socket, head: bytes, *pieces: bytes) -> None:
        connection.sendall(head)
        left = OFFERED
        for piece in pieces[:-1]:
            connection.sendall(piece)
            left -= len(piece)
        while left > 0:
            connection.sendall(pieces[-1][:left])
            self.sent += len(pieces[-1][:left])
            left -= len(pieces[-1])


@pytest.fixture
def flood() -> Flood:
    """A far end's flood."""
    return Flood()


def websocket_key(request: bytes) -> bytes:
    """Return the key of an upgrade."""
    return request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]


def test_a_list_page_is_cut_off_and_says_so(shared: Shared, flood: Flood) -> None:
    """A page that is larger than any honest one is neither held nor judged."""
    cluster = shared.played(flood.body(*UNFINISHED)).cluster(Deadline.after(20))

    with pytest.raises(SourceGarbled, match=r"Cannot list pods.*larger than 12582912 bytes. It was cut off there"):
        cluster.list(Resource(plural="pods"), dict)

    assert flood.sent < 40_000_000


def test_a_body_without_a_length_is_cut_off_alike(shared: Shared, flood: Flood) -> None:
    """Chunks are counted, too."""
    cluster = shared.played(flood.chunks(*UNFINISHED)).cluster(Deadline.after(20))

    with pytest.raises(SourceGarbled, match="larger than 12582912 bytes"):
        cluster.get(Resource(plural="configmaps"), "coredns", namespace="kube-system")

    assert flood.sent < 40_000_000


def test_pages_without_end_are_cut_off(shared: Shared) -> None:
    """Each page is small, and there is always a next one."""
    filler = {f"filler {number}": "x" * 900_000 for number in range(10)}
    pages = [
        respond("200 OK", json.dumps({"kind": "PodList", "metadata": {"continue": f"p{n}"}, "items": [], **filler}))
        for n in range(16)
    ]
    cluster = shared.played(*pages).cluster(Deadline.after(30))

    with pytest.raises(
        SourceGarbled, match=r"the list is larger than 134217728 bytes. It was cut off there, at 0 items"
    ):
        cluster.list(Resource(plural="pods"), dict)

    assert len(shared.far_end.requests) == 15


def test_nothing_is_unpacked_on_the_way(shared: Shared) -> None:
    """Nobody asked for a compressed answer; a small body that unpacks into a large one stays small."""
    cluster = shared.played(respond("200 OK", b"\x1f\x8b\x08\x00\x00", "Content-Encoding: gzip")).cluster(
        Deadline.after(30)
    )

    with pytest.raises(SourceGarbled, match=r"not whole JSON \(5 bytes"):
        cluster.list(Resource(plural="pods"), dict)


def test_a_log_is_cut_where_it_was_asked_to_end(shared: Shared, flood: Flood) -> None:
    """An API server that ignores `limitBytes` is not listened to for longer; what came is kept."""
    cluster = shared.played(flood.body(PIECE, content_type="text/plain")).cluster(Deadline.after(20))

    text = cluster.logs(POD, limit_bytes=100_000)

    assert len(text) == 100_000
    assert flood.sent < 20_000_000


def test_a_refusal_without_end_still_says_what_it_is(shared: Shared, flood: Flood) -> None:
    """The status tells enough."""
    act = flood.body(PIECE, head="503 Service Unavailable", content_type="text/plain")
    cluster = shared.played(act).cluster(Deadline.after(20))

    with pytest.raises(SourceUnreachable, match="503"):
        cluster.list(Resource(plural="pods"), dict)


@pytest.mark.parametrize(("service", "operation"), [("ec2", "DescribeVpcs"), ("eks", "ListClusters")])
def test_an_aws_answer_is_cut_off_and_says_so(shared: Shared, flood: Flood, service: str, operation: str) -> None:
    """XML and JSON services alike; the call is named, and it is not made again."""
    aws = shared.played(flood.body(PIECE)).aws(Deadline.after(20))

    with pytest.raises(SourceGarbled, match=f"Cannot call {service}:{operation}: the answer is larger than 6291456"):
        aws.read(service, operation)

    assert flood.sent < 30_000_000
    assert len(shared.far_end.requests) == 1


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"\x82\x7f" + struct.pack(">Q", OFFERED + 1) + b"\x01", b"x" * 100_000),
        (b"", b"\x82\x7f" + struct.pack(">Q", 100_001) + b"\x01" + b"x" * 100_000),
        (b"\x02\x7f" + struct.pack(">Q", 2) + b"\x01x", b"\x00\x7f" + struct.pack(">Q", 100_000) + b"x" * 100_000),
    ],
    ids=["one message", "many messages", "one message in parts"],
)
def test_what_a_command_prints_without_end_is_cut_off(shared: Shared, flood: Flood, first: bytes, piece: bytes) -> None:
    """However it is framed: some of it is read for the exit code's sake, then no more."""
    act = flood.exec_stream(lambda: websocket_key(shared.far_end.requests[-1]), first, piece)

    with pytest.raises(SourceGarbled, match=r"`dig x` printed more than 4194304 bytes. It was cut off there"):
        shared.played(act).pods(Deadline.after(20)).run(POD, "app", ["dig", "x"])

    assert flood.sent < 20_000_000


def test_no_buffer_is_made_of_the_size_that_a_refused_exec_announces(shared: Shared) -> None:
    """The connection is read until it ends."""

    def act(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 99999999999999999\r\n\r\nno such pod")

    with pytest.raises(SourceUnreachable, match="pods/exec"):
        shared.played(act).pods(Deadline.after(30)).run(POD, "app", ["dig", "x"])


@dataclass
class FloodedFarEnd(FarEnd):
    """Answers one list well, and everything else without end."""

    def act(self, request: bytes, _: int, /) -> Act:
        """Choose by path."""
        flood, path = Flood(), request.split(b" ", 2)[1]
        if b"/nodes?" in path:
            return respond("200 OK", '{"kind":"NodeList","metadata":{},"items":[]}')
        if b"/exec?" in path:
            announced = b"\x82\x7f" + struct.pack(">Q", OFFERED + 1) + b"\x01"
            return flood.exec_stream(lambda: websocket_key(request), announced, PIECE)
        if b"/log?" in path:
            return flood.body(PIECE, content_type="text/plain")
        return flood.body(*UNFINISHED)


def whole(head: bytes, piece: bytes, tail: bytes, size: int) -> bytes:
    """Return a text of about this size that is whole: as many pieces between head and tail as fit."""
    return head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


LIST = b'{"kind":"PodList","metadata":{"continue":"c%d"},"items":['
VPCS = b"<DescribeVpcsResponse><requestId>r</requestId><vpcSet>"
NO_VPCS = b"</vpcSet><nextToken>n%d</nextToken></DescribeVpcsResponse>"


@dataclass
class DenseFarEnd(FarEnd):
    """Answers one list well, and everything else with what is whole, allowed, and many times its text once parsed."""

    def act(self, request: bytes, _: int, /) -> Act:
        """Choose by path."""
        path, number = request.split(b" ", 2)[1], len(self.requests)
        if b"/nodes?" in path:
            return respond("200 OK", '{"kind":"NodeList","metadata":{},"items":[]}')
        if b"/configmaps/" in path:
            return respond("200 OK", whole(b'{"metadata":{"name":"coredns"},"x":[', b"{},", b"{}]}", 11_000_000))
        if b"/pods?" in path:
            return respond("200 OK", whole(LIST % number, b"{},", b"{}]}", 11_000_000))
        if b"/services?" in path:
            name = b'{"metadata":{"name":"%s"}},' % (b"n" * 200_000)
            return respond("200 OK", whole(LIST % number, name, b"{}]}", 11_000_000))
        if b"/events?" in path:
            return respond("200 OK", whole(LIST % number, b'{"a":[{},{},{},{},{},{}]},', b"{}]}", 11_000_000))
        if b"/clusters/" in path:
            return respond(
                "200 OK", whole(b'{"cluster":{"tags":{', b'"a":"b",', b'"c":""}}}', 5_900_000), "x-amzn-RequestId: r"
            )
        body = whole(
            VPCS, b"<item><vpcId/></item>", NO_VPCS % number, 1_500_000 if b"MaxResults" in request else 5_900_000
        )
        return respond("200 OK", body, content_type="text/xml")


@pytest.mark.slow
def test_dense_answers_at_once_stay_small_and_others_go_on(tmp_path: Path) -> None:
    """Each is whole and no larger than it may be; what would become of it is not held, and one is read."""
    far_end = DenseFarEnd([respond("500", "")])
    far_end.start()
    with aws_variables() as lead:
        lead(far_end.url)
        done = subprocess.run(
            [sys.executable, "-m", "tests.clients.flooded", kubeconfig(tmp_path / "kubeconfig.json", far_end.url)],
            env=dict(os.environ), capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
    far_end.stop()

    told = json.loads(done.stdout)
    assert told["peak_mb"] <= 400
    del told["flooded"]["log"], told["flooded"]["exec"]
    assert {
        name: [one for one in answers if "cut off there" not in one] for name, answers in told["flooded"].items()
    } == {name: [] for name in told["flooded"]}
    assert told["other"] == "[]"


@pytest.mark.slow
def test_many_floods_at_once_stay_small_and_others_go_on(tmp_path: Path) -> None:
    """200 MB offered by each of 46 answers: the process stays below 400 MB, each says that it was cut, one is read."""
    far_end = FloodedFarEnd([respond("500", "")])
    far_end.start()
    with aws_variables() as lead:
        lead(far_end.url)
        done = subprocess.run(
            [sys.executable, "-m", "tests.clients.flooded", kubeconfig(tmp_path / "kubeconfig.json", far_end.url)],
            env=dict(os.environ), capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
    far_end.stop()

    told = json.loads(done.stdout)
    assert told["peak_mb"] <= 400
    assert told["flooded"].pop("log") == ["4000000"] * 6
    assert {name for name, answers in told["flooded"].items() if all("cut off there" in one for one in answers)} == {
        "list", "list of long names", "list of dense items", "get", "aws", "aws json", "aws list", "exec",
    }  # fmt: skip
    assert told["other"] == "[]"


def test_answer_waits_while_slack_is_acknowledged() -> None:
    """What has come is read, and parsed, when the acknowledgement is out."""
    answer = urllib3.HTTPResponse(body=io.BytesIO(b"{}"), preload_content=False)
    read: list[object] = []
    reader = threading.Thread(target=lambda: read.append(body_up_to(answer, 10)), daemon=True)

    with ACKS.first():
        reader.start()
        reader.join(0.1)
        assert read == []
    reader.join(60)

    assert read == [(b"{}", False)]


@pytest.mark.parametrize("asks", ["cluster", "aws"])
def test_nothing_is_asked_while_slack_is_acknowledged(shared: Shared, asks: str) -> None:
    """The call is made when the acknowledgement is out."""
    played = shared.played(respond("403 Forbidden", "{}"))
    cluster, aws = played.cluster(Deadline.after(20)), played.aws(Deadline.after(20))

    def ask() -> None:
        with suppress(DnsBotError):
            cluster.list(Resource(plural="pods"), dict) if asks == "cluster" else aws.read("eks", "ListClusters")

    asking = threading.Thread(target=ask, daemon=True)
    with ACKS.first():
        asking.start()
        asking.join(0.3)
        assert shared.far_end.requests == []
    asking.join(60)

    assert len(shared.far_end.requests) == 1
