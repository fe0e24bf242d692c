"""`SlackFarEnd`: the whole local Slack in one context manager."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from bot.sandbox.slack.faults import Faults, WebFault
from bot.sandbox.slack.people import Typist
from bot.sandbox.slack.roster import Roster, usual_roster
from bot.sandbox.slack.server import LOOPBACK, ApiRequest, Server, Tokens
from bot.sandbox.slack.transport import ACK_SECONDS, Acked, Delivery, Kind, prepared, send_http
from bot.sandbox.slack.workspace import Message, Workspace

EVENT_RETRY_SECONDS = (0.0, 60.0, 300.0)
"""Slack repeats an event at once, after a minute, after five."""


class SlackFarEnd:
    """A local Slack with people in it.

    Deliveries go as signed requests to `deliver_to`'s address, or without one over Socket Mode.
    State is in memory and ends with the context. Nothing listens beyond 127.0.0.1.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        roster: Roster | None = None,
        clock: Callable[[], float] = time.time,
        ack_seconds: float = ACK_SECONDS,
        event_retry_seconds: tuple[float, ...] = EVENT_RETRY_SECONDS,
    ) -> None:
        self.signing_secret = secrets.token_hex(16)
        self.bot_token = f"xoxb-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-{secrets.token_hex(12)}"
        self.faults = Faults()
        self.workspace = Workspace(roster or usual_roster(), clock)
        self.deliveries: list[tuple[Delivery, Acked]] = []
        """Everything sent to the app and what came back, in order of the answers."""
        self._server = Server(
            self.workspace,
            Tokens(bot=self.bot_token, app=self.app_token, signing_secret=self.signing_secret),
            self.faults,
        )
        self._port = port
        self._url = ""
        self._ack_seconds = ack_seconds
        self._event_retry_seconds = event_retry_seconds
        self._ended = threading.Event()
        self._retries: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start to listen."""
        self._server.start(self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: no thread and no open port is left."""
        self._ended.set()
        for retry in self._retries:
            retry.join()
        self._server.stop()

    @property
    def url(self) -> str:
        """The Web API's address for `SLACK_API_URL`; ends in `/api/`."""
        return f"{self._base_url}/api/"

    @property
    def _base_url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.port}"

    @property
    def requests(self) -> list[ApiRequest]:
        """Every call that the app made, in order."""
        return list(self._server.requests)

    def calls(self, method: str) -> list[ApiRequest]:
        """Return the calls of one method that were done, in order."""
        return [request for request in self.requests if request.method == method and not request.error]

    def traffic(self) -> str:
        """Return all text that the app sent to Slack: calls, and answers to deliveries."""
        sent = [f"{request.body}\n{request.arguments}" for request in self.requests]
        answered = [f"{acked.headers}\n{acked.body}" for _, acked in self.deliveries]
        return "\n".join([*sent, *answered])

    def person(self, name: str) -> Typist:
        """Return someone of the roster by name, to act."""
        return Typist(self.workspace.roster.named(name), self.workspace, self, self._base_url)

    def deliver_to(self, url: str) -> None:
        """Send deliveries as signed requests to this address (the app's HTTP mode); empty: Socket Mode."""
        self._url = url

    def deliver(
        self,
        payload: Mapping[str, Any],
        *,
        kind: Kind,
        headers: Mapping[str, str | None] | None = None,
        signing_secret: str | None = None,
    ) -> Acked:
        """Send one delivery; a test may forge its headers (None leaves one out) or its secret."""
        secret = self.signing_secret if signing_secret is None else signing_secret
        delivery = prepared(kind, payload, secret=secret, envelope_id=str(uuid4()), headers=headers)
        return self.redeliver(delivery)

    def redeliver(self, delivery: Delivery, *, headers: Mapping[str, str] | None = None, retry: int = 0) -> Acked:
        """Send the very same delivery again: the same bytes and signature, or the same envelope."""
        if self._url:
            again = Delivery(
                kind=delivery.kind,
                payload=delivery.payload,
                body=delivery.body,
                headers={**delivery.headers, **(headers or {})},
                envelope_id=delivery.envelope_id,
            )
            acked = send_http(self._url, again, timeout_seconds=self._ack_seconds)
        else:
            again = delivery
            acked = self._server.run(self._server.socket_mode.send(delivery, self._ack_seconds, retry=retry))
        with self.workspace.held():
            self.deliveries.append((again, acked))
        return acked

    def deliver_event(self, payload: Mapping[str, Any]) -> Acked:
        """Send an event; when it is not taken, repeat it up to three times, in the background."""
        delivery = prepared(Kind.EVENT, payload, secret=self.signing_secret, envelope_id=str(uuid4()))
        acked = self.redeliver(delivery)
        if not acked.ok and acked.headers.get("x-slack-no-retry") != "1":
            retry = threading.Thread(target=self._retry, args=(delivery, acked), name="slack-retry", daemon=True)
            self._retries.append(retry)
            retry.start()
        return acked

    def _retry(self, delivery: Delivery, acked: Acked) -> None:
        for number, wait_seconds in enumerate(self._event_retry_seconds, start=1):
            if self._ended.wait(wait_seconds):
                return
            reason = "http_error" if acked.status else "http_timeout"
            headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
            fresh = prepared(
                Kind.EVENT,
                delivery.payload,
                secret=self.signing_secret,
                envelope_id=delivery.envelope_id,
                headers=headers,
            )
            acked = self.redeliver(fresh, retry=number)
            if acked.ok or acked.headers.get("x-slack-no-retry") == "1":
                return

    def fail(self, fault: WebFault) -> None:
        """Let the app's next calls of one method go wrong."""
        self.faults.add(fault)

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """Send `disconnect` over every Socket Mode connection and close it."""
        self._server.run(self._server.socket_mode.disconnect(reason))

    def drop(self, *, silently: bool = False) -> None:
        """Lose every Socket Mode connection without a word, as a proxy or a NAT does.

        `silently`: it stays open, and nobody is behind it any more.
        """
        self._server.run(self._server.socket_mode.drop(silently=silently))

    @property
    def connections(self) -> int:
        """How many Socket Mode connections are open."""
        return len(self._server.socket_mode.connections)

    @property
    def sent_over(self) -> list[tuple[str, int]]:
        """Return (envelope id, number of the connection) for each envelope sent."""
        return list(self._server.socket_mode.sent_to)

    def messages(self, channel: str) -> list[Message]:
        """Return all stored messages of a channel, private answers included, for assertions."""
        with self.workspace.held() as workspace:
            return [message for message in workspace.messages if message.channel == channel]

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float = 10.0) -> bool:
        """Wait until `ready` says so, asking again after every change of the workspace."""
        return self.workspace.wait_until(ready, timeout_seconds)
