"""The API server in a thread, with a network that the caller owns and a small HTTP client. For tests.

Needs `websocket-client` for exec.
"""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

import websocket
from aiohttp import web

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.faults import Faults
from bot.sandbox.kubernetes.program import Programs, load_programs
from bot.sandbox.kubernetes.server import ApiServer
from bot.sandbox.kubernetes.small_cluster import open_vpc
from bot.sandbox.network.branch_interfaces import BranchMaker
from bot.sandbox.network.cluster_addons import AddonSource
from bot.sandbox.network.source import FixedNetwork
from bot.sandbox.network.vpc import Vpc

T = TypeVar("T")
_PAUSE_SECONDS = 0.01


class ServedCluster:
    """A server on a free port of this machine. The cluster takes turns only when told to, or by itself (`turning`)."""

    def __init__(
        self,
        *,
        turning: bool = False,
        programs: Programs | None = None,
        branches: BranchMaker | None = None,
        addons: AddonSource | None = None,
    ) -> None:
        self.network = FixedNetwork(open_vpc())
        self.cluster = Cluster(self.network, programs or load_programs(), seed=1, branches=branches, addons=addons)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = self._in_loop(self._start())
        self._turning = asyncio.run_coroutine_threadsafe(self._keep_turning(), self._loop) if turning else None

    @property
    def home(self) -> Vpc:
        """The cluster's VPC, which the caller may replace."""
        return self.network.home

    @home.setter
    def home(self, vpc: Vpc) -> None:
        self.network.home = vpc

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> str:
        self._server = ApiServer(self.cluster, Faults())
        self._runner = web.AppRunner(self._server.application(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _keep_turning(self) -> None:
        while True:
            await self.cluster.step()
            await asyncio.sleep(_PAUSE_SECONDS)

    def forget_pages(self) -> None:
        """Let every continue token be too old."""
        self._server.forget_pages()

    def stop(self) -> None:
        """End the server."""
        if self._turning is not None:
            self._turning.cancel()
        self._in_loop(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def turn(self, times: int = 1) -> None:
        """Let the cluster take turns; it takes none by itself here."""
        for _ in range(times):
            self._in_loop(self.cluster.step())

    def settle(self) -> None:
        """Let the cluster take turns until nothing moves."""
        for _ in range(60):
            self.turn()
            if self.cluster.settled():
                return
        raise TimeoutError("the cluster does not come to rest")

    def put(self, *objects: dict[str, Any]) -> None:
        """Create or replace objects, as an operator would."""
        self._must("POST", "/sandbox/objects", list(objects))

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "admin-token",  # noqa: S107  # opens the sandbox alone
        **headers: str,
    ) -> tuple[int, Any]:
        """Send a request; return the HTTP status and the JSON body (text where it is none)."""
        data = None if body is None else json.dumps(body).encode()
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        if token:
            named["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=named)  # noqa: S310  # loopback
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
                status, kind, text = answer.status, answer.headers.get_content_type(), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, kind, text = error.code, error.headers.get_content_type(), error.read().decode()
        return status, json.loads(text) if kind == "application/json" else text

    def get(self, path: str) -> Any:  # noqa: ANN401  # JSON
        """Return the body of a GET that must succeed."""
        return self._must("GET", path)

    def _must(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # JSON
        status, answer = self.ask(method, path, body)
        if status != HTTPStatus.OK:
            message = f"{method} {path}: {status} {answer}"
            raise ValueError(message)
        return answer

    def patch(self, path: str, body: object, **options: str) -> tuple[int, Any]:
        """Send a strategic-merge patch."""
        return self.ask("PATCH", path, body, Content_Type="application/strategic-merge-patch+json", **options)

    def pods(self, labels: str = "", namespace: str = "") -> list[dict[str, Any]]:
        """Return pods."""
        where = f"/namespaces/{namespace}" if namespace else ""
        items: list[dict[str, Any]] = self.get(f"/api/v1{where}/pods?{urlencode({'labelSelector': labels})}")["items"]
        return items

    def run(
        self,
        pod: dict[str, Any],
        *command: str,
        protocol: str = "v5.channel.k8s.io",
        token: str = "reader-token",  # noqa: S107  # as above
    ) -> tuple[str, str, dict[str, Any]]:
        """Run a command in a pod; return standard output, standard error and the Status."""
        metadata = pod["metadata"]
        query = urlencode([("command", part) for part in command] + [("stdout", "true"), ("stderr", "true")])
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/exec?{query}"
        socket = websocket.create_connection(
            self.url.replace("http", "ws") + path,
            subprotocols=[protocol],
            header=[f"Authorization: Bearer {token}"],
            timeout=5,
        )
        said: dict[int, bytes] = {1: b"", 2: b"", 3: b""}
        while True:
            opcode, data = socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                break
            said[data[0]] += data[1:]
        socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client; close() leaves the socket open
        return said[1].decode(), said[2].decode(), json.loads(said[3])

    def dig(self, pod: dict[str, Any], server: str, name: str, *, tcp: bool = False) -> str:
        """Return what dig prints in a pod."""
        options = ["+time=2", "+tries=1", "+noall", "+comments", "+answer", *(["+tcp"] if tcp else [])]
        return self.run(pod, "dig", *options, f"@{server}", name, "A")[0]
