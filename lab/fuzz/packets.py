"""Real packets: each flow is one udp or tcp question to port 53 from a given source port, and its answer.

One thread holds the sockets of all namespaces (a socket stays where it was made) and waits for them together. A flow
is done when its answer has come or the filter names it as refused: no verdict rests on a time-out.
"""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lab.errors import LabError
from lab.namespaces import joined

_DNS = 53
_IDLE_SECONDS = 0.01
_DONE_SECONDS = 8.0
_AGAIN_SECONDS = 1.5
_BUFFER = 8 * 1024 * 1024
_BETWEEN = 64
"""After this many questions sent, answers are taken in between, so that no buffer overflows."""
_CLOSE_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """A question."""

    client: str
    client_port: int
    server: str
    protocol: str
    """udp or tcp."""


class Packets:
    """Answers on every address, and asks. Use as a context manager."""

    def __init__(self, netns: Mapping[str, str]) -> None:
        self._netns = dict(netns)
        self._selector = selectors.DefaultSelector()
        self._open: set[socket.socket] = set()
        self._answered: set[Flow] = set()
        self._asking: dict[tuple[str, int], socket.socket] = {}

    def __enter__(self) -> Self:
        """Start answering udp."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._answerers = [
            (self._socket(address, _DNS, socket.SOCK_DGRAM, self._answer_udp)) for address in sorted(self._netns)
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        for each in tuple(self._open):
            self._close(each)
        self._selector.close()

    def ask(self, flows: Collection[Flow], refused: Callable[[], Collection[Flow]]) -> frozenset[Flow]:
        """Send all questions; return the answered ones when every flow is answered or among `refused()`."""
        self._answered = set()
        kept = set(self._open)
        for address in sorted(self._netns):
            self._socket(address, _DNS, socket.SOCK_STREAM, self._accept).listen(4096)
        try:
            self._send(flows)
            self._until_done(frozenset(flows), refused)
        finally:
            for each in self._open - kept:
                self._close(each)
            self._asking = {}
        return frozenset(self._answered)

    def _send(self, flows: Iterable[Flow]) -> None:
        for number, flow in enumerate(sorted(flows)):
            if flow.protocol == "udp":
                self._ask_udp(flow)
            else:
                self._ask_tcp(flow)
            if number % _BETWEEN == 0:
                self._take(0)

    def _until_done(self, flows: frozenset[Flow], refused: Callable[[], Collection[Flow]]) -> None:
        started = time.monotonic()
        asked_again = False
        while True:
            while self._take(_IDLE_SECONDS):
                pass
            left = flows - self._answered
            if not left or not (left := left - set(refused())):
                return
            waited = time.monotonic() - started
            if waited > _DONE_SECONDS:
                raise LabError(
                    f"{len(left)} of {len(flows)} flows were neither answered nor refused: {sorted(left)[:3]}"
                )
            if waited > _AGAIN_SECONDS and not asked_again:
                asked_again = True
                for flow in left:
                    if flow.protocol == "udp":
                        self._ask_udp(flow)

    def _take(self, seconds: float) -> bool:
        """Handle what is ready; return whether anything was."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            with contextlib.suppress(BlockingIOError):
                key.data(key.fileobj)
        return bool(ready)

    def _socket(
        self, address: str, port: int, kind: socket.SocketKind, handle: Callable[[socket.socket], None]
    ) -> socket.socket:
        with joined(self._netns[address]):
            made = socket.socket(socket.AF_INET, kind)
        self._open.add(made)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind is socket.SOCK_DGRAM:
            made.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
        made.bind((address, port))
        self._watch(made, handle)
        return made

    def _watch(self, made: socket.socket, handle: Callable[[socket.socket], None], *, write: bool = False) -> None:
        self._selector.register(made, selectors.EVENT_WRITE if write else selectors.EVENT_READ, handle)

    def _close(self, made: socket.socket) -> None:
        self._open.discard(made)
        with contextlib.suppress(KeyError):
            self._selector.unregister(made)
        made.close()

    def _ask_udp(self, flow: Flow) -> None:
        key = flow.client, flow.client_port
        if key not in self._asking:

            def taken(ready: socket.socket) -> None:
                while True:
                    said, (server, _) = ready.recvfrom(512)
                    if said == f"{key[0]} {server}".encode():
                        self._answered.add(Flow(*key, server, "udp"))

            self._asking[key] = self._socket(*key, socket.SOCK_DGRAM, taken)
        self._asking[key].sendto(f"{flow.client} {flow.server}".encode(), (flow.server, _DNS))

    @staticmethod
    def _answer_udp(ready: socket.socket) -> None:
        while True:
            ready.sendto(*ready.recvfrom(512))

    def _ask_tcp(self, flow: Flow) -> None:
        question = f"{flow.client} {flow.server}".encode()

        def answered(ready: socket.socket) -> None:
            if _received(ready) == question:
                self._answered.add(flow)
            self._close(ready)

        def connected(ready: socket.socket) -> None:
            if ready.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._close(ready)
                return
            ready.send(question)
            self._selector.modify(ready, selectors.EVENT_READ, answered)

        made = self._socket(flow.client, flow.client_port, socket.SOCK_STREAM, connected)
        self._selector.unregister(made)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_AT_ONCE)
        made.connect_ex((flow.server, _DNS))
        self._watch(made, connected, write=True)

    def _accept(self, ready: socket.socket) -> None:
        while True:
            made, _ = ready.accept()
            self._open.add(made)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_AT_ONCE)
            self._watch(made, self._answer_tcp)

    def _answer_tcp(self, ready: socket.socket) -> None:
        question = _received(ready)
        if question:
            with contextlib.suppress(OSError):
                ready.send(question)
        else:
            self._close(ready)


def _received(ready: socket.socket) -> bytes:
    """Return what came; b"" where the other side is gone."""
    try:
        return ready.recv(512)
    except ConnectionError:
        return b""
