"""Whether a signed delivery is of Slack's protocol, as far as it is read: else one line is logged, no traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

OBJECTS = ("user", "team", "channel", "container", "message", "view", "event")
"""Members of a delivery that are objects where they are there."""


def misshapen(body: str, content_type: str) -> str:
    """Return what is wrong with a delivery's body, or nothing. A command is a form without `payload`."""
    text = body
    if not content_type.startswith("application/json"):
        payloads = parse_qs(body, keep_blank_values=True).get("payload")
        if payloads is None:
            return ""
        text = payloads[0]
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return "it is no JSON"
    return next(_faults(payload), "")


def _faults(payload: Any) -> Iterator[str]:  # noqa: ANN401  # whatever was sent
    if not isinstance(payload, Mapping):
        yield "it is no object"
        return
    yield from (f"{name} is no object" for name in OBJECTS if not isinstance(payload.get(name) or {}, Mapping))
    actions = payload.get("actions") or []
    if not isinstance(actions, list) or not all(isinstance(action, Mapping) for action in actions):
        yield "actions is no list of objects"
    view = payload.get("view")
    if isinstance(view, Mapping) and not isinstance(view.get("type"), str):
        yield "view has no type"
    if isinstance(view, Mapping) and not _has_state(view):
        yield "view.state is not of its form"


def _has_state(view: Mapping[str, Any]) -> bool:
    state = view.get("state") or {}
    values = (state.get("values") or {}) if isinstance(state, Mapping) else None
    return isinstance(values, Mapping) and all(
        isinstance(block, Mapping) and all(isinstance(field, Mapping) for field in block.values())
        for block in values.values()
    )
