"""Socket Mode: each envelope goes to one open connection, and again to another when it was not acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.slack.roster import APP_ID
from bot.sandbox.slack.transport import Acked, Delivery, Kind

CONNECTIONS = 10
"""How many an app may hold open."""


@dataclass(slots=True, eq=False)
class Connection:
    """One open WebSocket."""

    socket: web.WebSocketResponse
    request: web.Request
    deaf: bool = False
    """Nothing that comes over it is answered any more, pings neither."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class SocketMode:
    """All connections of the app. Every method runs in the server's event loop."""

    def __init__(self) -> None:
        self.tickets: set[str] = set()
        self.connections: list[Connection] = []
        self.sent_to: list[tuple[str, int]] = []
        """(envelope id, index of the connection at that time), for tests."""
        self._waiting: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._turn = 0
        self._came = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self.tickets or len(self.connections) >= CONNECTIONS:
            return web.Response(status=404, text="this ticket opens nothing")
        self.tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.append(connection)
        await socket.send_str(json.dumps(self._hello()))
        self._came.set()
        try:
            async for message in socket:
                if connection.deaf:
                    continue
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(message.data)
                elif message.type is WSMsgType.PING:
                    await socket.pong(message.data)
        finally:
            if connection in self.connections:
                self.connections.remove(connection)
            connection.closed.set()
        return socket

    async def send(self, delivery: Delivery, timeout_seconds: float, *, retry: int = 0) -> Acked:
        """Send an envelope to one connection; if that one closes first, to another; wait for the answer."""
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        answer = self._waiting.setdefault(delivery.envelope_id, loop.create_future())
        try:
            async with asyncio.timeout(timeout_seconds):
                while not answer.done():
                    await self._once(delivery, answer, retry)
        except TimeoutError:
            return Acked(status=0, took_ms=int((time.monotonic() - started) * 1000))
        finally:
            self._waiting.pop(delivery.envelope_id, None)
        payload = answer.result()
        body = json.dumps(payload) if payload else ""
        return Acked(status=200, body=body, took_ms=int((time.monotonic() - started) * 1000))

    async def disconnect(self, reason: str) -> None:
        """Ask every connection to go, then close it, as Slack does when it refreshes its servers."""
        for connection in list(self.connections):
            await connection.socket.send_str(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {}}))
            await connection.socket.close()

    async def drop(self, *, silently: bool) -> None:
        """Lose every connection without a word: cut off, or, silently, left open with nobody behind it."""
        for connection in list(self.connections):
            self.connections.remove(connection)
            connection.closed.set()
            connection.deaf = True
            if not silently and connection.request.transport is not None:
                connection.request.transport.abort()

    async def _once(self, delivery: Delivery, answer: asyncio.Future[Mapping[str, Any]], retry: int) -> None:
        while not self.connections:
            self._came.clear()
            await self._came.wait()
        index = self._turn % len(self.connections)
        self._turn += 1
        connection = self.connections[index]
        self.sent_to.append((delivery.envelope_id, index))
        try:
            await connection.socket.send_str(json.dumps(_envelope(delivery, retry)))
        except ConnectionError:
            await asyncio.sleep(0.01)
            return
        closed: asyncio.Future[Any] = asyncio.create_task(connection.closed.wait())
        either: set[asyncio.Future[Any]] = {closed, answer}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()

    def _acknowledged(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        waiting = self._waiting.get(str(message.get("envelope_id", "")))
        if waiting is not None and not waiting.done():
            waiting.set_result(message.get("payload") or {})

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {"host": "applink-local", "approximate_connection_time": 18060},
        }


def _envelope(delivery: Delivery, retry: int) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "envelope_id": delivery.envelope_id,
        "type": delivery.kind.value,
        "payload": dict(delivery.payload),
        "accepts_response_payload": delivery.kind is not Kind.EVENT,
    }
    if retry:
        envelope |= {"retry_attempt": retry, "retry_reason": "timeout"}
    return envelope
