"""CloudTrail's event history: `LookupEvents`, by one attribute, newest first.

    POST   /sandbox/trail   {"delay_seconds": S}   how long after they happen events can be looked up; 0 at first

Source: CloudTrail API Reference, LookupEvents (one attribute, at most 50 events a page).
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.aws.answers import Json
from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Service, ServiceError, Serving
from bot.sandbox.aws.trail import Trail

_PAGE = 50


def _lookup(trail: Trail, call: Call, asked: Asked) -> dict[str, Any]:
    attributes = asked.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise ServiceError("InvalidLookupAttributesException", "Only one lookup attribute can be given.")
    size = asked.get("MaxResults", _PAGE)
    if not 1 <= size <= _PAGE:
        raise ServiceError("InvalidMaxResultsException", f"MaxResults must be from 1 to {_PAGE}.")
    since, until = asked.get("StartTime", 0.0), asked.get("EndTime", float("inf"))
    found = [
        event.row
        for event in trail.shown(call.account, call.region)
        if since <= event.happened_at <= until
        and all(event.has(one["AttributeKey"], one["AttributeValue"]) for one in attributes)
    ]
    events, token = page(found, size, asked.get("NextToken", ""))
    return {"Events": events, **({"NextToken": token} if token else {})}


def _open(cloud: Cloud) -> Serving:
    def set_trail(rest: list[str], document: Json) -> Json:
        del rest
        cloud.trail.delay_seconds = float(document["delay_seconds"])

    return Serving(
        operations={"LookupEvents": lambda call, asked: _lookup(cloud.trail, call, asked)},
        routes={("POST", "trail"): set_trail},
    )


SERVICE = Service(name="cloudtrail", open=_open)
