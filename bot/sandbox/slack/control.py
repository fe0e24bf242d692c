"""Act as a person by HTTP, for worlds that are kept up: a small server of its own, with a token, on loopback."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from bot.sandbox.slack.far_end import SlackFarEnd
from bot.sandbox.slack.people import Typist
from bot.sandbox.slack.roster import CLUSTER_CHANNEL
from bot.sandbox.slack.text import as_text, buttons

LARGEST_BODY_BYTES: Final = 100_000


def _types(person: Typist, asked: Mapping[str, Any]) -> str:
    acked = person.types(asked["text"], asked.get("channel", CLUSTER_CHANNEL))
    return acked.error or f"answered after {acked.took_ms} ms"


def _mentions(person: Typist, asked: Mapping[str, Any]) -> str:
    acked = person.mentions(asked["text"], asked.get("channel", CLUSTER_CHANNEL), asked.get("thread_ts", ""))
    return acked.error or f"answered after {acked.took_ms} ms"


def _clicks(person: Typist, asked: Mapping[str, Any]) -> str:
    seen = person.sees(asked.get("channel", CLUSTER_CHANNEL))
    there = [message for message in seen if asked["button"] in buttons(message)]
    if not there:
        raise LookupError(f"no message on this screen has a button {asked['button']!r}")
    clicked = person.clicks(there[-1], asked["button"], confirm=bool(asked.get("confirm", True)))
    result = "sent" if clicked.sent else "dismissed"
    return f"{clicked.dialog}\n{clicked.acked.error or result if clicked.acked else result}".strip()


def _submits(person: Typist, asked: Mapping[str, Any]) -> str:
    submitted = person.submits(person.view(), asked["answers"])
    return json.dumps(dict(submitted.errors)) if submitted.errors else "sent"


def _sees(person: Typist, asked: Mapping[str, Any]) -> str:
    seen = person.sees(asked.get("channel", CLUSTER_CHANNEL))
    return "\n\n".join(f"[{message.ts}] {message.user}\n{as_text(message)}" for message in seen) or "(nothing)"


_ACTS: Final[Mapping[str, Callable[[Typist, Mapping[str, Any]], str]]] = {
    "types": _types,
    "mentions": _mentions,
    "clicks": _clicks,
    "submits": _submits,
    "sees": _sees,
}


class _Handler(BaseHTTPRequestHandler):
    slack: SlackFarEnd
    token: str

    def do_GET(self) -> None:
        self._act()

    def do_POST(self) -> None:
        self._act()

    def _act(self) -> None:
        status, text = self._result()
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _result(self) -> tuple[int, str]:
        given = self.headers.get("X-Sandbox-Token", "")
        if "Origin" in self.headers or not secrets.compare_digest(given.encode(), self.token.encode()):
            return 403, "X-Sandbox-Token is missing or wrong, or this comes from a web page."
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY_BYTES:
            return 413, f"at most {LARGEST_BODY_BYTES} bytes"
        _, name, verb = (self.path.split("?")[0] + "//").split("/")[:3]
        act = _ACTS.get(verb)
        if act is None:
            return 404, f"there are: {', '.join(_ACTS)}"
        try:
            return 200, act(self.slack.person(name), json.loads(self.rfile.read(length) or b"{}"))
        except (LookupError, ValueError, TypeError) as error:
            return 400, f"{type(error).__name__}: {error}"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        del format, args


class PersonControl:
    """Serves `POST /PERSON/types|mentions|clicks|submits` and `GET /PERSON/sees` while the context lasts."""

    def __init__(self, slack: SlackFarEnd) -> None:
        self.token = secrets.token_urlsafe(16)
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"slack": slack, "token": self.token})
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def examples(self) -> tuple[str, ...]:
        """Return commands for a shell."""
        call = f"curl -sH 'X-Sandbox-Token: {self.token}' {self.url}"
        return (
            f"""{call}/ana/types -d '{{"text": "/dns-diagnose cluster-prod"}}'""",
            f"{call}/ben/sees",
            f"""{call}/ben/clicks -d '{{"button": "approve"}}'   # the newest message with that button""",
            f"""{call}/ben/submits -d '{{"answers": {{"Why not?": "not now"}}}}'   # the open modal""",
        )
