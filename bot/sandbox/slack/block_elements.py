"""Block Kit as a table, first half: composition objects and elements, their keys and limits.

Numbers are those of docs.slack.dev/reference/block-kit and of slack_sdk 3.47's own models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.sandbox.slack.shape_checks import (
    Check,
    anything,
    boolean,
    by_type,
    items,
    number,
    one_of,
    shape,
    string,
    url,
)

IDENTIFIER: Final = string(255)
KIND: Final = {"type": anything}


def plain(maximum: int, *, minimum: int = 1) -> Check:
    """Return the check of a plain_text object of at most `maximum` characters."""
    return by_type({"plain_text": shape({**KIND, "text": string(maximum, minimum=minimum)}, {"emoji": boolean})})


def text(maximum: int) -> Check:
    """Return the check of a plain_text or mrkdwn object of at most `maximum` characters."""
    return by_type(
        {
            "plain_text": shape({**KIND, "text": string(maximum)}, {"emoji": boolean}),
            "mrkdwn": shape({**KIND, "text": string(maximum)}, {"verbatim": boolean}),
        }
    )


CONFIRM: Final = shape(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)
OPTION: Final = shape({"text": text(75), "value": string(150)}, {"description": text(75), "url": url()})
OPTION_GROUP: Final = shape({"label": plain(75), "options": items(OPTION, maximum=100)})
SLACK_FILE: Final = shape({}, {"id": string(), "url": url()}, any_of=("id", "url"))
IMAGE_ELEMENT: Final = shape(
    {**KIND, "alt_text": string(2000)},
    {"image_url": url(), "slack_file": SLACK_FILE},
    any_of=("image_url", "slack_file"),
)

_ACTS: Final = {"action_id": IDENTIFIER, "confirm": CONFIRM}
_INPUT: Final = {**_ACTS, "placeholder": plain(150), "focus_on_load": boolean}
_TYPED: Final = {
    "action_id": IDENTIFIER,
    "placeholder": plain(150),
    "focus_on_load": boolean,
    "dispatch_action_config": shape(
        {}, {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), maximum=2)}
    ),
}
_OPTIONS: Final = {"options": items(OPTION, maximum=100), "option_groups": items(OPTION_GROUP, maximum=100)}
_MAX_SELECTED: Final = {"max_selected_items": number(1)}
BUTTON_EXTRAS: Final = {
    **_ACTS,
    "value": string(2000),
    "accessibility_label": string(75),
    "visible_to_user_ids": items(string(), maximum=100),
}


def _ids(key: str, *, many: bool = False) -> Mapping[str, Check]:
    return {key: items(string(), maximum=100), **_MAX_SELECTED} if many else {key: string()}


BUTTON: Final = shape(
    {**KIND, "text": plain(75)},
    {**BUTTON_EXTRAS, "url": url(), "style": one_of("primary", "danger"), "agent_prompt": string(4000)},
)
ELEMENTS: Final[Mapping[str, Check]] = {
    "button": BUTTON,
    "checkboxes": shape(
        {**KIND, "options": items(OPTION, maximum=10)},
        {**_ACTS, "focus_on_load": boolean, "initial_options": items(OPTION, maximum=10)},
    ),
    "radio_buttons": shape(
        {**KIND, "options": items(OPTION, maximum=10)}, {**_ACTS, "focus_on_load": boolean, "initial_option": OPTION}
    ),
    "overflow": shape({**KIND, "options": items(OPTION, maximum=5)}, _ACTS),
    "datepicker": shape(KIND, {**_INPUT, "initial_date": string(10)}),
    "timepicker": shape(KIND, {**_INPUT, "initial_time": string(5), "timezone": string()}),
    "datetimepicker": shape(KIND, {**_ACTS, "focus_on_load": boolean, "initial_date_time": number(0)}),
    "static_select": shape(KIND, {**_INPUT, **_OPTIONS, "initial_option": OPTION}, any_of=tuple(_OPTIONS)),
    "multi_static_select": shape(
        KIND,
        {**_INPUT, **_OPTIONS, "initial_options": items(OPTION, maximum=100), **_MAX_SELECTED},
        any_of=tuple(_OPTIONS),
    ),
    "external_select": shape(KIND, {**_INPUT, "min_query_length": number(0), "initial_option": OPTION}),
    "multi_external_select": shape(
        KIND,
        {**_INPUT, "min_query_length": number(0), "initial_options": items(OPTION, maximum=100), **_MAX_SELECTED},
    ),
    "users_select": shape(KIND, {**_INPUT, **_ids("initial_user")}),
    "multi_users_select": shape(KIND, {**_INPUT, **_ids("initial_users", many=True)}),
    "channels_select": shape(KIND, {**_INPUT, **_ids("initial_channel"), "response_url_enabled": boolean}),
    "multi_channels_select": shape(KIND, {**_INPUT, **_ids("initial_channels", many=True)}),
    "conversations_select": shape(
        KIND,
        {
            **_INPUT,
            **_ids("initial_conversation"),
            "response_url_enabled": boolean,
            "default_to_current_conversation": boolean,
            "filter": anything,
        },
    ),
}
INPUTS: Final[Mapping[str, Check]] = {
    **{name: check for name, check in ELEMENTS.items() if name not in {"button", "overflow"}},
    "plain_text_input": shape(
        KIND,
        {
            **_TYPED,
            "initial_value": string(3000, minimum=0),
            "multiline": boolean,
            "min_length": number(0, 3000),
            "max_length": number(1, 3000),
        },
    ),
    "email_text_input": shape(KIND, {**_TYPED, "initial_value": string()}),
    "url_text_input": shape(KIND, {**_TYPED, "initial_value": string()}),
    "number_input": shape(
        {**KIND, "is_decimal_allowed": boolean},
        {**_TYPED, "initial_value": string(), "min_value": string(), "max_value": string()},
    ),
}
