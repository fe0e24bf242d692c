"""What a kubelet serves over HTTPS to the API server: container logs, and exec over a WebSocket."""

from __future__ import annotations

import asyncio
import http
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from lab.certificates import Certificates
from lab.node_agent.container import Container
from lab.node_agent.container_logs import LogQuery, read_log
from lab.node_agent.exec_stream import serve_exec
from lab.node_agent.pod_keeper import PodKeeper

PORT = 10250
Find = Callable[[str, str], PodKeeper | None]
"""find(namespace, name)"""


class KubeletServer:
    """Serves all nodes of one agent on loopback; the API server finds them by their Hostname address."""

    def __init__(self, find: Find, certificates: Certificates) -> None:
        self._find, self._certificates = find, certificates
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to serve."""
        application = web.Application()
        pod = "{namespace}/{pod}/{container}"
        application.router.add_get(f"/containerLogs/{pod}", self._logs)
        application.router.add_get(f"/exec/{pod}", self._exec)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificates.server, self._certificates.server_key)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", PORT, ssl_context=context).start()

    async def stop(self) -> None:
        """End; what runs over exec ends with its connection.

        A TLS connection waits for its peer's farewell when it is closed, and the API server may be gone: it is cut off.
        """
        if self._runner is None:
            return
        server = self._runner.server
        transports = [one.transport for one in server.connections if one.transport] if server else []
        await self._runner.cleanup()
        for transport in transports:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        await asyncio.sleep(0.01)  # for the loop to close their sockets

    def _container(self, request: web.Request) -> Container:
        asked = request.match_info
        keeper = self._find(asked["namespace"], asked["pod"])
        if keeper is None:
            raise web.HTTPNotFound(text=f'pod "{asked["pod"]}" does not exist')
        container = keeper.container(asked["container"])
        if container is None:
            text = f'container "{asked["container"]}" in pod "{asked["pod"]}" is waiting to start: ContainerCreating'
            raise web.HTTPBadRequest(text=text)
        return container

    async def _logs(self, request: web.Request) -> web.Response:
        state = self._container(request).state
        run = state.previous if request.query.get("previous") == "true" else state.run
        name, pod = state.name, request.match_info["pod"]
        if request.query.get("previous") == "true" and state.waiting:
            run = state.run  # a container that waits has its last run behind it
        if run is None and request.query.get("previous") == "true":
            raise web.HTTPBadRequest(text=f'previous terminated container "{name}" in pod "{pod}" not found')
        if run is None:
            raise web.HTTPBadRequest(text=f'container "{name}" in pod "{pod}" is waiting to start: {state.waiting}')
        if request.query.get("follow") == "true":
            raise web.HTTPNotImplemented(text="this kubelet does not follow logs")
        return web.Response(body=_read(run.log, _query(request)), content_type="text/plain")

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        container = self._container(request)
        run = container.state.run
        if run is None or run.ended is not None:
            text = f'container not found ("{container.state.name}")'
            return web.Response(status=http.HTTPStatus.INTERNAL_SERVER_ERROR, text=text)
        return await serve_exec(request, run.process_id)


def _read(path: Path, query: LogQuery) -> bytes:
    return read_log(path, query) if path.exists() else b""


def _query(request: web.Request) -> LogQuery:
    asked = request.query
    since = datetime.fromisoformat(asked["sinceTime"]) if "sinceTime" in asked else None
    if "sinceSeconds" in asked:
        since = datetime.now(UTC) - timedelta(seconds=int(asked["sinceSeconds"]))
    return LogQuery(
        tail_lines=int(asked["tailLines"]) if "tailLines" in asked else None,
        since=since,
        timestamps=asked.get("timestamps") == "true",
        limit_bytes=int(asked["limitBytes"]) if "limitBytes" in asked else None,
    )
