"""Where Slack and the kubelet reach the bot: opened together, closed by the stack."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from bot.domain.history import History
from bot.errors import HistoryUnavailable
from bot.slack.alerts import AlertDoor
from bot.slack.app import SlackBot
from bot.slack.connection import SlackConnection, SlackSettings
from bot.slack.connection_limits import Limits
from bot.slack.health_server import serve_health
from bot.slack.http_server import serve_http
from bot.slack.socket_mode import serve_socket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddresses:
    """Addresses and ports to listen at: `host` and `port` in HTTP mode only, those of health in both modes."""

    host: str
    port: int
    health_host: str
    health_port: int
    limits: Limits


def serve(
    stack: ExitStack,
    slack: SlackSettings,
    bot: SlackBot,
    *,
    connection: SlackConnection,
    history: History,
    addresses: ListenAddresses,
    alerts_token: str | None = None,
) -> None:
    """Connect to Slack, or listen for it; serve health beside, and alerts to whoever has the token.

    Raises `ConfigurationError` for what cannot be had.
    """
    state = {"team": connection.team_name}
    metrics = bot.tools.metrics
    alerts = AlertDoor(bot.tools, token=alerts_token) if alerts_token else None
    if slack.socket_mode:
        link = serve_socket(bot.bolt, connection=connection, app_token=slack.app_token)
        stack.callback(link.stop)
        health = serve_health(
            port=addresses.health_port,
            host=addresses.health_host,
            state=lambda: {**state, "mode": "socket", "connected": link.connected},
            missing=lambda: {**missing_database(history), **missing_slack(connected=link.connected)},
            metrics=metrics.page,
            alerts=alerts,
        )
        metrics.show(lambda: {**_gauges(bot, history), "slack_connected": float(link.connected)})
    else:
        server = serve_http(
            bot.bolt,
            signing_secret=slack.signing_secret,
            port=addresses.port,
            host=addresses.host,
            limits=addresses.limits,
        )
        stack.callback(server.stop)
        health = serve_health(
            port=addresses.health_port,
            host=addresses.health_host,
            state=lambda: {**state, "mode": "http"},
            alive=lambda: server.alive,
            missing=lambda: missing_database(history),
            metrics=metrics.page,
            alerts=alerts,
        )
        metrics.show(lambda: _gauges(bot, history))
    stack.callback(health.stop)
    log.info("ready", extra={**state, "health": f"http://{addresses.health_host}:{health.port}"})


def _gauges(bot: SlackBot, history: History) -> dict[str, float]:
    """Return what is asked for when the metrics are read."""
    found = {"jobs": float(len(bot.tools.jobs.running()))}
    try:
        found |= {"outbox_waiting": float(history.unsent()), "database_up": 1.0}
    except HistoryUnavailable:
        found["database_up"] = 0.0
    return found


def missing_database(history: History) -> Mapping[str, str]:
    """Return why the history cannot be read, or nothing."""
    try:
        history.recent(limit=1)
    except HistoryUnavailable as error:
        return {"database": str(error)}
    return {}


def missing_slack(*, connected: bool) -> Mapping[str, str]:
    """Return that Socket Mode's connection is not up, or nothing. In HTTP mode Slack calls us, and is not asked."""
    return {} if connected else {"slack": "The Socket Mode connection is down; it is being opened anew."}
