"""Connections whose every wait ends by the deadline of the call that uses them.

A socket's time-out starts anew with each byte that arrives, so a far end that drips its answer, or
its header lines, holds a client for ever. Here each single read and write gets what is left of the
call's deadline (`time_limit`), under urllib3's pools and under the exec WebSocket alike: no thread
watches, none is left behind.
"""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Sequence
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from bot.clients.own_names import OwnNames
from bot.clients.time_limit import seconds_left
from bot.domain.right_of_way import ACKS

CONNECT_SECONDS = 5.0
"""Longest wait for one address to accept a connection; the deadline may be sooner."""

CHUNK_BYTES = 64 * 1024
"""Read at once. A far end that announces more than it may send never gets a buffer of that size."""


def body_up_to(response: Any, limit_bytes: int) -> tuple[bytes, bool]:  # noqa: ANN401  # urllib3's, typed as Any by the client
    """Return the body of a response that was not read yet, at most `limit_bytes`, and whether more was offered.

    Nothing is decompressed: no request of ours asks for it, and a small body may unpack into a large one.
    """
    body = io.BytesIO()  # whose content is given away without a copy
    for chunk in response.stream(CHUNK_BYTES, decode_content=False):
        ACKS.give_way()  # before anything is made of it
        body.write(chunk)
        if body.tell() > limit_bytes:
            body.truncate(limit_bytes)
            return body.getvalue(), True
    return body.getvalue(), False


class TooMuchSent(Exception):
    """The far end sent more than this connection may carry."""


class _BoundedStream(io.RawIOBase):
    """The reading side of a bounded socket, as `http.client` wants it."""

    def __init__(self, inner: socket.socket, limit_bytes: int) -> None:
        self._inner = inner
        self._raw = inner.makefile("rb", buffering=0)
        self._bytes_left = limit_bytes

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  # the type that io.RawIOBase declares
        """Read what has arrived, waiting no longer than the deadline allows. Raises `TooMuchSent` beyond the limit."""
        if self._bytes_left <= 0:
            raise TooMuchSent
        self._inner.settimeout(seconds_left())
        size = self._raw.readinto(buffer)
        self._bytes_left -= size or 0
        return size

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class BoundedSocket:
    """A connected socket (plain or TLS) that takes its time-out from the deadline at every wait.

    What `makefile` gives reads at most `limit_bytes` in all.
    """

    def __init__(self, inner: socket.socket, *, limit_bytes: int = sys.maxsize) -> None:
        self._inner = inner
        self._limit_bytes = limit_bytes

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the socket has
        """Everything but waiting is the socket's own."""
        return getattr(self._inner, name)

    def makefile(self, mode: str = "rb", *_: object) -> io.BufferedReader:
        """Return a buffered reader."""
        if mode != "rb":
            raise ValueError(f"a bounded socket is read in mode rb, not {mode}")
        return io.BufferedReader(_BoundedStream(self._inner, self._limit_bytes))

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes."""
        self._inner.settimeout(seconds_left())
        return self._inner.recv(min(size, CHUNK_BYTES))

    def send(self, data: bytes) -> int:
        """Send some of `data`."""
        self._inner.settimeout(seconds_left())
        return self._inner.send(data)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        self._inner.settimeout(seconds_left())
        self._inner.sendall(data)


def connect(host: str, port: int, names: OwnNames, options: Sequence[tuple[Any, ...]] = ()) -> socket.socket:
    """Connect to the first address of `host` that accepts. Raises `OSError`, `TimeoutError` or `gaierror`."""
    rows = names.addresses(host, port)
    failure: OSError = OSError(f"{host} has no address")
    for position, (family, kind, protocol, _, address) in enumerate(rows):
        tried = socket.socket(family, kind, protocol)
        try:
            for option in options:
                tried.setsockopt(*option)
            tried.settimeout(min(CONNECT_SECONDS, seconds_left() / (len(rows) - position)))
            tried.connect(address)
            tried.settimeout(seconds_left())
        except OSError as error:
            tried.close()
            failure = error
        else:
            return tried
    raise failure


class _BoundedConnect:
    """Mixed into urllib3's connections: bounded name lookup, connect and, once connected, reads and writes."""

    own_names: OwnNames
    sock: Any

    def _new_conn(self: Any) -> socket.socket:
        try:
            made = connect(self._dns_host, self.port, self.own_names, self.socket_options or ())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {self.host}:{self.port} in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection to {self.host}:{self.port}: {error}") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return made

    def _bound(self) -> None:
        self.sock = BoundedSocket(self.sock)


def pool_classes(names: OwnNames) -> dict[str, type[HTTPConnectionPool]]:
    """Return pools by scheme, for a `PoolManager.pool_classes_by_scheme`."""

    class PlainConnection(_BoundedConnect, HTTPConnection):
        own_names = names

        def connect(self) -> None:
            super().connect()
            self._bound()

    class TlsConnection(_BoundedConnect, HTTPSConnection):
        own_names = names

        def connect(self) -> None:
            super().connect()
            self._bound()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": PlainPool, "https": TlsPool}
