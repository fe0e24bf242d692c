"""The front door: logs, delays, limits, refuses and breaks calls as told, then lets them be answered.

Only the data plane's own calls go straight through.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

from bot.sandbox.aws.answering import Answering
from bot.sandbox.aws.answers import Answer, StartResponse, failed_answer, json_answer, throttled_answer
from bot.sandbox.aws.control import Control, Fault, FaultKind
from bot.sandbox.aws.control_routes import ControlRoutes
from bot.sandbox.aws.requests import Call, read_call
from bot.sandbox.world.access_keys import DATA_PLANE, holder_of

# Well-formed, so that an XML parser takes it for an answer without members: the worst case.
_HTML = b"<html><body><h1>502 Bad Gateway</h1><p>proxy</p></body></html>"


class Gateway:
    """A WSGI application in front of all services."""

    def __init__(self, answering: Answering, control: Control) -> None:
        self._answering, self._control = answering, control
        self._routes = ControlRoutes(control, answering)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request."""
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/sandbox/"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return self._routes.answer(environ["REQUEST_METHOD"], path, body).send(start_response)
        call = read_call(environ)
        if call is None:
            text = "The request is not signed: no AWS service is named in its Authorization header."
            missing = json_answer({"__type": "MissingAuthenticationToken", "message": text}, status=403)
            return missing.send(start_response)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
        if holder_of(call.access_key) == DATA_PLANE:
            return self._answering.answer(call, environ).send(start_response)
        return self._logged(call, environ, start_response)

    def _logged(self, call: Call, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        entry = self._control.arrived(
            action=call.action,
            account=call.account,
            region=call.region,
            access_key=call.access_key,
            dry_run=call.dry_run,
        )
        if self._control.latency_ms:
            time.sleep(self._control.latency_ms / 1000)
        fault = self._control.take_fault(call.action)
        answer = self._faulty(fault, call, environ) or self._judged(call, environ)
        entry.answered(answer.status)
        if not call.only_reads:
            self._control.wrote()
            self._answering.keep_event(call, answer)
        if fault and fault.kind is FaultKind.TRUNCATE:
            return _half(answer, start_response)
        return answer.send(start_response)

    def _faulty(self, fault: Fault | None, call: Call, environ: dict[str, Any]) -> Answer | None:
        """Return the answer that the fault makes, or None to answer as usual."""
        if fault is None or fault.kind is FaultKind.TRUNCATE:
            return None
        if fault.kind is FaultKind.DELAY:
            self._control.wait(1.0 if fault.seconds is None else fault.seconds)
            return None
        if fault.kind in {FaultKind.HANG, FaultKind.RESET}:
            if fault.kind is FaultKind.HANG:
                self._control.wait(fault.seconds)
            _reset(environ)
        made: dict[FaultKind, Callable[[], Answer]] = {
            FaultKind.DENY: lambda: self._answering.denied(call, call.action),
            FaultKind.THROTTLE: lambda: throttled_answer(call),
            FaultKind.ERROR500: lambda: failed_answer(call, self._answering.internal_error(call)),
            FaultKind.EMPTY: lambda: Answer(status=200, body=b"", content_type="application/octet-stream"),
            FaultKind.HTML: lambda: Answer(status=200, body=_HTML, content_type="text/html"),
        }
        return made[fault.kind]()

    def _judged(self, call: Call, environ: dict[str, Any]) -> Answer:
        if self._control.rates.exceeded(call, self._answering.now()):
            return throttled_answer(call)
        for action in call.judged:
            if self._control.denies(action, call.account):
                return self._answering.denied(call, action)
        return self._answering.answer(call, environ)


def _half(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    """Announce the whole body and send half of it."""
    answer.send(start_response)
    return [answer.body[: len(answer.body) // 2]]


def _reset(environ: dict[str, Any]) -> None:
    """End the connection with a TCP reset: nothing lingers, the handler reads an end of input and closes."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
    raise ConnectionResetError
