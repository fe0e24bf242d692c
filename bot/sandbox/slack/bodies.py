"""Read a Web API call's arguments, in every form in which clients send them.

slack_sdk sends JSON with an empty body for calls without arguments, GET for some calls, and form or
multipart bodies for others; nested values are JSON text inside forms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from email import message_from_string
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

JSON_ARGUMENTS = frozenset({"blocks", "attachments", "view", "metadata", "message", "files"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiArguments:
    """What a call brought."""

    token: str
    """From the Authorization header or the `token` argument; empty: none."""
    values: dict[str, Any]
    body: str
    """As it came, for the log."""


class UnreadableBody(Exception):
    """The body is not what its content type says; the text is Slack's error code."""


async def read_arguments(request: web.Request) -> ApiArguments:
    """Return the call's token and arguments; raises `UnreadableBody`."""
    values: dict[str, Any] = dict(request.query)
    raw = await request.read()
    body = raw.decode("utf-8", "replace")
    if request.method == "POST":
        values |= _body_values(request, body)
    header = request.headers.get("Authorization", "")
    token = header[len("Bearer ") :] if header.startswith("Bearer ") else str(values.pop("token", ""))
    values.pop("token", None)
    return ApiArguments(token=token, values=_parsed(values), body=body)


def _body_values(request: web.Request, body: str) -> dict[str, Any]:
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body, keep_blank_values=True))
    if request.content_type == "multipart/form-data":
        return _multipart(request.headers["Content-Type"], body)
    if not body.strip():
        return {}
    try:
        values = json.loads(body)
    except ValueError as error:
        raise UnreadableBody("invalid_json") from error
    if not isinstance(values, dict):
        raise UnreadableBody("json_not_object")
    return values


def _multipart(content_type: str, body: str) -> dict[str, Any]:
    whole = message_from_string(f"Content-Type: {content_type}\n\n{body}")
    parts = [part for part in whole.walk() if not part.is_multipart()]
    return {str(part.get_param("name", header="content-disposition")): part.get_payload() for part in parts}


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    parsed = dict(values)
    for key in JSON_ARGUMENTS & values.keys():
        if isinstance(values[key], str):
            try:
                parsed[key] = json.loads(values[key])
            except ValueError as error:
                raise UnreadableBody(f"invalid_{key}") from error
    return parsed
