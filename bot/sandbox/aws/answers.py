"""Answers in the shapes of AWS: errors per protocol, and plain JSON for the control routes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from bot.sandbox.aws.api_models import Protocol
from bot.sandbox.aws.requests import Call

_XML = frozenset({Protocol.QUERY, Protocol.REST_XML})
"""EC2's XML has a shape of its own."""

StartResponse: TypeAlias = Any
"""WSGI's start_response."""

Json: TypeAlias = Any
"""A JSON document of the control routes."""

FIRST_ERROR = 400
"""The first HTTP status that is an error."""

REQUEST_ID = "59dbff89-35bd-4eac-99ed-be587ed81825"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = field(default=())

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Give the answer to a WSGI server."""
        names = [("Content-Type", self.content_type), ("Content-Length", str(len(self.body))), *self.headers]
        start_response(f"{self.status} {'OK' if self.status < FIRST_ERROR else 'Error'}", names)  # HTTP
        return [self.body]


def json_answer(document: object, *, status: int = 200) -> Answer:
    """Return a JSON answer with the request id that AWS's JSON services send."""
    return Answer(
        status=status,
        body=json.dumps(document).encode(),
        content_type="application/json",
        headers=(("x-amzn-RequestId", REQUEST_ID),),
    )


def error_answer(call: Call, *, code: str, message: str, status: int) -> Answer:
    """Return an error in the protocol of the call's service."""
    if call.protocol is Protocol.EC2:
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{escape(code)}</Code>'
            f"<Message>{escape(message)}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
        )
        return Answer(status=status, body=text.encode(), content_type="text/xml;charset=UTF-8")
    if call.protocol in _XML:
        text = (
            f'<ErrorResponse xmlns="https://{call.service}.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
            f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        )
        return Answer(status=status, body=text.encode(), content_type="text/xml")
    answer = json_answer({"__type": code, "message": message}, status=status)
    return Answer(
        status=status,
        body=answer.body,
        content_type=answer.content_type,
        headers=(*answer.headers, ("x-amzn-ErrorType", code)),
    )


def denied_answer(call: Call, action: str, user_arn: str, resource: str) -> Answer:
    """Refuse as the service does when no policy allows the action."""
    if call.protocol is Protocol.EC2:
        message = (
            f"You are not authorized to perform this operation. User: {user_arn} is not authorized to perform: "
            f"{action} because no identity-based policy allows the {action} action"
        )
        return error_answer(call, code="UnauthorizedOperation", message=message, status=403)
    message = f"User: {user_arn} is not authorized to perform: {action} on resource: {resource}"
    code = "AccessDenied" if call.protocol in _XML else "AccessDeniedException"
    return error_answer(call, code=code, message=message, status=403)


def throttled_answer(call: Call) -> Answer:
    """Refuse as the service does when its request rate is exceeded."""
    if call.protocol is Protocol.EC2:
        return error_answer(call, code="RequestLimitExceeded", message="Request limit exceeded.", status=503)
    code = "Throttling" if call.protocol in _XML else "ThrottlingException"
    return error_answer(call, code=code, message="Rate exceeded", status=400)


def failed_answer(call: Call, code: str) -> Answer:
    """Fail as the service does when something inside it broke."""
    return error_answer(call, code=code, message="An internal error has occurred", status=500)


def not_implemented_answer(call: Call, reason: str = "") -> Answer:
    """Say loudly that the sandbox does not know this operation."""
    message = f"The sandbox does not implement {call.action}" + (f": {reason}" if reason else ".")
    code = "UnsupportedOperation" if call.protocol is Protocol.EC2 else "UnsupportedOperationException"
    return error_answer(call, code=code, message=message, status=501)
