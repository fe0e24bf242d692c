from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable

import pytest

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ExecResult, Resource
from bot.errors import (
    AccessDenied,
    EvidenceUnavailable,
    NotFound,
    SourceFailing,
    SourceGarbled,
    SourceTimeout,
    SourceUnreachable,
    Unauthenticated,
)
from tests.clients.conftest import Act, Shared, drip_headers, hang, no_http, reset, respond

POD = PodName(namespace="shop", name="web-1")
SUCCESS = b'\x03{"metadata":{},"status":"Success"}'


def frame(message: bytes, opcode: int = 2) -> bytes:
    """Return a WebSocket frame of a server."""
    size = bytes([len(message)]) if len(message) < 126 else b"\x7f" + struct.pack(">Q", len(message))
    return bytes([0x80 | opcode]) + size + message


def failure(message: str, reason: str = "InternalError", exit_code: str = "") -> bytes:
    """Return a message of the status channel for a command that failed."""
    causes = [{"reason": "ExitCode", "message": exit_code}] if exit_code else []
    status = {"metadata": {}, "status": "Failure", "message": message, "reason": reason, "details": {"causes": causes}}
    return b"\x03" + json.dumps(status).encode()


@pytest.fixture
def stream(shared: Shared) -> Callable[..., Act]:
    """Return a function that makes an act which upgrades to an exec stream and sends these messages."""

    def make(*messages: bytes, then: Act | None = None, protocol: bytes = b"v5.channel.k8s.io") -> Act:
        def act(connection: socket.socket, over: threading.Event) -> None:
            key = shared.far_end.requests[-1].split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324  # RFC 6455
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: " + protocol + b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            for message in messages:
                connection.sendall(frame(message))
            if then is not None:
                then(connection, over)
            else:
                with contextlib.suppress(OSError):
                    connection.recv(1)

        return act

    return make


def drip_stdout(connection: socket.socket, over: threading.Event) -> None:
    """Print for ever."""
    while not over.wait(0.05):
        connection.sendall(frame(b"\x01."))


def hang_up(_: socket.socket, __: threading.Event) -> None:
    """Close the connection."""


def run(shared: Shared, act: Act, *arguments: str) -> ExecResult:
    """Run a command against a far end that plays `act`."""
    return shared.played(act).pods(Deadline.after(2)).run(POD, "app", arguments or ("dig", "x"))


def test_output_and_exit_code_are_told_apart(shared: Shared, stream: Callable[..., Act]) -> None:
    """Channels 1 and 2 are the program's streams; the exit code comes from the status."""
    act = stream(b"\x01", b"\x01out", b"\x02err", b"\x01put", failure("non-zero", "NonZeroExitCode", "9"))

    assert run(shared, act) == ExecResult(stdout=b"output", stderr=b"err", exit_code=9, cut=False)


def test_arguments_are_sent_one_by_one_with_the_credential(shared: Shared, stream: Callable[..., Act]) -> None:
    """No shell: each argument is its own query parameter."""
    run(shared, stream(SUCCESS), "dig", "+tcp", "@172.20.0.10", "a.b.", "A")

    request = shared.far_end.requests[0]
    assert shared.far_end.paths() == [
        (
            "/api/v1/namespaces/shop/pods/web-1/exec?command=dig&command=%2Btcp&command=%40172.20.0.10&command=a.b.&command=A"
            "&container=app&stdout=true&stderr=true"
        )
    ]
    assert b"Bearer reader-token" in request
    assert b"Sec-WebSocket-Protocol: v5.channel.k8s.io,v4.channel.k8s.io" in request


@pytest.mark.parametrize(
    ("messages", "kept", "cut"),
    [
        ([b"\x01" + b"x" * 50_000] * 4, (65_536, 0), True),
        ([b"\x02" + b"x" * 50_000] * 4, (0, 65_536), True),
        ([b"\x01" + b"x" * 32_768] * 2, (65_536, 0), False),
    ],
    ids=["standard output", "standard error", "just room for it"],
)
def test_a_flood_is_cut_at_64_kib_and_says_so_and_the_exit_code_still_comes(
    shared: Shared,
    stream: Callable[..., Act],
    messages: list[bytes],
    kept: tuple[int, int],
    cut: bool,  # noqa: FBT001  # a table
) -> None:
    """A flood does not fill the memory, and a part is not taken for the whole."""
    result = run(shared, stream(*messages, SUCCESS))

    assert (len(result.stdout), len(result.stderr)) == kept
    assert (result.cut, result.exit_code) == (cut, 0)


def test_output_that_is_no_text_comes_as_it_is(shared: Shared, stream: Callable[..., Act]) -> None:
    """A capture is bytes: nothing is decoded on the way."""
    assert run(shared, stream(b"\x01\xd4\xc3\xb2\xa1", SUCCESS)).stdout == b"\xd4\xc3\xb2\xa1"


def test_a_cut_output_is_text_only_for_those_who_can_do_with_its_beginning() -> None:
    """Parsers refuse it unless they say so."""
    result = ExecResult(stdout=b"begins\xff", stderr=b"", exit_code=0, cut=True)

    with pytest.raises(SourceGarbled, match="first 7 bytes"):
        result.text()
    assert result.text(cut_is_fine=True) == "begins\ufffd"


OCI = 'OCI runtime exec failed: exec failed: unable to start container process: exec: "dig": executable file not found'


