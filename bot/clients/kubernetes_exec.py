"""Runs a fixed argument list in a container, over a WebSocket of our own.

The official client's `stream()` swaps a method of the client that other threads are using, bounds
neither connect nor handshake, and loses the exit code when it times out; hence this. Protocol:
`v5.channel.k8s.io` or v4: each message begins with its channel's number (1 standard output,
2 standard error, 3 a `Status` with the exit code).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import websocket
from kubernetes.client.configuration import Configuration
from urllib3.util.ssl_ import create_urllib3_context

from bot.clients.answers import json_object
from bot.clients.kubernetes_api import KubernetesApi, our_errors
from bot.clients.kubernetes_errors import KubernetesCall, refusal, status_message, status_object
from bot.clients.own_names import OwnNames
from bot.clients.time_limit import within
from bot.clients.wire import BoundedSocket, connect
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ExecResult
from bot.errors import EvidenceUnavailable, SourceGarbled, SourceTimeout, SourceUnreachable

MAX_STREAM_BYTES = 64 * 1024
"""Kept of each stream; what follows is read and dropped, so that the exit code still arrives."""

_SUBPROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_SWITCHING_PROTOCOLS = 101
_NO_PROGRAM = re.compile(r"executable file not found|no such file or directory|OCI runtime exec failed", re.IGNORECASE)
_EXIT_CODE = re.compile(r"exit (?:code|status) (\d+)")
_COMMAND_NOT_FOUND = 127


class KubernetesProber:
    """Implements `ports.Prober`. Every run ends by `deadline`; connections are not shared."""

    def __init__(self, api: KubernetesApi, names: OwnNames, deadline: Deadline) -> None:
        self._api = api
        self._names = names
        self._deadline = deadline

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """See `Prober.run`. A program that the image lacks is an `ExecResult` with exit code 126 or 127."""
        call = KubernetesCall(verb="create", resource="pods/exec", namespace=pod.namespace, name=pod.name)
        with within(self._deadline), our_errors(call, self._api.login):
            try:
                return self._run(call, pod, container, arguments)
            except websocket.WebSocketBadStatusException as error:
                return _refused(call, error)
            except websocket.WebSocketTimeoutException as error:
                raise SourceTimeout(f"Cannot {call}: `{' '.join(arguments)}` gave no whole answer in time.") from error
            except websocket.WebSocketConnectionClosedException as error:
                raise SourceUnreachable(f"Cannot {call}: the connection was lost before the exit code came.") from error
            except websocket.WebSocketException as error:
                raise SourceGarbled(f"Cannot {call}: the answer is no exec stream ({error}).") from error

    def _run(self, call: KubernetesCall, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        query = [*(("command", argument) for argument in arguments), ("container", container)]
        query += [("stdout", "true"), ("stderr", "true")]
        path = f"/api/v1/namespaces/{quote(pod.namespace, safe='')}/pods/{quote(pod.name, safe='')}/exec"
        configuration = self._api.login.client().configuration
        _, url, headers, *_ = self._api.login.serialised(method="GET", resource_path=path, header_params={})
        stream = self._open(call, configuration, f"{url}?{urlencode(query)}", headers)
        try:
            result = _collect(call, stream)
        finally:
            stream.shutdown()
        self._api.traffic.count(sent_bytes=0, received_bytes=len(result.stdout) + len(result.stderr))
        return result

    def _open(self, call: KubernetesCall, configuration: Configuration, url: str, headers: dict[str, str]) -> Any:  # noqa: ANN401  # websocket-client has no types
        if configuration.proxy:
            raise EvidenceUnavailable(f"Cannot {call}: looking up from inside pods does not go through a proxy.")
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        made = connect(host, parts.port or (443 if secure else 80), self._names)
        try:
            if secure:
                made = _tls(configuration).wrap_socket(made, server_hostname=configuration.tls_server_name or host)
            stream = websocket.WebSocket(enable_multithread=False)
            stream.connect(  # type: ignore[no-untyped-call]
                url.replace("http", "ws", 1),
                socket=BoundedSocket(made),
                subprotocols=_SUBPROTOCOLS,
                header=[f"{name}: {value}" for name, value in headers.items()],
                suppress_origin=True,
                redirect_limit=0,
            )
        except BaseException:
            made.close()
            raise
        if stream.getstatus() != _SWITCHING_PROTOCOLS:
            stream.shutdown()  # type: ignore[no-untyped-call]
            raise SourceGarbled(f"Cannot {call}: {stream.getstatus()} instead of an exec stream.")
        return stream


def _tls(configuration: Configuration) -> ssl.SSLContext:
    """Return the TLS settings that the official client uses for the same server."""
    context = create_urllib3_context()
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = configuration.assert_hostname is not False
        if configuration.ssl_ca_cert or configuration.ca_cert_data:
            context.load_verify_locations(configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
        else:
            context.load_default_certs()
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _collect(call: KubernetesCall, stream: Any) -> ExecResult:  # noqa: ANN401  # websocket-client has no types
    kept = {_STDOUT: bytearray(), _STDERR: bytearray()}
    while True:
        opcode, message = stream.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE or not message:
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise SourceUnreachable(f"Cannot {call}: the stream was closed before the exit code came.")
            continue
        channel, data = message[0], message[1:]
        if channel in kept:
            kept[channel] += data[: MAX_STREAM_BYTES - len(kept[channel])]
        elif channel == _STATUS:
            stdout, stderr = (kept[of].decode("utf-8", errors="replace") for of in (_STDOUT, _STDERR))
            return _result(call, stdout, stderr, data)


def _result(call: KubernetesCall, stdout: str, stderr: str, body: bytes) -> ExecResult:
    status = json_object(body, str(call))
    if status.get("status") == "Success":
        return ExecResult(stdout=stdout, stderr=stderr, exit_code=0)
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdigit():
            return ExecResult(stdout=stdout, stderr=stderr, exit_code=int(cause["message"]))
    missing = _missing_program(str(status.get("message", "")), stdout, stderr)
    if missing is not None:
        return missing
    raise EvidenceUnavailable(f"Cannot {call}: {status.get('message') or 'the command was not started'}.")


def _refused(call: KubernetesCall, error: Any) -> ExecResult:  # noqa: ANN401  # websocket-client has no types
    """Tell a refused exec from one whose program is missing (some runtimes say so before the stream opens)."""
    body = error.resp_body or b""
    missing = _missing_program(status_message(body), "", "")
    if missing is not None and status_object(body).get("reason") != "NotFound":
        return missing
    raise refusal(call, error.status_code, body) from error


def _missing_program(message: str, stdout: str, stderr: str) -> ExecResult | None:
    if _NO_PROGRAM.search(message) is None:
        return None
    code = _EXIT_CODE.search(message)
    return ExecResult(
        stdout=stdout, stderr=f"{stderr}{message}", exit_code=int(code[1]) if code else _COMMAND_NOT_FOUND
    )
