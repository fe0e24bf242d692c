"""Runs programs on hosts of the network: what the AWS far end was told to run, from where it says.

POST /run                    {"vpc_id", "address", "files": {name: text}, "command": [word, …], "input",
                              "environment": {name: value}, "seconds"}
                             → {"stdout", "stderr", "exit_code"}
POST /wire/VPC_ID/ADDRESS    {"to", "port", "query": hexadecimal or null}      a datagram, or a connection
                             → {"answer": hexadecimal, "silence": "timed out" | "connection refused" | ""}
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.machines.wire import Wire, resolv_conf
from bot.sandbox.network.source import NetworkSource
from bot.sandbox.network.vpc import Vpc

_INSIDE = Path(__file__).parent / "inside"
_PROGRAMS = f"{Path(sys.executable).parent}:/usr/bin:/bin"
_TIMED_OUT = 124
"""The exit code of what ran too long, as timeout(1) gives it."""


class Machines:
    """All of them."""

    def __init__(self, network: NetworkSource) -> None:
        self._network = network
        self.url = ""
        """Where this is served; set before anything is run."""

    def application(self) -> web.Application:
        """Return what answers over HTTP."""
        application = web.Application()
        application.router.add_post("/run", self._run)
        application.router.add_post("/wire/{vpc_id}/{address}", self._carry)
        return application

    async def _vpc(self, vpc_id: str) -> Vpc:
        vpc = (await self._network.current()).vpc(vpc_id)
        if vpc is None:
            raise web.HTTPNotFound(text=f"no VPC {vpc_id}")
        return vpc

    async def _run(self, request: web.Request) -> web.Response:
        asked = await request.json()
        vpc_id, address = asked["vpc_id"], asked["address"]
        environment = {
            **asked["environment"],
            "PATH": _PROGRAMS,
            "PYTHONPATH": str(_INSIDE),
            "SANDBOX_WIRE": f"{self.url}/wire/{vpc_id}/{address}",
            "SANDBOX_RESOLV_CONF": resolv_conf(await self._vpc(vpc_id)),
        }
        with tempfile.TemporaryDirectory(prefix="dnsbot-machine-") as folder:
            for name, text in asked["files"].items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            return web.json_response(await _ran(asked, folder, environment))

    async def _carry(self, request: web.Request) -> web.Response:
        asked = await request.json()
        vpc = await self._vpc(request.match_info["vpc_id"])
        wire = Wire(await self._network.current(), vpc, request.match_info["address"])
        if asked["query"] is None:
            answer, silence = b"", wire.connect(asked["to"], asked["port"])
        else:
            answer, silence = wire.ask(asked["to"], asked["port"], bytes.fromhex(asked["query"]))
        return web.json_response({"answer": answer.hex(), "silence": silence})


async def _ran(asked: Any, folder: str, environment: dict[str, str]) -> dict[str, Any]:  # noqa: ANN401  # JSON
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *asked["command"], cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(asked["input"].encode()), asked["seconds"])
    except TimeoutError:
        process.kill()
        await process.wait()
        return {"stdout": "", "stderr": "timed out", "exit_code": _TIMED_OUT}
    return {
        "stdout": stdout.decode(errors="replace"),
        "stderr": stderr.decode(errors="replace"),
        "exit_code": process.returncode,
    }
