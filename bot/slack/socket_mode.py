"""Socket Mode: the bot opens a WebSocket to Slack, so nothing of ours needs to listen."""

from __future__ import annotations

import logging
import threading
import time

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.domain.right_of_way import ACKS
from bot.errors import ConfigurationError
from bot.slack.connection import SlackConnection

log = logging.getLogger(__name__)

CONCURRENCY = 16
"""Envelopes handled at a time; each only until it is acknowledged."""


PING_SECONDS = 1.25
"""The library takes a connection for lost after five pings that fail, or four that nobody answers."""
PONGS_MISSED = 3
"""So many pings without an answer, and Slack is not there."""


class _Handler(SocketModeHandler):
    """Bolt's; while it acknowledges, other work gives way."""

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as Bolt's own
        """Serve one envelope."""
        with ACKS.first():
            super().handle(client, req)


class SocketConnection:
    """An open Socket Mode connection; it reconnects by itself, and says in the log when it is lost and back."""

    def __init__(self, handler: SocketModeHandler, *, ping_seconds: float) -> None:
        self._handler, self._ping_seconds = handler, ping_seconds
        self._stopped = threading.Event()
        self._session, self._since = "", time.monotonic()
        self._watch = threading.Thread(target=self._watch_connection, name="socket-watch", daemon=True)
        self._watch.start()

    @property
    def connected(self) -> bool:
        """Whether Slack is there: it answered a ping a moment ago, or the connection is that young."""
        session = self._handler.client.current_session
        if session is None or not session.is_active():
            return False
        if session.session_id != self._session:
            self._session, self._since = session.session_id, time.monotonic()
        within = PONGS_MISSED * self._ping_seconds
        if session.last_ping_pong_time is None:
            return time.monotonic() - self._since < within
        return time.time() - float(session.last_ping_pong_time) < within

    def stop(self) -> None:
        """Close the connection and its threads."""
        self._stopped.set()
        self._watch.join(timeout=5)
        self._handler.close()  # type: ignore[no-untyped-call]  # the library has no types here

    def _watch_connection(self) -> None:
        lost_at: float | None = None
        while not self._stopped.wait(self._ping_seconds / 3):
            if self.connected and lost_at is not None:
                away = round(time.monotonic() - lost_at, 1)
                log.info("socket mode connected again", extra={"away_seconds": away})
                lost_at = None
            elif not self.connected and lost_at is None:
                lost_at = time.monotonic()
                log.warning("socket mode connection lost; it is being opened anew")


def serve_socket(
    app: App, *, connection: SlackConnection, app_token: str | None, ping_seconds: float = PING_SECONDS
) -> SocketConnection:
    """Connect, and return the open connection. The listeners are the same as in HTTP mode.

    Raises `ConfigurationError` for a blank token and when Slack refuses it or cannot be reached.
    """
    token = (app_token or "").strip()
    if not token:
        raise ConfigurationError("SLACK_APP_TOKEN is blank. Make an app-level token with the scope connections:write.")
    handler = _Handler(app, token, web_client=connection.safe, concurrency=CONCURRENCY, ping_interval=ping_seconds)
    try:
        handler.connect()  # type: ignore[no-untyped-call]  # the library has no types here
    except SlackApiError as error:
        handler.close()  # type: ignore[no-untyped-call]  # the library has no types here
        code = error.response.get("error", "no error code")
        raise ConfigurationError(
            f"Slack refused SLACK_APP_TOKEN: apps.connections.open answered {code}. "
            "It needs the scope connections:write, and Socket Mode must be switched on for the app."
        ) from error
    except (SlackClientError, OSError, ValueError) as error:
        handler.close()  # type: ignore[no-untyped-call]  # the library has no types here
        raise ConfigurationError(f"Cannot open a Socket Mode connection: {type(error).__name__}.") from error
    log.info("socket mode connected")
    return SocketConnection(handler, ping_seconds=ping_seconds)
