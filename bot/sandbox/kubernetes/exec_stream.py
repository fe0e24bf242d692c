"""Exec over websocket: `v5.channel.k8s.io` and `v4.channel.k8s.io`, a channel byte before each message."""

from __future__ import annotations

import json

from aiohttp import web

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.refusals import Refusal, bad_request, not_implemented
from bot.sandbox.kubernetes.resources import PODS, Json
from bot.sandbox.kubernetes.tools.toolbox import Finished, NotStarted

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = b"\x01", b"\x02", b"\x03"
_CHUNK_BYTES = 32 * 1024
TRUNCATE = web.RequestKey("truncate", bool)
"""Key of the request: the connection ends after the output, before the status."""


def _container(pod: Json, asked: str) -> str:
    beside = pod["spec"].get("ephemeralContainers") or []
    names = [container["name"] for container in (*pod["spec"]["containers"], *beside)]
    if not asked:
        return str(names[0])
    if asked not in names:
        raise bad_request(f"container {asked} is not valid for pod {pod['metadata']['name']}")
    return asked


async def serve_exec(request: web.Request, cluster: Cluster, namespace: str, name: str) -> web.StreamResponse:
    """Run the command of the request in a pod and send what it printed, then its status."""
    pod = cluster.store.get(PODS, namespace, name)
    container = _container(pod, request.query.get("container", ""))
    command = request.query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least one command for the container")
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    if not cluster.runs(pod, container):
        message = f'unable to upgrade connection: container not found ("{container}")'
        raise Refusal(500, "InternalError", message)
    socket = web.WebSocketResponse(protocols=_PROTOCOLS)
    offered = socket.can_prepare(request)
    if not offered.ok:
        raise not_implemented("exec other than over a websocket")
    if offered.protocol not in _PROTOCOLS:
        raise bad_request("unable to upgrade: no subprotocol of v5.channel.k8s.io, v4.channel.k8s.io was offered")
    outcome = await cluster.run(pod, container, command)
    await socket.prepare(request)
    await _send(socket, request, outcome, command)
    return socket


async def _send(
    socket: web.WebSocketResponse, request: web.Request, outcome: Finished | NotStarted, command: list[str]
) -> None:
    printed = outcome.stdout.encode() + (outcome.data if isinstance(outcome, Finished) else b"")
    for channel, data in ((_STDOUT, printed), (_STDERR, outcome.stderr.encode())):
        for start in range(0, len(data), _CHUNK_BYTES):
            await socket.send_bytes(channel + data[start : start + _CHUNK_BYTES])
    if request.get(TRUNCATE) and request.transport is not None:
        request.transport.close()
        return
    await socket.send_bytes(_ERROR + json.dumps(_status(outcome, command)).encode())
    await socket.close()


def _status(outcome: Finished | NotStarted, command: list[str]) -> Json:
    if isinstance(outcome, NotStarted):
        message = f"Internal error occurred: {outcome.reason}"
        return {
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": "InternalError",
            "details": {"causes": [{"message": outcome.reason}]},
            "code": 500,
        }
    if outcome.exit_code == 0:
        return {"metadata": {}, "status": "Success"}
    said = f"error executing command [{' '.join(command)}], exit code {outcome.exit_code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {said}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(outcome.exit_code)}]},
    }
