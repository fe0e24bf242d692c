"""A local Slack, a Web API client, and a real Bolt app behind HTTP for the person's side."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from slack_bolt import App, BoltRequest
from slack_sdk import WebClient

from bot.sandbox.slack import SlackFarEnd
from bot.sandbox.slack.transport import ACK_SECONDS


class Clock:
    """A clock that a test turns by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the time that it is made to be."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until a test turns it."""
    return Clock()


@pytest.fixture
def slack(request: pytest.FixtureRequest) -> Iterator[SlackFarEnd]:
    """Return a local Slack that repeats events at once; a parameter says for how long it waits (default: 3 s)."""
    ack_seconds = getattr(request, "param", ACK_SECONDS)
    with SlackFarEnd(event_retry_seconds=(0.0, 0.0, 0.0), ack_seconds=ack_seconds) as far_end:
        yield far_end


@pytest.fixture
def client(slack: SlackFarEnd) -> WebClient:
    """Return slack_sdk's own client, as the bot uses it, without its silent second attempts."""
    return WebClient(token=slack.bot_token, base_url=slack.url, retry_handlers=[])


@pytest.fixture
def app(slack: SlackFarEnd) -> Iterator[App]:
    """Return a Bolt app in HTTP mode to which the local Slack delivers."""
    client = WebClient(token=slack.bot_token, base_url=slack.url)
    bolt = App(client=client, signing_secret=slack.signing_secret)
    with served(bolt) as url:
        slack.deliver_to(url)
        yield bolt


@contextlib.contextmanager
def served(bolt: App) -> Iterator[str]:
    """Serve a Bolt app on a free loopback port and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers: dict[str, str | Sequence[str]] = {name: [value] for name, value in self.headers.items()}
            answer = bolt.dispatch(BoltRequest(body=body, headers=headers))
            with contextlib.suppress(ConnectionError):
                self.send_response(answer.status)
                for name, values in answer.headers.items():
                    for value in values:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/slack/events"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
