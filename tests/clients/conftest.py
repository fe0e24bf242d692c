"""Scripted far ends on real sockets, and connections that lead to them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.clients.aws_identity import AwsIdentity
from bot.clients.connection import ClusterConnection
from bot.clients.identities import Wire, own_identity
from bot.clients.own_names import OwnNames
from bot.clients.sources import ClusterSources, open_sources
from bot.clients.traffic import WireTraffic
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.errors import UnitError
from tests.environment import environment

Act: TypeAlias = Callable[[socket.socket, threading.Event], None]
"""What a far end does with one request; the event is set when the test is over."""


def respond(status: str, body: bytes | str, *headers: str, content_type: str = "application/json") -> Act:
    """Answer with a whole body."""
    content = body.encode() if isinstance(body, str) else body

    def act(connection: socket.socket, _: threading.Event) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
        lines += [f"Content-Type: {content_type}"] if content_type else []
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    return act


def hang(_: socket.socket, over: threading.Event) -> None:
    """Never answer."""
    over.wait(20)


def reset(connection: socket.socket, _: threading.Event) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def truncate(connection: socket.socket, _: threading.Event) -> None:
    """Send less than announced."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"kind":"PodL')


def drip_body(connection: socket.socket, over: threading.Event) -> None:
    """Send one byte of the body every 50 ms."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b" ")


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    """Send one header line every 50 ms."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.05):
        connection.sendall(b"X")


def no_http(connection: socket.socket, _: threading.Event) -> None:
    """Answer in another protocol."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


@dataclass
class FarEnd:
    """Serves a script: one act a request, the last one for ever after."""

    script: Sequence[Act]
    requests: list[bytes] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def paths(self) -> list[str]:
        """Return the paths asked for."""
        return [request.split(b" ", 2)[1].decode() for request in self.requests]

    def act(self, _: bytes, at: int, /) -> Act:
        """Return what is done with the request at this place of the script."""
        return self.script[at]

    def start(self) -> None:
        """Begin to serve."""
        self._run(self._accept)

    def stop(self) -> None:
        """End, with every thread."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="far end", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            request = _request(connection)
            if not request:
                return
            at = min(len(self.requests), len(self.script) - 1)
            self.requests.append(request)
            self.act(request, at)(connection, self._over)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


Serve: TypeAlias = Callable[..., FarEnd]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a far end with a script; all end with the test."""
    started: list[FarEnd] = []

    def start(*script: Act) -> FarEnd:
        far_end = FarEnd(script)
        started.append(far_end)
        far_end.start()
        return far_end

    yield start
    for far_end in started:
        far_end.stop()


TARGET = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1")


def wire() -> Wire:
    """Return what one identity needs below its requests."""
    return Wire(region="eu-west-1", pool_size=1, names=OwnNames(), traffic=WireTraffic())


def kubeconfig(path: Path, url: str) -> str:
    """Write a kubeconfig with a reading and a writing context."""
    users = [{"name": name, "user": {"token": f"{name}-token"}} for name in ("reader", "writer")]
    contexts = [{"name": name, "context": {"cluster": "c", "user": name}} for name in ("reader", "writer")]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "reader",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": users,
        "contexts": contexts,
    }
    path.write_text(json.dumps(document))
    return str(path)


Open: TypeAlias = Callable[[str], ClusterSources]


@pytest.fixture
def open_at(tmp_path: Path, aws_at: Callable[[str], None]) -> Iterator[Open]:
    """Return a function that opens the sources of a cluster whose API server and AWS are one far end."""
    opened: list[ClusterSources] = []

    def open_one(url: str) -> ClusterSources:
        aws_at(url)
        path = kubeconfig(tmp_path / "kubeconfig.json", url)
        opened.append(open_sources(ClusterConnection(target=TARGET, kubeconfig=path)))
        return opened[-1]

    yield open_one
    for sources in opened:
        sources.close()


@dataclass(frozen=True)
class Shared:
    """One far end and its opened clients for a whole module: making AWS clients costs more than using them."""

    far_end: FarEnd
    sources: ClusterSources
    writing: AwsIdentity

    def play(self, *script: Act) -> FarEnd:
        """Give the far end a new script."""
        self.far_end.requests.clear()
        self.far_end.script = script
        return self.far_end

    def played(self, *script: Act) -> ClusterSources:
        """Give the far end a new script, and return its readers."""
        self.play(*script)
        return self.sources


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Yield a far end that plays whatever a test tells it, with clients that are ready."""
    far_end = FarEnd([respond("500 Not Scripted", "")])
    far_end.start()
    with aws_variables() as lead:
        lead(far_end.url)
        path = kubeconfig(tmp_path_factory.mktemp("shared") / "kubeconfig.json", far_end.url)
        sources = open_sources(ClusterConnection(target=TARGET, kubeconfig=path))
        writing = own_identity(retries=False, wire=wire())
        writing.client("ec2")
        for service in ("ec2", "eks"):
            with contextlib.suppress(UnitError):
                sources.aws(Deadline.after(30)).read(service, "DescribeNothing")
    yield Shared(far_end, sources, writing)
    sources.close()
    writing.close()
    far_end.stop()


@pytest.fixture
def aws_at() -> Iterator[Callable[[str], None]]:
    """Return a function that leads AWS clients made from now on to a far end."""
    with aws_variables() as lead:
        yield lead


@contextlib.contextmanager
def aws_variables() -> Iterator[Callable[[str], None]]:
    """Give a function that sets AWS' own variables to lead to a far end; take them back at the end."""

    def lead(url: str) -> None:
        os.environ.update(
            AWS_ENDPOINT_URL=url,
            AWS_ACCESS_KEY_ID="dummy",
            AWS_SECRET_ACCESS_KEY="dummy",
            AWS_EC2_METADATA_DISABLED="true",
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        )

    with environment({}):
        yield lead


@pytest.fixture
def took() -> Callable[[], float]:
    """Return a function that gives the seconds since the test began."""
    begun = time.monotonic()
    return lambda: time.monotonic() - begun
