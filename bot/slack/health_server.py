"""Health at a port of its own, in both modes: whoever fills Slack's door must not have the pod ended for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from bot.slack.connection_limits import Limits
from bot.slack.listening import HttpServer, answer, listen

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 2
ALERTS = "/alerts"
"""Where Alertmanager posts."""
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

State = Callable[[], Mapping[str, object]]
Missing = Callable[[], Mapping[str, str]]


def always() -> bool:
    """Say yes: in Socket Mode there is no server that could have ended."""
    return True


class Health:
    """WSGI: `/healthz` (alive: else restart it), `/readyz` (what it works with is there), `/metrics`, nothing else.

    Where a token opens it, `/alerts` as well.
    """

    def __init__(
        self,
        *,
        state: State,
        alive: Callable[[], bool],
        missing: Missing,
        metrics: Callable[[], bytes],
        alerts: WSGIApplication | None,
    ) -> None:
        self._state, self._alive, self._missing, self._metrics = state, alive, missing, metrics
        self._alerts = alerts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == "/healthz":
            alive = self._alive()
            return _report(start_response, {"state": "serving" if alive else "ended", **self._state()}, well=alive)
        if path == "/readyz":
            missing = self._missing()
            return _report(start_response, {"state": "not ready" if missing else "ready", **missing}, well=not missing)
        if path == "/metrics":
            return answer(start_response, "200 OK", self._metrics().decode("utf-8"), content_type=METRICS_TYPE)
        if path == ALERTS and self._alerts is not None:
            return self._alerts(environ, start_response)
        return answer(start_response, "404 Not Found", "Nothing is served here.")


def _report(start_response: StartResponse, said: Mapping[str, object], *, well: bool) -> Iterable[bytes]:
    status = "200 OK" if well else "503 Service Unavailable"
    return answer(start_response, status, json.dumps(said, default=str), content_type="application/json")


def serve_health(
    *,
    port: int,
    host: str = "127.0.0.1",
    state: State = dict,
    alive: Callable[[], bool] = always,
    missing: Missing = dict,
    metrics: Callable[[], bytes] = bytes,
    alerts: WSGIApplication | None = None,
) -> HttpServer:
    """Serve `/healthz`, `/readyz`, `/metrics` and, with `alerts`, `/alerts`; return the running server.

    `state` is shown by `/healthz`, which is 503 when not `alive`; `missing` says, by what it is, why something that
    the bot works with cannot be used. Raises `ConfigurationError` for a port that is taken.
    """
    health = Health(state=state, alive=alive, missing=missing, metrics=metrics, alerts=alerts)
    return listen(health, host=host, port=port, threads=THREADS, limits=Limits(), option="--health-port")
