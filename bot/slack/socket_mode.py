"""Socket Mode: the bot opens a WebSocket to Slack, so nothing of ours needs to listen."""

from __future__ import annotations

import logging

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import ConfigurationError
from bot.slack.connection import SlackConnection

log = logging.getLogger(__name__)

CONCURRENCY = 16
"""Envelopes handled at a time; each only until it is acknowledged."""


class SocketConnection:
    """An open Socket Mode connection; it reconnects by itself."""

    def __init__(self, handler: SocketModeHandler) -> None:
        self._handler = handler

    @property
    def connected(self) -> bool:
        """Whether the WebSocket is up right now."""
        return bool(self._handler.client.is_connected())

    def stop(self) -> None:
        """Close the connection and its threads."""
        self._handler.close()  # type: ignore[no-untyped-call]  # the library has no types here


def serve_socket(app: App, *, connection: SlackConnection, app_token: str | None) -> SocketConnection:
    """Connect, and return the open connection. The listeners are the same as in HTTP mode.

    Raises `ConfigurationError` for a blank token and when Slack refuses it or cannot be reached.
    """
    token = (app_token or "").strip()
    if not token:
        raise ConfigurationError("SLACK_APP_TOKEN is blank. Make an app-level token with the scope connections:write.")
    handler = SocketModeHandler(app, token, web_client=connection.safe, concurrency=CONCURRENCY)
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
    return SocketConnection(handler)
