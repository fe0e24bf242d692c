"""A person's `kubectl exec` into a pod of a running world. Needs `websocket-client`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import websocket

_SECONDS = 15.0


def pod_exec(kubernetes_url: str, pod: dict[str, Any], *command: str) -> tuple[str, int]:
    """Run a command in a pod; return what it printed and its exit code (-1: it could not be started)."""
    metadata = pod["metadata"]
    query = urlencode([("command", part) for part in command] + [("stdout", "true"), ("stderr", "true")])
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/exec?{query}"
    socket = websocket.create_connection(
        kubernetes_url.replace("http", "ws", 1) + path,
        subprotocols=["v5.channel.k8s.io"],
        header=["Authorization: Bearer admin-token"],
        timeout=_SECONDS,
    )
    text, status = b"", b""
    try:
        while True:
            opcode, data = socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return text.decode(), _exit_code(json.loads(status))
            if data[0] in (1, 2):
                text += data[1:]
            else:
                status += data[1:]
    finally:
        socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client; close() leaves the socket open


def dig(kubernetes_url: str, pod: dict[str, Any], server: str, name: str, *, tcp: bool = False) -> str:
    """Return what one `dig` prints in a pod."""
    options = ["+time=2", "+tries=1", "+noall", "+comments", "+answer", *(["+tcp"] if tcp else [])]
    return pod_exec(kubernetes_url, pod, "dig", *options, f"@{server}", name, "A")[0]


def _exit_code(status: dict[str, Any]) -> int:
    if status["status"] == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    return next((int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"), -1)
