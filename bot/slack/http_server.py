"""HTTP mode: a threaded WSGI server with a guard in front of Bolt.

The guard exists because Bolt parses a body before it checks who sent it, and answers 500 to a junk
timestamp: an unauthenticated caller must not be able to raise a server error.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk.signature import SignatureVerifier

from bot.domain.right_of_way import ACKS
from bot.errors import ConfigurationError
from bot.slack.connection_limits import Limits
from bot.slack.listening import LARGEST_BODY_BYTES, HttpServer, answer, listen, read_body
from bot.slack.shapes import misshapen

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

PATH = "/slack/events"
"""Where Slack delivers commands, clicks, modals and events."""
THREADS = 16
TIMESTAMP = re.compile(r"[0-9]{1,12}")
SSL_CHECK = b"ssl_check="
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class Guard:
    """WSGI: only the Slack path, only signed bodies of a sane size; the rest ends here."""

    def __init__(self, app: App, *, signing_secret: str) -> None:
        self._bolt = SlackRequestHandler(app, path=PATH)
        self._verifier = SignatureVerifier(signing_secret)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path != PATH:
            return answer(start_response, "404 Not Found", "Nothing is served here.")
        if environ.get("REQUEST_METHOD") != "POST":
            return answer(start_response, "405 Method Not Allowed", "Slack delivers with POST.")
        body = read_body(environ)
        if body is None:
            return answer(start_response, "413 Content Too Large", f"At most {LARGEST_BODY_BYTES} bytes.")
        if SSL_CHECK in body and dict(parse_qsl(body.decode("ascii", "replace"))).get("ssl_check") == "1":
            return answer(start_response, "200 OK", "")  # Slack looks whether we are there, and signs nothing
        refusal = self._refusal(environ, body)
        if refusal:
            log.warning("unsigned delivery refused", extra={"reason": refusal})
            return answer(start_response, "401 Unauthorized", refusal)
        wrong = misshapen(body.decode("utf-8"), environ.get("CONTENT_TYPE") or "")
        if wrong:
            log.warning("signed delivery is not of Slack's protocol", extra={"reason": wrong})
            return answer(start_response, "400 Bad Request", f"This is not of Slack's protocol: {wrong}.")
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        with ACKS.first():
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


def serve_http(
    app: App,
    *,
    signing_secret: str | None,
    port: int,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
) -> HttpServer:
    """Serve Slack's deliveries at `http://HOST:PORT/slack/events`; return the running server.

    `host` is an address; port 0 takes a free one. Raises `ConfigurationError` for a blank secret or a
    port that is taken.
    """
    if not (signing_secret or "").strip():
        raise ConfigurationError("SLACK_SIGNING_SECRET is blank: HTTP mode would serve whoever finds the port.")
    guard = Guard(app, signing_secret=str(signing_secret))
    server = listen(guard, host=host, port=port, threads=THREADS, limits=limits or Limits())
    log.info("listening for Slack", extra={"address": f"http://{host}:{server.port}{PATH}"})
    return server
