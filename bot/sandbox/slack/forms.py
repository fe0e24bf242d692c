"""Fill a modal's inputs as Slack's client does, with the checks that it makes before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Values: TypeAlias = dict[str, dict[str, Any]]
_CHOSEN = {
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
}


def filled(view: Mapping[str, Any], answers: Mapping[str, str]) -> tuple[Values, dict[str, str]]:
    """Return the view's state and, by block id, what the client itself would complain about.

    `answers` are keyed by action id, block id or the label's words; a key that fits nothing raises KeyError.
    """
    values: Values = {}
    errors: dict[str, str] = {}
    used: set[str] = set()
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element, names = block["element"], _names(block)
        used |= names & answers.keys()
        answer = next((answers[name] for name in names if name in answers), element.get("initial_value", ""))
        values.setdefault(block["block_id"], {})[element["action_id"]] = _state(element, answer)
        complaint = _complaint(block, answer)
        if complaint:
            errors[block["block_id"]] = complaint
    if unknown := answers.keys() - used:
        raise KeyError(f"the modal asks for nothing called {', '.join(sorted(unknown))}")
    return values, errors


def _names(block: Mapping[str, Any]) -> set[str]:
    return {block["block_id"], block["element"]["action_id"], block["label"]["text"]}


def _complaint(block: Mapping[str, Any], answer: str) -> str:
    element = block["element"]
    if not answer.strip():
        return "" if block.get("optional") else "Please complete this required field."
    if len(answer) > element.get("max_length", 3000):
        return f"Must be {element.get('max_length', 3000)} characters or fewer."
    if len(answer) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters."
    return ""


def _state(element: Mapping[str, Any], answer: str) -> dict[str, Any]:
    kind = element["type"]
    if kind not in _CHOSEN:
        return {"type": kind, "value": answer or None}
    if "options" in element:
        chosen = [o for o in element["options"] if answer in {o["value"], o["text"]["text"]}]
        many = _CHOSEN[kind] == "selected_options"
        return {"type": kind, _CHOSEN[kind]: chosen if many else (chosen[0] if chosen else None)}
    return {"type": kind, _CHOSEN[kind]: answer or None}
