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
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import websocket
from kubernetes.client.configuration import Configuration
from urllib3.util.ssl_ import create_urllib3_context

from bot.clients.answers import json_object
from bot.clients.kubernetes_api import KubernetesApi, in_path, our_errors
from bot.clients.kubernetes_errors import KubernetesCall, status_message, status_object
from bot.clients.own_names import OwnNames
from bot.clients.time_limit import within
from bot.clients.websocket_stream import UpgradeRefused, open_stream
from bot.clients.wire import TooMuchSent, connect
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ExecResult
from bot.errors import EvidenceUnavailable, SourceGarbled, SourceTimeout, SourceUnreachable

MAX_STREAM_BYTES = 64 * 1024
"""Kept of each stream; what follows is read and dropped, so that the exit code still arrives, and `cut` says so."""

MAX_RUN_BYTES = 4 * 1024 * 1024
"""Of a whole run, handshake and frames included: whoever prints more is not listened to until it ends."""

_SUBPROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_NO_PROGRAM = re.compile(r"executable file not found|no such file or directory|OCI runtime exec failed", re.IGNORECASE)
_EXIT_CODE = re.compile(r"exit (?:code|status) (\d+)")
_COMMAND_NOT_FOUND = 127


class KubernetesProber:
    """Implements `ports.PodProber`. Every run ends by `deadline`; connections are not shared."""

    def __init__(
        self, api: KubernetesApi, names: OwnNames, deadline: Deadline, *, keep_bytes: int = MAX_STREAM_BYTES
    ) -> None:
        self._api = api
        self._names = names
        self._deadline = deadline
        self._keep_bytes = keep_bytes

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """Run a program in a pod; one that the image lacks is an `ExecResult` with exit code 126 or 127."""
        call = KubernetesCall(verb="create", resource="pods/exec", namespace=pod.namespace, name=pod.name)
        with within(self._deadline), our_errors(call, self._api.login):
            try:
                return self._run(call, pod, container, arguments)
            except TooMuchSent as error:
                raise SourceGarbled(
                    f"Cannot {call}: `{' '.join(arguments)}` printed more than {MAX_RUN_BYTES} bytes. It was cut off "
                    "there, before its exit code came, and is not judged."
                ) from error
            except UpgradeRefused as error:
                return _refused(self._api, call, error)
            except websocket.WebSocketTimeoutException as error:
                raise SourceTimeout(f"Cannot {call}: `{' '.join(arguments)}` gave no whole answer in time.") from error
            except websocket.WebSocketConnectionClosedException as error:
                raise SourceUnreachable(f"Cannot {call}: the connection was lost before the exit code came.") from error
            except websocket.WebSocketException as error:
                raise SourceGarbled(f"Cannot {call}: the answer is no exec stream ({error}).") from error

    def _run(self, call: KubernetesCall, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        query = [*(("command", argument) for argument in arguments), ("container", container)]
        query += [("stdout", "true"), ("stderr", "true")]
        path = f"/api/v1/namespaces/{in_path(pod.namespace)}/pods/{in_path(pod.name)}/exec"
        configuration = self._api.login.client().configuration
        _, url, headers, *_ = self._api.login.serialised(method="GET", resource_path=path, header_params={})
        stream = self._open(call, configuration, f"{url}?{urlencode(query, quote_via=_quoted)}", headers)
        try:
            result = _collect(call, stream, _Streams(keep_bytes=self._keep_bytes))
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
                made = _tls_of(configuration).wrap_socket(made, server_hostname=configuration.tls_server_name or host)
            return open_stream(made, url, headers, _SUBPROTOCOLS, limit_bytes=MAX_RUN_BYTES)
        except BaseException:
            made.close()
            raise


@lru_cache(maxsize=1024)
def _quoted(text: str, safe: str, *encoding: str) -> str:
    """Return a part of a query: hundreds of commands repeat few words."""
    return quote_plus(text, safe, *encoding)


def _tls_of(configuration: Configuration) -> ssl.SSLContext:
    """Return the TLS settings that the official client uses for the same server."""
    return _tls(
        verify=bool(configuration.verify_ssl),
        check_hostname=configuration.assert_hostname is not False,
        ca=(configuration.ssl_ca_cert, configuration.ca_cert_data),
        certificate=(configuration.cert_file, configuration.key_file),
    )


@lru_cache(maxsize=16)
def _tls(
    *,
    verify: bool,
    check_hostname: bool,
    ca: tuple[str | None, str | bytes | None],
    certificate: tuple[str | None, str | None],
) -> ssl.SSLContext:
    """Make them once, not for each of hundreds of streams; `ca` and `certificate` are files, or the text of one."""
    context = create_urllib3_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = check_hostname
        if any(ca):
            context.load_verify_locations(ca[0], cadata=ca[1])
        else:
            context.load_default_certs()
    if certificate[0]:
        context.load_cert_chain(certificate[0], certificate[1])
    return context


@dataclass(slots=True)
class _Streams:
    """What a command printed so far."""

    keep_bytes: int = MAX_STREAM_BYTES
    kept: dict[int, bytearray] = field(default_factory=lambda: {_STDOUT: bytearray(), _STDERR: bytearray()})
    cut: bool = False

    def add(self, channel: int, data: bytes) -> None:
        """Keep what there is room for."""
        room = self.keep_bytes - len(self.kept[channel])
        self.kept[channel] += data[:room]
        self.cut = self.cut or len(data) > room

    def result(self, exit_code: int, complaint: str = "") -> ExecResult:
        """Return it with the exit code; `complaint` is what the runtime said in the program's place."""
        return ExecResult(
            stdout=bytes(self.kept[_STDOUT]),
            stderr=bytes(self.kept[_STDERR]) + complaint.encode(),
            exit_code=exit_code,
            cut=self.cut,
        )


def _collect(call: KubernetesCall, stream: Any, printed: _Streams) -> ExecResult:  # noqa: ANN401  # websocket-client has no types
    while True:
        opcode, message = stream.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE or not message:
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise SourceUnreachable(f"Cannot {call}: the stream was closed before the exit code came.")
            continue
        channel, data = message[0], message[1:]
        if channel in printed.kept:
            printed.add(channel, data)
        elif channel == _STATUS:
            return _result(call, printed, data)


def _result(call: KubernetesCall, printed: _Streams, body: bytes) -> ExecResult:
    status = json_object(body, str(call))
    if status.get("status") == "Success":
        return printed.result(0)
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdigit():
            return printed.result(int(cause["message"]))
    missing = _missing_program(str(status.get("message", "")), printed)
    if missing is not None:
        return missing
    raise EvidenceUnavailable(f"Cannot {call}: {status.get('message') or 'the command was not started'}.")


def _refused(api: KubernetesApi, call: KubernetesCall, error: UpgradeRefused) -> ExecResult:
    """Tell a refused exec from one whose program is missing (some runtimes say so before the stream opens)."""
    missing = _missing_program(status_message(error.body), _Streams())
    if missing is not None and status_object(error.body).get("reason") != "NotFound":
        return missing
    raise api.refusal(call, error.status, error.body) from error


def _missing_program(message: str, printed: _Streams) -> ExecResult | None:
    if _NO_PROGRAM.search(message) is None:
        return None
    code = _EXIT_CODE.search(message)
    return printed.result(int(code[1]) if code else _COMMAND_NOT_FOUND, message)
