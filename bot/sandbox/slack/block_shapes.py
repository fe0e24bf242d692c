"""Block Kit as a table, second half: blocks and views, their keys and limits.

Numbers are those of docs.slack.dev/reference/block-kit and of slack_sdk 3.47's own models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.sandbox.slack.block_elements import (
    BUTTON,
    BUTTON_EXTRAS,
    ELEMENTS,
    IDENTIFIER,
    IMAGE_ELEMENT,
    INPUTS,
    KIND,
    SLACK_FILE,
    plain,
    text,
)
from bot.sandbox.slack.shape_checks import (
    Check,
    Flaw,
    boolean,
    by_type,
    items,
    number,
    one_of,
    shape,
    string,
    url,
)

_STYLE: Final = shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight"), boolean))
_RICH_PARTS: Final = by_type(
    {
        "text": shape({**KIND, "text": string()}, {"style": _STYLE}),
        "link": shape({**KIND, "url": url()}, {"text": string(), "unsafe": boolean, "style": _STYLE}),
        "emoji": shape({**KIND, "name": string()}, {"unicode": string(), "skin_tone": number(1, 6), "style": _STYLE}),
        "user": shape({**KIND, "user_id": string()}, {"style": _STYLE}),
        "channel": shape({**KIND, "channel_id": string()}, {"style": _STYLE}),
        "usergroup": shape({**KIND, "usergroup_id": string()}, {"style": _STYLE}),
        "broadcast": shape({**KIND, "range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
        "date": shape({**KIND, "timestamp": number(0), "format": string()}, {"url": url(), "fallback": string()}),
        "color": shape({**KIND, "value": string()}, {"style": _STYLE}),
    }
)
_PARTS: Final = items(_RICH_PARTS, minimum=0, maximum=1000)
_RICH_SECTION: Final = shape({**KIND, "elements": _PARTS})
RICH_ELEMENTS: Final[Mapping[str, Check]] = {
    "rich_text_section": _RICH_SECTION,
    "rich_text_preformatted": shape({**KIND, "elements": _PARTS}, {"border": number(0, 1), "language": string()}),
    "rich_text_quote": shape({**KIND, "elements": _PARTS}, {"border": number(0, 1)}),
    "rich_text_list": shape(
        {
            **KIND,
            "style": one_of("bullet", "ordered"),
            "elements": items(by_type({"rich_text_section": _RICH_SECTION}), maximum=1000),
        },
        {"indent": number(0, 8), "offset": number(0), "border": number(0, 1)},
    ),
}
_BLOCK: Final = {"block_id": IDENTIFIER}
RICH_TEXT: Final = shape({**KIND, "elements": items(by_type(RICH_ELEMENTS), minimum=0, maximum=1000)}, _BLOCK)
_RAW_CELLS: Final[Mapping[str, Check]] = {
    "raw_text": shape({**KIND, "text": string()}),
    "raw_number": shape({**KIND, "value": number(whole=False), "text": string()}),
}
_CELLS: Final = items(by_type({**_RAW_CELLS, "rich_text": RICH_TEXT}), maximum=20)
_COLUMN: Final = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})


def _column(value: object, at: str) -> Iterator[Flaw]:
    if value is not None:
        yield from _COLUMN(value, at)


_POINT: Final = shape({"label": string(20), "value": number(whole=False)})
_SERIES: Final = shape({"name": string(20), "data": items(_POINT, maximum=20)})
_AXES: Final = shape({"categories": items(string(20), maximum=20)}, {"x_label": string(50), "y_label": string(50)})
_PLOTTED: Final = shape({**KIND, "series": items(_SERIES, maximum=6), "axis_config": _AXES})
_CHART: Final = by_type(
    {
        "pie": shape({**KIND, "segments": items(_POINT, maximum=6)}),
        "bar": _PLOTTED,
        "area": _PLOTTED,
        "line": _PLOTTED,
    }
)
CARD: Final = shape(
    KIND,
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
            {**KIND, "positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": IDENTIFIER}
        ),
        "icon_button": shape({**KIND, "icon": one_of("trash"), "text": plain(75)}, BUTTON_EXTRAS),
    }
)


def _inside_container(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
    allowed = {name: check for name, check in MESSAGE_BLOCKS.items() if name not in {"container", "carousel"}}
    yield from by_type(allowed)(value, at)


MESSAGE_BLOCKS: Final[Mapping[str, Check]] = {
    "section": shape(
        KIND,
        {
            **_BLOCK,
            "text": text(3000),
            "fields": items(text(2000), maximum=10),
            "accessory": by_type({**ELEMENTS, "image": IMAGE_ELEMENT}),
            "expand": boolean,
        },
        any_of=("text", "fields"),
    ),
    "header": shape({**KIND, "text": plain(150)}, {**_BLOCK, "level": number(1, 4)}),
    "divider": shape(KIND, _BLOCK),
    "context": shape(
        {
            **KIND,
            "elements": items(
                by_type({"plain_text": text(3000), "mrkdwn": text(3000), "image": IMAGE_ELEMENT}), maximum=10
            ),
        },
        _BLOCK,
    ),
    "context_actions": shape({**KIND, "elements": items(_CONTEXT_ACTIONS, maximum=5)}, _BLOCK),
    "actions": shape({**KIND, "elements": items(by_type(ELEMENTS), maximum=25)}, _BLOCK),
    "image": shape(
        {**KIND, "alt_text": string(2000)},
        {**_BLOCK, "image_url": url(), "slack_file": SLACK_FILE, "title": plain(2000)},
        any_of=("image_url", "slack_file"),
    ),
    "input": shape(
        {**KIND, "label": plain(2000), "element": by_type(INPUTS)},
        {**_BLOCK, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "markdown": shape({**KIND, "text": string(12_000)}, _BLOCK),
    "rich_text": RICH_TEXT,
    "table": shape(
        {**KIND, "rows": items(_CELLS, maximum=100)},
        {**_BLOCK, "column_settings": items(_column, minimum=0, maximum=20)},
    ),
    "data_table": shape(
        {**KIND, "caption": string(), "rows": items(_CELLS, minimum=2, maximum=101)},
        {**_BLOCK, "page_size": number(1, 100), "row_header_column_index": number(0, 19)},
    ),
    "data_visualization": shape({**KIND, "title": string(50), "chart": _CHART}, _BLOCK),
    "card": CARD,
    "carousel": shape({**KIND, "elements": items(by_type({"card": CARD}), maximum=10)}, _BLOCK),
    "container": shape(
        {**KIND, "child_blocks": items(_inside_container, maximum=10)},
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
        {**KIND, "text": text(200)}, {**_BLOCK, "level": one_of("default", "info", "warning", "error", "success")}
    ),
}
"""What may stand in a modal: alerts are for modals only."""

_VIEW: Final = {
    **KIND,
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
