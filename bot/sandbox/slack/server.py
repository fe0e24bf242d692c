"""The HTTP and WebSocket side: an aiohttp server in a thread and event loop of its own, on loopback only."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from bot.sandbox.slack.bodies import ApiArguments, UnreadableBody, read_arguments
from bot.sandbox.slack.faults import FaultKind, Faults, WebFault
from bot.sandbox.slack.file_api import FILE_METHODS, receive
from bot.sandbox.slack.response_urls import respond
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.view_api import VIEW_METHODS
from bot.sandbox.slack.web_api import METHODS, Answer, ApiRefused, Method
from bot.sandbox.slack.workspace import Workspace

T = TypeVar("T")
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One call that the app made, for tests."""

    method: str
    """As `chat.postMessage`; a response address is `response_url`."""
    arguments: dict[str, Any]
    body: str
    at: float
    """Unix time."""
    error: str
    """Slack's error code, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The secrets that the app is configured with."""

    bot: str
    app: str
    signing_secret: str


class Server:
    """The server; `start` returns once it listens."""

    def __init__(self, workspace: Workspace, tokens: Tokens, faults: Faults) -> None:
        self.requests: list[ApiRequest] = []
        self.port = 0
        self.socket_mode = SocketMode()
        self._workspace = workspace
        self._tokens = tokens
        self._faults = faults
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slack-far-end", daemon=True)
        self._runner: web.AppRunner | None = None

    def start(self, port: int) -> None:
        """Listen on this port of 127.0.0.1; 0: a free one."""
        self._thread.start()
        self.port = self.run(self._listen(port))

    def stop(self) -> None:
        """Close everything and end the thread."""
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run this in the server's loop and return what it gives; for other threads."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, port: int) -> int:
        application = web.Application(middlewares=[self._our_host_only], client_max_size=4 * 1024 * 1024)
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_post("/response/{name}", self._response_url)
        application.router.add_post("/upload/{name}", self._upload)
        application.router.add_get("/link/", self.socket_mode.handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        for connection in list(self.socket_mode.connections):
            await connection.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    @web.middleware
    async def _our_host_only(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401  # aiohttp's type
        if request.host.partition(":")[0] not in {LOOPBACK, "localhost"}:  # slack_sdk's WebSocket leaves the port out
            return web.Response(status=400, text=f"this server is not {request.host}\n")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            arguments = await read_arguments(request)
        except UnreadableBody as error:
            return web.json_response({"ok": False, "error": str(error)})
        fault = self._faults.take(method)
        if fault is not None and (refused := _refused_by(fault)) is not None:
            self._log(method, arguments, fault.error if fault.kind is FaultKind.ERROR else fault.kind.value)
            return refused
        answer = self._answer(method, arguments)
        return await _after(fault, request, web.json_response(answer))

    def _answer(self, method: str, arguments: ApiArguments) -> Answer:
        try:
            self._admit(method, arguments.token)
            function = _method(method)
            with self._workspace.held() as workspace:
                answer: Answer = {"ok": True, **function(workspace, arguments.values)}
        except ApiRefused as refusal:
            answer = refusal.answer()
        except (TypeError, ValueError, KeyError, AttributeError):
            answer = {"ok": False, "error": "invalid_arguments"}
        if "ticket" in answer:
            self.socket_mode.tickets.add(answer["ticket"])
            answer["url"] = f"ws://{LOOPBACK}:{self.port}/link/?ticket={answer.pop('ticket')}"
        if "upload" in answer:
            answer["upload_url"] = f"http://{LOOPBACK}:{self.port}/upload/{answer.pop('upload')}"
        self._log(method, arguments, str(answer.get("error", "")))
        return answer

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.take("upload")
        if fault is not None and (refused := _refused_by(fault)) is not None:
            return refused
        content = await request.read()
        with self._workspace.held() as workspace:
            status = receive(workspace, request.match_info["name"], content)
        return await _after(fault, request, web.Response(status=status, text=f"{status} - {len(content)}"))

    def _admit(self, method: str, token: str) -> None:
        if method == "api.test":
            return
        if not token:
            raise ApiRefused("not_authed")
        if token not in {self._tokens.bot, self._tokens.app}:
            raise ApiRefused("invalid_auth")
        if (method == "apps.connections.open") is not (token == self._tokens.app):
            raise ApiRefused("not_allowed_token_type")

    async def _response_url(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        fault = self._faults.take("response_url")
        arguments = ApiArguments(token="", values=_json_object(body), body=body)
        if fault is not None and (refused := _refused_by(fault)) is not None:
            self._log("response_url", arguments, fault.kind.value)
            return refused
        error, status = "", 200
        try:
            with self._workspace.held() as workspace:
                respond(workspace, request.match_info["name"], arguments.values)
        except ApiRefused as refusal:
            error, status = refusal.code, 404 if refusal.code in {"used_url", "expired_url"} else 400
        self._log("response_url", arguments, error)
        text = json.dumps({"ok": False, "error": error}) if error else "ok"
        return await _after(fault, request, web.Response(status=status, text=text))

    def _log(self, method: str, arguments: ApiArguments, error: str) -> None:
        entry = ApiRequest(method=method, arguments=arguments.values, body=arguments.body, at=time.time(), error=error)
        self.requests.append(entry)


def _method(name: str) -> Method:
    function = METHODS.get(name) or VIEW_METHODS.get(name) or FILE_METHODS.get(name)
    if function is None:
        raise ApiRefused("unknown_method")
    return function


def _json_object(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _refused_by(fault: WebFault) -> web.StreamResponse | None:
    if fault.kind is FaultKind.RATE_LIMITED:
        headers = {"Retry-After": str(fault.retry_after_seconds)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    if fault.kind is FaultKind.ERROR:
        return web.json_response({"ok": False, "error": fault.error})
    if fault.kind is FaultKind.DOWN:
        return web.Response(status=500, text="Internal Server Error")
    return None


async def _after(fault: WebFault | None, request: web.Request, answer: web.Response) -> web.StreamResponse:
    if fault is not None and fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.seconds)
    if fault is not None and fault.kind is FaultKind.LOST_ANSWER and request.transport is not None:
        request.transport.abort()
    return answer
