"""A proxy in front of a far end: adds a wait to each call, counts calls and bytes. Same for every program measured."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_REQUEST = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n")
_CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Certificate to serve with, and the authority of the server behind; a proxy without it is plain HTTP."""

    certificate: Path
    key: Path
    authority: Path


@dataclass
class Counts:
    """What went through since the last reset."""

    calls: Counter[str] = field(default_factory=Counter)
    """By kind: `log`, `exec`, `other`."""
    sent_and_received_bytes: int = 0


class CountingProxy:
    """Serves on a free loopback port while the context lasts, in a thread of its own.

    HTTP/1.1 only: it offers no HTTP/2, and no client here pipelines, so each request begins a chunk.
    """

    def __init__(self, port_behind: int, *, seconds_per_call: float, tls: Tls | None = None) -> None:
        self._port_behind, self._seconds, self._tls = port_behind, seconds_per_call, tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="counting-proxy", daemon=True)
        self.counts = Counts()
        self.port = 0

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; open connections end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def reset(self) -> None:
        """Count from nothing again."""
        self.counts = Counts()

    async def _serve(self) -> int:
        context = None
        if self._tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._tls.certificate, self._tls.key)
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context)
        return int(server.sockets[0].getsockname()[1])

    async def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        context = ssl.create_default_context(cafile=str(self._tls.authority)) if self._tls else None
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port_behind, ssl=context)
        pumps = (self._pump(client, to_server, calls=True), self._pump(server, to_client, calls=False))
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(*pumps)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, calls: bool) -> None:
        try:
            while chunk := await source.read(_CHUNK):
                self.counts.sent_and_received_bytes += len(chunk)
                if calls and (request := _REQUEST.match(chunk)):
                    self.counts.calls[_kind(request[2])] += 1
                    await asyncio.sleep(self._seconds)
                target.write(chunk)
                await target.drain()
        finally:
            target.close()


def _kind(path: bytes) -> str:
    before_query = path.partition(b"?")[0]
    return next((kind for kind in ("log", "exec") if before_query.endswith(f"/{kind}".encode())), "other")
