"""Read a Web API call's arguments, in every form in which clients send them.

slack_sdk sends JSON with an empty body for calls without arguments, GET for some calls, and form or
multipart bodies for others; nested values are JSON text inside forms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

JSON_ARGUMENTS = frozenset({"blocks", "attachments", "view", "metadata", "message"})


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
        values |= await _body_values(request, body)
    header = request.headers.get("Authorization", "")
    token = header[len("Bearer ") :] if header.startswith("Bearer ") else str(values.pop("token", ""))
    values.pop("token", None)
    return ApiArguments(token=token, values=_parsed(values), body=body)


async def _body_values(request: web.Request, body: str) -> dict[str, Any]:
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    if not body.strip():
        return {}
    try:
        values = json.loads(body)
    except ValueError as error:
        raise UnreadableBody("invalid_json") from error
    if not isinstance(values, dict):
        raise UnreadableBody("json_not_object")
    return values


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    parsed = dict(values)
    for key in JSON_ARGUMENTS & values.keys():
        if isinstance(values[key], str):
            try:
                parsed[key] = json.loads(values[key])
            except ValueError as error:
                raise UnreadableBody(f"invalid_{key}") from error
    return parsed
