"""Runs a command in a container's namespaces and root, over `v5.channel.k8s.io`: a channel byte before each message."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets

from aiohttp import WSMsgType, web

from lab.kubernetes_api import Json

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = b"\x01", b"\x02", b"\x03"
_CHUNK_BYTES = 32 * 1024
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SIGNALLED = 128


async def serve_exec(request: web.Request, process_id: int) -> web.StreamResponse:
    """Run the command of the request beside `process_id` and send what it prints, then its status."""
    command = request.query.getall("command", [])
    socket = web.WebSocketResponse(protocols=_PROTOCOLS)
    if not command or not socket.can_prepare(request).ok:
        raise web.HTTPBadRequest(text="exec needs a command and a WebSocket")
    await socket.prepare(request)
    status = _missing(command[0]) if not _on_board(process_id, command[0]) else await _run(socket, process_id, command)
    if not socket.closed:
        await socket.send_bytes(_STATUS + json.dumps(status).encode())
        await socket.close()
    return socket


def _on_board(process_id: int, program: str) -> bool:
    """Tell whether the container's root has this program; links inside it are relative."""
    places = [program] if "/" in program else [f"{folder}/{program}" for folder in _PATH]
    return any(os.path.lexists(f"/proc/{process_id}/root{place}") for place in places)


async def _run(socket: web.WebSocketResponse, process_id: int, command: list[str]) -> Json:
    enter = ["nsenter", "--target", str(process_id), "--net", "--mount", "--root", "--wd"]
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", *enter, "--", *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": ":".join(_PATH)},
        start_new_session=True,
    )
    sending = [
        asyncio.create_task(_send(socket, channel, stream))
        for channel, stream in ((_STDOUT, process.stdout), (_STDERR, process.stderr))
    ]
    leaving = asyncio.create_task(_until_left(socket))
    ended = asyncio.create_task(_ended(process, sending))
    await asyncio.wait([leaving, ended], return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    code = await ended
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  # asyncio has no other way: nobody reads on
    leaving.cancel()
    return _status(command, code)


async def _ended(process: asyncio.subprocess.Process, sending: list[asyncio.Task[None]]) -> int:
    await asyncio.gather(*sending, return_exceptions=True)
    status = await process.wait()
    return status if status >= 0 else _SIGNALLED - status


async def _send(socket: web.WebSocketResponse, channel: bytes, stream: asyncio.StreamReader | None) -> None:
    while stream is not None and (data := await stream.read(_CHUNK_BYTES)):
        await socket.send_bytes(channel + data)


async def _until_left(socket: web.WebSocketResponse) -> None:
    """Return when the other side has closed the connection; what it sends is not read: there is no standard input."""
    while True:
        message = await socket.receive()
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
            return


def _missing(program: str) -> Json:
    """Return what containerd's runtime says of a program that an image lacks."""
    cause = f'exec: "{program}": executable file not found in $PATH: unknown'
    text = (
        "error executing command in container: failed to exec in container: "
        f'failed to start exec "{secrets.token_hex(32)}": '
        f"OCI runtime exec failed: exec failed: unable to start container process: {cause}"
    )
    message = f"Internal error occurred: {text}"
    details = {"causes": [{"message": text}]}
    return {
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "InternalError",
        "details": details,
        "code": 500,
    }


def _status(command: list[str], code: int) -> Json:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    said = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {said}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
