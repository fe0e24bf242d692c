"""What Slack sends to the app, and how the answer is judged: signed HTTP, or a Socket Mode envelope."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

ACK_SECONDS: Final = 3.0


class Kind(StrEnum):
    """What is delivered, as Socket Mode names it."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery, ready to be sent; sending it twice is what a retry is."""

    kind: Kind
    payload: Mapping[str, Any]
    body: bytes
    """As it goes over HTTP."""
    headers: Mapping[str, str]
    envelope_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acked:
    """What came back for a delivery, within Slack's three seconds or not."""

    status: int
    """HTTP status; 0: no answer in time. An acknowledged envelope counts as 200."""
    body: str = ""
    took_ms: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Tell whether Slack would be content."""
        return self.status == http.HTTPStatus.OK

    @property
    def error(self) -> str:
        """Return the error that the person is shown, or empty."""
        if self.ok:
            return ""
        return f"http_status_{self.status}" if self.status else "operation_timeout"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the v0 signature of a request body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def encoded(kind: Kind, payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the HTTP body and content type of a payload."""
    if kind is Kind.EVENT:
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind is Kind.COMMAND else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


def prepared(
    kind: Kind,
    payload: Mapping[str, Any],
    *,
    secret: str,
    envelope_id: str,
    headers: Mapping[str, str | None] | None = None,
) -> Delivery:
    """Sign a payload now. `headers` override: a value replaces, None leaves the header out."""
    body, content_type = encoded(kind, payload)
    timestamp = str(int(time.time()))
    whole: dict[str, str | None] = {
        "Content-Type": content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
        **(headers or {}),
    }
    kept = {name: value for name, value in whole.items() if value is not None}
    return Delivery(kind=kind, payload=payload, body=body, headers=kept, envelope_id=envelope_id)


def send_http(url: str, delivery: Delivery, *, timeout_seconds: float = ACK_SECONDS) -> Acked:
    """Post a delivery and return what came back in time."""
    place = urlsplit(url)
    started = time.monotonic()
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout_seconds)
    try:
        connection.request("POST", place.path or "/", body=delivery.body, headers=dict(delivery.headers))
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, http.client.HTTPException):
        return Acked(status=0, took_ms=_since(started))
    finally:
        connection.close()
    return Acked(status=answer.status, body=body, took_ms=_since(started), headers=headers)


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
