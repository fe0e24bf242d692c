"""Hosts in other networks, from whose pods the bot looks names up, as their people would have put them there.

What runs there is real: a container in that network's namespace with a resolv.conf of its own, and what is executed in
it. Of its cluster's API server there is as much as the bot calls: the list of pods, with this one, and exec.
Source: Kubernetes API reference, Pod v1 core, list and exec.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.running.started import Started
from bot.sandbox.world.world import PROBE_IMAGE, PROBE_SELECTOR
from lab.errors import LabError
from lab.kubernetes_api import Json
from lab.namespaces import Run
from lab.node_agent.container import is_inside
from lab.node_agent.exec_stream import serve_exec
from lab.node_agent.images import root_of
from lab.programs import Programs

_LAUNCH = str(Path(__file__).parent / "node_agent" / "launch.py")
_SECONDS = 20.0
_PAUSE_SECONDS = 0.02
_NAMESPACE, _NAME = "dns-probe", "dnsprobe"


class OutsideHosts(Started):
    """Serves in the namespace of the thread that starts it, until `stop`."""

    def __init__(self, run: Run, programs: Programs) -> None:
        self._run, self._programs = run, programs
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab-outside", daemon=True)
        self._runners: list[web.AppRunner] = []

    def start(self) -> None:
        """Begin, without any host."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more; the containers end with the run."""
        if not self._thread.is_alive():
            return
        for runner in self._runners:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self._loop).result(_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def add(self, name: str, netns: str, *, address: str, nameserver: str) -> str:
        """Start the container of a host whose namespace (full name) has `address`; return its cluster's URL."""
        process = self._begin(name, netns, nameserver)
        pod = _pod(name, address)
        return asyncio.run_coroutine_threadsafe(self._serve(pod, process.pid), self._loop).result(_SECONDS)

    def _begin(self, name: str, netns: str, nameserver: str) -> subprocess.Popen[bytes]:
        folder = self._run.directory / f"outside-{name}"
        folder.mkdir()
        (folder / "resolv.conf").write_text(f"nameserver {nameserver}\n", encoding="utf-8")
        root = root_of(PROBE_IMAGE, (), self._programs)
        launched = {
            "root": str(folder / "root"),
            "mounts": [*root.mounts, (str(folder / "resolv.conf"), "/etc/resolv.conf")],
            "links": root.links,
            "program": root.program,
            "arguments": root.arguments,
            "environment": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            "memory_group": "",
        }
        file = folder / "launch.json"
        file.write_text(json.dumps(launched), encoding="utf-8")
        process = self._run.run_in(netns, [sys.executable, "-I", "-S", _LAUNCH, str(file)], stdin=subprocess.DEVNULL)
        until = time.monotonic() + _SECONDS
        while not is_inside(process.pid):
            if process.poll() is not None or time.monotonic() > until:
                raise LabError(f"the host of {name} did not start: its container ended with {process.poll()}")
            time.sleep(_PAUSE_SECONDS)
        return process

    async def _serve(self, pod: Json, process_id: int) -> str:
        async def pods(_: web.Request) -> web.Response:
            return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod]})

        async def run(request: web.Request) -> web.StreamResponse:
            return await serve_exec(request, process_id)

        application = web.Application()
        application.router.add_get("/api/v1/pods", pods)
        application.router.add_get(f"/api/v1/namespaces/{_NAMESPACE}/pods/{pod['metadata']['name']}/exec", run)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"


def _pod(name: str, address: str) -> Json:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    key, _, value = PROBE_SELECTOR.partition("=")
    container: dict[str, Any] = {"name": _NAME, "image": PROBE_IMAGE}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{_NAME}-{name}",
            "namespace": _NAMESPACE,
            "uid": f"outside-{name}",
            "creationTimestamp": now,
            "labels": {key: value},
        },
        "spec": {"nodeName": f"{name}-node", "hostNetwork": True, "dnsPolicy": "Default", "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "startTime": now,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            "containerStatuses": [
                {**container, "ready": True, "restartCount": 0, "state": {"running": {"startedAt": now}}}
            ],
        },
    }
