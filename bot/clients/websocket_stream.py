"""Opens the WebSocket of an exec stream on a connection that stands.

websocket-client reads an answer's header lines byte by byte, which for hundreds of execs is more work than all that
they print. Here the upgrade is `http.client`'s, over a buffer that the frames are then read from. Source: RFC 6455,
"Opening Handshake".
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import secrets
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import websocket

from bot.clients.wire import BoundedSocket

_ACCEPTING = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REFUSED = 400
"""Statuses from here on refuse the upgrade, and their body says why."""
_REFUSAL_BYTES = 64 * 1024
"""Read of such a body."""


class UpgradeRefused(Exception):
    """The server answered the upgrade with an error status."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} instead of an upgrade")
        self.status, self.body = status, body


class _ReadAhead(BoundedSocket):
    """A bounded socket that receives as much as has come, and hands it out in the pieces that are asked for."""

    def __init__(self, inner: socket.socket, *, limit_bytes: int) -> None:
        super().__init__(inner, limit_bytes=limit_bytes)
        self._reader = super().makefile()

    def makefile(self, mode: str = "rb", *_: object) -> io.BufferedReader:
        """Return the reader that `recv` reads from, too."""
        if mode != "rb":
            raise ValueError(f"a bounded socket is read in mode rb, not {mode}")
        return self._reader

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes."""
        return self._reader.read1(size) if self._reader.peek(1) else b""

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        self._inner.close()


def open_stream(
    made: socket.socket, url: str, headers: Mapping[str, str], subprotocols: Sequence[str], *, limit_bytes: int
) -> Any:  # noqa: ANN401  # websocket-client has no types
    """Upgrade a connection and return its `websocket.WebSocket`, which closes it on `shutdown`.

    At most `limit_bytes` are received, handshake and frames together; then reading raises `TooMuchSent`.

    Raises `UpgradeRefused` for an error status, `websocket.WebSocketException` for another answer that is no upgrade,
    and what sockets and `http.client` raise; the connection is closed then.
    """
    connection, key = _ReadAhead(made, limit_bytes=limit_bytes), base64.b64encode(secrets.token_bytes(16))
    stream: Any = websocket.WebSocket(enable_multithread=False)
    try:
        connection.sendall(_request(url, key, headers, subprotocols))
        # kept with the stream: an answer that is let go closes what the frames are read from
        stream.handshake_response = http.client.HTTPResponse(connection)  # type: ignore[arg-type]  # `makefile` is all
        _check_upgraded(stream.handshake_response, key, subprotocols)
    except BaseException:
        connection.close()
        raise
    stream.sock, stream.connected = connection, True
    return stream


def _check_upgraded(answer: http.client.HTTPResponse, key: bytes, subprotocols: Sequence[str]) -> None:
    answer.begin()
    if answer.status >= _REFUSED:
        body = answer.read(_REFUSAL_BYTES)
        if answer.length and len(body) < _REFUSAL_BYTES:
            raise ConnectionResetError(f"the connection ended {answer.length} bytes before the answer did")
        raise UpgradeRefused(answer.status, body)
    if answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise websocket.WebSocketException(f"{answer.status} instead of an exec stream")
    expected = base64.b64encode(hashlib.sha1(key + _ACCEPTING, usedforsecurity=False).digest()).decode("ascii")
    if answer.headers.get("sec-websocket-accept", "").strip() != expected:
        raise websocket.WebSocketException("the upgrade is an answer to another request")
    if answer.headers.get("sec-websocket-protocol", "").strip() not in subprotocols:
        raise websocket.WebSocketException("the server speaks none of the exec protocols")


def _request(url: str, key: bytes, headers: Mapping[str, str], subprotocols: Sequence[str]) -> bytes:
    parts = urlsplit(url)
    lines = [
        f"GET {parts.path}?{parts.query} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode('ascii')}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {','.join(subprotocols)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1")
