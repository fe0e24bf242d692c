"""Makes the Python process that finds this on its path one of a host in the simulated network.

Queries over UDP and TCP connections go to the wire that `SANDBOX_WIRE` names, except to this very machine; an agreement
on TLS is reached wherever a connection is. /etc/resolv.conf is the host's.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import ipaddress
import json
import os
import socket
import ssl
import urllib.request
from typing import Any

_WIRE = os.environ.get("SANDBOX_WIRE", "")
_RESOLV_CONF = os.environ.get("SANDBOX_RESOLV_CONF", "")
_SECONDS = 30.0


def _carried(to: str, port: int, query: bytes | None = None) -> bytes:
    """Return what comes back. Raises as the kernel does where nothing comes, or nobody listens there."""
    asked = {"to": to, "port": port, "query": None if query is None else query.hex()}
    request = urllib.request.Request(_WIRE, data=json.dumps(asked).encode(), method="POST")  # noqa: S310  # loopback
    with urllib.request.urlopen(request, timeout=_SECONDS) as came:  # noqa: S310  # the same
        found = json.load(came)
    if found["silence"] == "timed out":
        raise TimeoutError("timed out")
    if found["silence"]:
        raise ConnectionRefusedError(111, "Connection refused")
    return bytes.fromhex(found["answer"])


class HostSocket(socket.socket):
    """A socket of the host."""

    far: tuple[str, int] | None = None
    """Where it leads, if beyond this machine."""
    _answer = b""

    def connect(self, address: Any) -> None:  # noqa: ANN401  # as the standard library declares it
        """Lead to an address; over TCP it must answer."""
        if ipaddress.ip_address(address[0]).is_loopback:
            super().connect(address)
            return
        self.far = (address[0], int(address[1]))
        if self.type == socket.SOCK_STREAM:
            _carried(*self.far)

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: ANN401  # the same
        """Send a query."""
        if self.far is None:
            return super().send(data, flags)
        self._answer = _carried(*self.far, bytes(data))
        return len(data)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return the answer to it."""
        return super().recv(bufsize, flags) if self.far is None else self._answer[:bufsize]


_open, _wrap_socket = builtins.open, ssl.SSLContext.wrap_socket


def _open_on_host(file: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # as the standard library declares it
    return io.StringIO(_RESOLV_CONF) if file == "/etc/resolv.conf" else _open(file, *arguments, **named)


def _agree(context: ssl.SSLContext, sock: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # the same
    if isinstance(sock, HostSocket) and sock.far is not None:
        return contextlib.nullcontext(sock)
    return _wrap_socket(context, sock, *arguments, **named)


if _WIRE:
    socket.socket = HostSocket  # type: ignore[misc]  # the host's own
    builtins.open = _open_on_host
    ssl.SSLContext.wrap_socket = _agree  # type: ignore[assignment, method-assign]  # the same
