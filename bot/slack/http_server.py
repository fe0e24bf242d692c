"""HTTP mode: a threaded WSGI server with a guard in front of Bolt.

The guard exists because Bolt parses a body before it checks who sent it, and answers 500 to a junk
timestamp: an unauthenticated caller must not be able to raise a server error.
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import waitress
from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk.signature import SignatureVerifier
from waitress import wasyncore

from bot.errors import ConfigurationError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

PATH = "/slack/events"
"""Where Slack delivers commands, clicks, modals and events."""
LARGEST_BODY_BYTES = 1_000_000
THREADS = 16
HEALTH_THREADS = 2
TIMESTAMP = re.compile(r"[0-9]{1,12}")
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

State = Callable[[], Mapping[str, object]]


class Guard:
    """WSGI: only the Slack path and `/healthz`, only signed bodies of a sane size; the rest ends here."""

    def __init__(self, app: App, *, signing_secret: str, state: State) -> None:
        self._bolt = SlackRequestHandler(app, path=PATH)
        self._verifier = SignatureVerifier(signing_secret)
        self._state = state

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == "/healthz":
            return _health(start_response, self._state)
        if path != PATH:
            return _answer(start_response, "404 Not Found", "Nothing is served here.")
        if environ.get("REQUEST_METHOD") != "POST":
            return _answer(start_response, "405 Method Not Allowed", "Slack delivers with POST.")
        body = _read_body(environ)
        if body is None:
            return _answer(start_response, "413 Content Too Large", f"At most {LARGEST_BODY_BYTES} bytes.")
        refusal = self._refusal(environ, body)
        if refusal:
            log.warning("unsigned delivery refused", extra={"reason": refusal})
            return _answer(start_response, "401 Unauthorized", refusal)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return self._bolt(environ, start_response)

    def _refusal(self, environ: WSGIEnvironment, body: bytes) -> str:
        """Return why this is not a delivery by Slack, or an empty text."""
        timestamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
        signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
        if not TIMESTAMP.fullmatch(timestamp):
            return "X-Slack-Request-Timestamp is missing or not a number."
        if not SIGNATURE.fullmatch(signature):
            return "X-Slack-Signature is missing or not of the form v0=…"
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return "The body is not UTF-8."
        if not self._verifier.is_valid(body=text, timestamp=timestamp, signature=signature):
            return "The signature does not match, or is older than five minutes."
        return ""


class HealthOnly:
    """WSGI: `/healthz` and nothing else, for Socket Mode, where Slack needs no door."""

    def __init__(self, *, state: State) -> None:
        self._state = state

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO", "") == "/healthz":
            return _health(start_response, self._state)
        return _answer(start_response, "404 Not Found", "Nothing is served here.")


def _health(start_response: StartResponse, state: State) -> Iterable[bytes]:
    text = json.dumps({"state": "serving", **state()}, default=str)
    return _answer(start_response, "200 OK", text, content_type="application/json")


def _read_body(environ: WSGIEnvironment) -> bytes | None:
    """Return the body, or None when it is larger than allowed."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY_BYTES:
        return None
    return bytes(environ["wsgi.input"].read(int(length)))


def _answer(
    start_response: StartResponse, status: str, text: str, *, content_type: str = "text/plain; charset=utf-8"
) -> Iterable[bytes]:
    body = text.encode("utf-8")
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


class _Dispatcher(Protocol):
    def shutdown(self, cancel_pending: bool = ..., timeout: float = ...) -> object: ...  # noqa: FBT001  # waitress's


class _Trigger(Protocol):
    def pull_trigger(self, thunk: Callable[[], object]) -> object: ...


class _Server(Protocol):
    """What is used of waitress's server, which has no types."""

    task_dispatcher: _Dispatcher
    trigger: _Trigger

    def run(self) -> None: ...


class HttpServer:
    """A running server. `port` is the one it really listens on."""

    def __init__(self, server: _Server, sockets: dict[int, object], *, port: int) -> None:
        self._server, self._sockets = server, sockets
        self._thread = threading.Thread(target=server.run, name="slack-http", daemon=True)
        self.port = port
        self._thread.start()

    def stop(self) -> None:
        """Let requests that are being answered end, then close every socket; the loop ends with the last one."""
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=3)
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._sockets, ignore_all=True))
        self._thread.join(timeout=5)


def serve_http(
    app: App,
    *,
    signing_secret: str | None,
    port: int,
    host: str = "127.0.0.1",
    state: State = dict,
    threads: int = THREADS,
) -> HttpServer:
    """Serve Slack's deliveries at `http://HOST:PORT/slack/events`, and `/healthz`; return the running server.

    `host` is an address; port 0 takes a free one. Raises `ConfigurationError` for a blank secret or a
    port that is taken.
    """
    if not (signing_secret or "").strip():
        raise ConfigurationError("SLACK_SIGNING_SECRET is blank: HTTP mode would serve whoever finds the port.")
    guard = Guard(app, signing_secret=str(signing_secret), state=state)
    return _listen(guard, host=host, port=port, threads=threads)


def serve_health(*, port: int, host: str = "127.0.0.1", state: State = dict) -> HttpServer:
    """Serve `/healthz` alone, as the bot does in Socket Mode; return the running server.

    Raises `ConfigurationError` for a port that is taken.
    """
    return _listen(HealthOnly(state=state), host=host, port=port, threads=HEALTH_THREADS)


def _listen(application: Guard | HealthOnly, *, host: str, port: int, threads: int) -> HttpServer:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.") from error
    sockets: dict[int, object] = {}
    server = waitress.create_server(
        application,
        map=sockets,
        sockets=[listener],
        threads=threads,
        ident=None,
        max_request_body_size=LARGEST_BODY_BYTES,
        expose_tracebacks=False,
        clear_untrusted_proxy_headers=True,
        channel_timeout=30,
    )
    return HttpServer(server, sockets, port=int(listener.getsockname()[1]))
