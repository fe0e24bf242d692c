"""A port of our own: waitress with the limits of `connection_limits`, in a thread, until it is stopped."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import waitress
from waitress import wasyncore

from bot.errors import ConfigurationError
from bot.slack.connection_limits import Doorkeeper, LimitedChannel, Limits

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST_BODY_BYTES = 1_000_000
LARGEST_HEADER_BYTES = 32_768
"""A header is searched anew with each piece that comes; waitress would take 256 KiB of single bytes."""
FILES_BESIDE_CONNECTIONS = 1_024
"""Open files of the rest of the program: databases, calls to AWS, clusters and Slack."""


def answer(
    start_response: StartResponse, status: str, text: str, *, content_type: str = "text/plain; charset=utf-8"
) -> Iterable[bytes]:
    """Answer a request with a short text."""
    body = text.encode("utf-8")
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def read_body(environ: WSGIEnvironment, *, largest_bytes: int = LARGEST_BODY_BYTES) -> bytes | None:
    """Return the body of a request, or None when it is larger than allowed."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or int(length) > largest_bytes:
        return None
    return bytes(environ["wsgi.input"].read(int(length)))


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
        self._thread = threading.Thread(target=server.run, name=f"http-{port}", daemon=True)
        self.port = port
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether connections are still being taken."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Let requests that are being answered end, then close every socket; the loop ends with the last one."""
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=3)
        pulled = threading.Event()

        def close() -> None:
            # A request that just ended may have woken the loop already: the trigger's own pipe is closed here, too,
            # and must not be while it is being written to.
            pulled.wait(timeout=1)
            wasyncore.close_all(self._sockets, ignore_all=True)

        self._server.trigger.pull_trigger(close)
        pulled.set()
        self._thread.join(timeout=5)


def listen(
    application: WSGIApplication, *, host: str, port: int, threads: int, limits: Limits, option: str = "--port"
) -> HttpServer:
    """Serve `application` at HOST:PORT and return the running server; `option` names the port on the command line.

    `host` is an address; port 0 takes a free one. Raises `ConfigurationError` for a port that is taken.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another {option}."
        ) from error
    allow_open_files(limits.connections + FILES_BESIDE_CONNECTIONS)
    sockets: dict[int, object] = {}
    server = waitress.create_server(
        application,
        map=sockets,
        sockets=[listener],
        threads=threads,
        ident=None,
        max_request_body_size=LARGEST_BODY_BYTES,
        max_request_header_size=LARGEST_HEADER_BYTES,
        expose_tracebacks=False,
        clear_untrusted_proxy_headers=True,
        channel_timeout=limits.idle_seconds,
        connection_limit=limits.connections,
        backlog=limits.connections,
        asyncore_use_poll=True,  # select() ends the loop at the 1,024th open file
    )
    server.channel_class = partial(LimitedChannel, Doorkeeper(limits))
    return HttpServer(server, sockets, port=int(listener.getsockname()[1]))


def allow_open_files(wanted: int) -> None:
    """Raise the process's own limit of open files to `wanted`, or as near as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