@pytest.mark.parametrize(
    ("message", "exit_code"),
    [
        pytest.param(failure(f"{OCI} in $PATH: unknown"), 127, id="InternalError"),
        pytest.param(failure(f"command terminated: {OCI}: exit code 126"), 126, id="exit code in the text"),
        pytest.param(failure("command terminated", "NonZeroExitCode", "126"), 126, id="NonZeroExitCode"),
    ],
)
def test_a_missing_program_is_a_result(
    message: bytes, exit_code: int, shared: Shared, stream: Callable[..., Act]
) -> None:
    """C5: the image has no such tool; that is no failure of the API."""
    assert run(shared, stream(message)).exit_code == exit_code


def test_a_missing_program_told_before_the_stream_opens_is_a_result(shared: Shared) -> None:
    """Some runtimes refuse the upgrade with it."""
    act = respond("500 Internal Server Error", json.dumps({"kind": "Status", "message": OCI, "code": 500}))

    assert run(shared, act).exit_code == 127


def refusal(status: str, message: str, reason: str = "") -> Act:
    """Refuse the upgrade as an API server does."""
    body = {"kind": "Status", "message": message, "reason": reason, "code": int(status[:3])}
    return respond(status, json.dumps(body))


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(refusal("403 Forbidden", 'cannot create resource "pods/exec"'), AccessDenied, id="forbidden"),
        pytest.param(refusal("401 Unauthorized", "Unauthorized"), Unauthenticated, id="unauthorised"),
        pytest.param(refusal("404 Not Found", 'pods "web-1" not found', "NotFound"), NotFound, id="no pod"),
        pytest.param(refusal("500 Internal Server Error", "dial tcp: refused"), SourceUnreachable, id="server error"),
        pytest.param(refusal("429 Too Many Requests", "wait"), SourceFailing, id="throttled"),
        pytest.param(respond("200 OK", "<html>", content_type="text/html"), SourceGarbled, id="HTML 200"),
        pytest.param(respond("200 OK", "", content_type=""), SourceGarbled, id="empty 200"),
        pytest.param(respond("302 Found", "", "Location: /"), SourceGarbled, id="redirect"),
        pytest.param(no_http, EvidenceUnavailable, id="another protocol"),
        pytest.param(hang, SourceTimeout, id="hang"),
        pytest.param(drip_headers, SourceTimeout, id="drip of the headers"),
        pytest.param(reset, SourceUnreachable, id="reset"),
    ],
)
def test_every_refusal_has_its_class_and_ends_in_time(
    act: Act, expected: type[EvidenceUnavailable], shared: Shared, took: Callable[[], float]
) -> None:
    """Connect and handshake are bounded like all else."""
    begun = took()

    with pytest.raises(expected) as raised:
        run(shared, act)

    assert expected is EvidenceUnavailable or raised.type is expected
    assert took() - begun < 10


def test_forbidden_names_the_grant(shared: Shared) -> None:
    """The verb is the one that the API server missed."""
    with pytest.raises(AccessDenied) as raised:
        run(shared, refusal("403 Forbidden", 'User "dnsbot" cannot get resource "pods/exec" in API group ""'))

    assert raised.value.grant == "pods/exec: get in namespace shop"


def test_a_stream_that_drips_ends_in_time(
    shared: Shared, stream: Callable[..., Act], took: Callable[[], float]
) -> None:
    """Each message that arrives does not buy more time."""
    begun = took()

    with pytest.raises(SourceTimeout, match="`dig x` gave no whole answer in time"):
        run(shared, stream(then=drip_stdout))

    assert took() - begun < 10


def test_a_stream_that_ends_without_an_exit_code_is_no_result(shared: Shared, stream: Callable[..., Act]) -> None:
    """Half an answer is not an empty one."""
    with pytest.raises(SourceUnreachable, match="before the exit code"):
        run(shared, stream(b"\x01half", then=hang_up))


def test_an_unreadable_status_is_garbled(shared: Shared, stream: Callable[..., Act]) -> None:
    """The exit code cannot be guessed."""
    with pytest.raises(SourceGarbled):
        run(shared, stream(b"\x03not json"))


def test_reads_go_on_beside_execs(shared: Shared, stream: Callable[..., Act]) -> None:
    """Execs share nothing with the client that lists."""
    run(shared, stream(SUCCESS))

    pods = respond("200 OK", '{"kind":"PodList","metadata":{},"items":[]}')
    assert shared.played(pods).cluster(Deadline.after(30)).list(Resource(plural="pods"), dict) == []


def upgrade_with(*lines: bytes) -> Act:
    """Answer the upgrade with these header lines."""

    def act(connection: socket.socket, _: threading.Event) -> None:
        head = (b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade", *lines)
        connection.sendall(b"\r\n".join((*head, b"", b"")) + frame(SUCCESS))

    return act


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param((), "another request", id="no key"),
        pytest.param((b"Sec-WebSocket-Accept: bm90IG91cnM=",), "another request", id="another key"),
    ],
)
def test_an_upgrade_that_answers_another_request_is_garbled(
    lines: tuple[bytes, ...], said: str, shared: Shared
) -> None:
    """What follows such an answer is no exec stream, whatever it looks like."""
    with pytest.raises(SourceGarbled, match=said):
        run(shared, upgrade_with(*lines))


def test_a_server_that_speaks_no_exec_protocol_is_garbled(shared: Shared, stream: Callable[..., Act]) -> None:
    """Without v4 or v5 no exit code would come."""
    with pytest.raises(SourceGarbled, match="none of the exec protocols"):
        run(shared, stream(SUCCESS, protocol=b"channel.k8s.io"))
