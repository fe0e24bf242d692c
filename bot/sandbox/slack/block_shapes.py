"""Block Kit as a table: every block, element and composition object, its keys and its limits.

Numbers are those of docs.slack.dev/reference/block-kit and of slack_sdk 3.47's own models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.sandbox.slack.shape_checks import (
    Check,
    Flaw,
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
_KIND: Final = {"type": anything}


def plain(maximum: int, *, minimum: int = 1) -> Check:
    """Return the check of a plain_text object of at most `maximum` characters."""
    return by_type({"plain_text": shape({**_KIND, "text": string(maximum, minimum=minimum)}, {"emoji": boolean})})


def text(maximum: int) -> Check:
    """Return the check of a plain_text or mrkdwn object of at most `maximum` characters."""
    return by_type(
        {
            "plain_text": shape({**_KIND, "text": string(maximum)}, {"emoji": boolean}),
            "mrkdwn": shape({**_KIND, "text": string(maximum)}, {"verbatim": boolean}),
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
    {**_KIND, "alt_text": string(2000)},
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
_BUTTON_EXTRAS: Final = {
    **_ACTS,
    "value": string(2000),
    "accessibility_label": string(75),
    "visible_to_user_ids": items(string(), maximum=100),
}


def _ids(key: str, *, many: bool = False) -> Mapping[str, Check]:
    return {key: items(string(), maximum=100), **_MAX_SELECTED} if many else {key: string()}


BUTTON: Final = shape(
    {**_KIND, "text": plain(75)},
    {**_BUTTON_EXTRAS, "url": url(), "style": one_of("primary", "danger"), "agent_prompt": string(4000)},
)
ELEMENTS: Final[Mapping[str, Check]] = {
    "button": BUTTON,
    "checkboxes": shape(
        {**_KIND, "options": items(OPTION, maximum=10)},
        {**_ACTS, "focus_on_load": boolean, "initial_options": items(OPTION, maximum=10)},
    ),
    "radio_buttons": shape(
        {**_KIND, "options": items(OPTION, maximum=10)}, {**_ACTS, "focus_on_load": boolean, "initial_option": OPTION}
    ),
    "overflow": shape({**_KIND, "options": items(OPTION, maximum=5)}, _ACTS),
    "datepicker": shape(_KIND, {**_INPUT, "initial_date": string(10)}),
    "timepicker": shape(_KIND, {**_INPUT, "initial_time": string(5), "timezone": string()}),
    "datetimepicker": shape(_KIND, {**_ACTS, "focus_on_load": boolean, "initial_date_time": number(0)}),
    "static_select": shape(_KIND, {**_INPUT, **_OPTIONS, "initial_option": OPTION}, any_of=tuple(_OPTIONS)),
    "multi_static_select": shape(
        _KIND,
        {**_INPUT, **_OPTIONS, "initial_options": items(OPTION, maximum=100), **_MAX_SELECTED},
        any_of=tuple(_OPTIONS),
    ),
    "external_select": shape(_KIND, {**_INPUT, "min_query_length": number(0), "initial_option": OPTION}),
    "multi_external_select": shape(
        _KIND,
        {**_INPUT, "min_query_length": number(0), "initial_options": items(OPTION, maximum=100), **_MAX_SELECTED},
    ),
    "users_select": shape(_KIND, {**_INPUT, **_ids("initial_user")}),
    "multi_users_select": shape(_KIND, {**_INPUT, **_ids("initial_users", many=True)}),
    "channels_select": shape(_KIND, {**_INPUT, **_ids("initial_channel"), "response_url_enabled": boolean}),
    "multi_channels_select": shape(_KIND, {**_INPUT, **_ids("initial_channels", many=True)}),
    "conversations_select": shape(
        _KIND,
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
        _KIND,
        {
            **_TYPED,
            "initial_value": string(3000, minimum=0),
            "multiline": boolean,
            "min_length": number(0, 3000),
            "max_length": number(1, 3000),
        },
    ),
    "email_text_input": shape(_KIND, {**_TYPED, "initial_value": string()}),
    "url_text_input": shape(_KIND, {**_TYPED, "initial_value": string()}),
    "number_input": shape(
        {**_KIND, "is_decimal_allowed": boolean},
        {**_TYPED, "initial_value": string(), "min_value": string(), "max_value": string()},
    ),
}

_STYLE: Final = shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight"), boolean))
_RICH_PARTS: Final = by_type(
    {
        "text": shape({**_KIND, "text": string()}, {"style": _STYLE}),
        "link": shape({**_KIND, "url": url()}, {"text": string(), "unsafe": boolean, "style": _STYLE}),
        "emoji": shape({**_KIND, "name": string()}, {"unicode": string(), "skin_tone": number(1, 6), "style": _STYLE}),
        "user": shape({**_KIND, "user_id": string()}, {"style": _STYLE}),
        "channel": shape({**_KIND, "channel_id": string()}, {"style": _STYLE}),
        "usergroup": shape({**_KIND, "usergroup_id": string()}, {"style": _STYLE}),
        "broadcast": shape({**_KIND, "range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
        "date": shape({**_KIND, "timestamp": number(0), "format": string()}, {"url": url(), "fallback": string()}),
        "color": shape({**_KIND, "value": string()}, {"style": _STYLE}),
    }
)
_PARTS: Final = items(_RICH_PARTS, minimum=0, maximum=1000)
_RICH_SECTION: Final = shape({**_KIND, "elements": _PARTS})
RICH_ELEMENTS: Final[Mapping[str, Check]] = {
    "rich_text_section": _RICH_SECTION,
    "rich_text_preformatted": shape({**_KIND, "elements": _PARTS}, {"border": number(0, 1), "language": string()}),
    "rich_text_quote": shape({**_KIND, "elements": _PARTS}, {"border": number(0, 1)}),
    "rich_text_list": shape(
        {
            **_KIND,
            "style": one_of("bullet", "ordered"),
            "elements": items(by_type({"rich_text_section": _RICH_SECTION}), maximum=1000),
        },
        {"indent": number(0, 8), "offset": number(0), "border": number(0, 1)},
    ),
}
_BLOCK: Final = {"block_id": IDENTIFIER}
RICH_TEXT: Final = shape({**_KIND, "elements": items(by_type(RICH_ELEMENTS), minimum=0, maximum=1000)}, _BLOCK)
_RAW_CELLS: Final[Mapping[str, Check]] = {
    "raw_text": shape({**_KIND, "text": string()}),
    "raw_number": shape({**_KIND, "value": number(whole=False), "text": string()}),
}
_CELLS: Final = items(by_type({**_RAW_CELLS, "rich_text": RICH_TEXT}), maximum=20)
_COLUMN: Final = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})


def _column(value: object, at: str) -> Iterator[Flaw]:
    if value is not None:
        yield from _COLUMN(value, at)


_POINT: Final = shape({"label": string(20), "value": number(whole=False)})
_SERIES: Final = shape({"name": string(20), "data": items(_POINT, maximum=20)})
_AXES: Final = shape({"categories": items(string(20), maximum=20)}, {"x_label": string(50), "y_label": string(50)})
_PLOTTED: Final = shape({**_KIND, "series": items(_SERIES, maximum=6), "axis_config": _AXES})
_CHART: Final = by_type(
    {
        "pie": shape({**_KIND, "segments": items(_POINT, maximum=6)}),
        "bar": _PLOTTED,
        "area": _PLOTTED,
        "line": _PLOTTED,
    }
)
CARD: Final = shape(
    _KIND,
    {
        **_BLOCK,
        "hero_image": IMAGE_ELEMENT,
        "icon": IMAGE_ELEMENT,
        "title": text(150),
        "subtitle": text(150),
        "body": text(200),
        "actions": items(by_type({"button": BUTTON}), maximum=3),
    },
    any_of=("hero_image", "title", "actions", "body"),
)
_FEEDBACK: Final = shape({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)})
_CONTEXT_ACTIONS: Final = by_type(
    {
        "feedback_buttons": shape(
            {**_KIND, "positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": IDENTIFIER}
        ),
        "icon_button": shape({**_KIND, "icon": one_of("trash"), "text": plain(75)}, _BUTTON_EXTRAS),
    }
)


def _inside_container(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
    allowed = {name: check for name, check in MESSAGE_BLOCKS.items() if name not in {"container", "carousel"}}
    yield from by_type(allowed)(value, at)


MESSAGE_BLOCKS: Final[Mapping[str, Check]] = {
    "section": shape(
        _KIND,
        {
            **_BLOCK,
            "text": text(3000),
            "fields": items(text(2000), maximum=10),
            "accessory": by_type({**ELEMENTS, "image": IMAGE_ELEMENT}),
            "expand": boolean,
        },
        any_of=("text", "fields"),
    ),
    "header": shape({**_KIND, "text": plain(150)}, {**_BLOCK, "level": number(1, 4)}),
    "divider": shape(_KIND, _BLOCK),
    "context": shape(
        {
            **_KIND,
            "elements": items(
                by_type({"plain_text": text(3000), "mrkdwn": text(3000), "image": IMAGE_ELEMENT}), maximum=10
            ),
        },
        _BLOCK,
    ),
    "context_actions": shape({**_KIND, "elements": items(_CONTEXT_ACTIONS, maximum=5)}, _BLOCK),
    "actions": shape({**_KIND, "elements": items(by_type(ELEMENTS), maximum=25)}, _BLOCK),
    "image": shape(
        {**_KIND, "alt_text": string(2000)},
        {**_BLOCK, "image_url": url(), "slack_file": SLACK_FILE, "title": plain(2000)},
        any_of=("image_url", "slack_file"),
    ),
    "input": shape(
        {**_KIND, "label": plain(2000), "element": by_type(INPUTS)},
        {**_BLOCK, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "markdown": shape({**_KIND, "text": string(12_000)}, _BLOCK),
    "rich_text": RICH_TEXT,
    "table": shape(
        {**_KIND, "rows": items(_CELLS, maximum=100)},
        {**_BLOCK, "column_settings": items(_column, minimum=0, maximum=20)},
    ),
    "data_table": shape(
        {**_KIND, "caption": string(), "rows": items(_CELLS, minimum=2, maximum=101)},
        {**_BLOCK, "page_size": number(1, 100), "row_header_column_index": number(0, 19)},
    ),
    "data_visualization": shape({**_KIND, "title": string(50), "chart": _CHART}, _BLOCK),
    "card": CARD,
    "carousel": shape({**_KIND, "elements": items(by_type({"card": CARD}), maximum=10)}, _BLOCK),
    "container": shape(
        {**_KIND, "child_blocks": items(_inside_container, maximum=10)},
        {
            **_BLOCK,
            "title": plain(150),
            "rich_text_title": RICH_TEXT,
            "subtitle": text(150),
            "width": one_of("narrow", "standard", "wide", "full"),
            "icon": IMAGE_ELEMENT,
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
        },
        any_of=("title", "rich_text_title"),
    ),
}
"""What may stand in a message, by `type`."""

VIEW_BLOCKS: Final[Mapping[str, Check]] = {
    **MESSAGE_BLOCKS,
    "alert": shape(
        {**_KIND, "text": text(200)}, {**_BLOCK, "level": one_of("default", "info", "warning", "error", "success")}
    ),
}
"""What may stand in a modal: alerts are for modals only."""

_VIEW: Final = {
    **_KIND,
    "blocks": items(by_type(VIEW_BLOCKS), maximum=100),
}
_VIEW_EXTRAS: Final = {
    "callback_id": IDENTIFIER,
    "private_metadata": string(3000, minimum=0),
    "external_id": string(255, minimum=0),
}
VIEWS: Final[Mapping[str, Check]] = {
    "modal": shape(
        {**_VIEW, "title": plain(24)},
        {
            **_VIEW_EXTRAS,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    "home": shape(_VIEW, _VIEW_EXTRAS),
}
"""Views by `type`."""
