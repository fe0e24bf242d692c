from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.sandbox.slack.blocks import check_message, check_view, too_long

PLAIN: dict[str, Any] = {"type": "plain_text", "text": "words"}
BUTTON: dict[str, Any] = {"type": "button", "action_id": "go", "text": PLAIN, "value": "1"}
OPTION: dict[str, Any] = {"text": PLAIN, "value": "1"}
IMAGE: dict[str, Any] = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}
CONFIRM: dict[str, Any] = {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN}
CARD: dict[str, Any] = {"type": "card", "title": PLAIN}
CELL: dict[str, Any] = {"type": "raw_text", "text": "a"}
RICH: dict[str, Any] = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}],
}
BAR: dict[str, Any] = {
    "type": "bar",
    "series": [{"name": "s", "data": [{"label": "a", "value": 1}]}],
    "axis_config": {"categories": ["a"]},
}


def plain(length: int) -> dict[str, Any]:
    """Return a plain_text object of this length."""
    return {"type": "plain_text", "text": "x" * length}


def rich(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return a rich text block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(parts)}]}


def section(**more: Any) -> dict[str, Any]:
    """Return a section."""
    return {"type": "section", "text": PLAIN, **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    """Return an actions block."""
    return {"type": "actions", "elements": list(elements)}


def button(**more: Any) -> dict[str, Any]:
    """Return a button."""
    return {**BUTTON, **more}


def select(**more: Any) -> dict[str, Any]:
    """Return a select menu."""
    return {"type": "static_select", "action_id": "pick", "options": [OPTION], **more}


def entry(**more: Any) -> dict[str, Any]:
    """Return an input block."""
    element = {"type": "plain_text_input", "action_id": "why"}
    return {"type": "input", "label": PLAIN, "element": element, **more}


def table(rows: int, columns: int, text: str = "a") -> dict[str, Any]:
    """Return a table of equal cells."""
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * columns] * rows}


def data_table(rows: int = 2, **more: Any) -> dict[str, Any]:
    """Return a data table."""
    return {"type": "data_table", "caption": "c", "rows": [[CELL]] * rows, **more}


def chart(chart: dict[str, Any], title: str = "t") -> dict[str, Any]:
    """Return a chart block."""
    return {"type": "data_visualization", "title": title, "chart": chart}


def container(*children: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a container."""
    return {"type": "container", "title": PLAIN, "child_blocks": list(children), **more}


def modal(**more: Any) -> dict[str, Any]:
    """Return a modal."""
    return {"type": "modal", "title": PLAIN, "submit": PLAIN, "blocks": [entry()], **more}


ACCEPTED = {
    "section": [section(fields=[plain(2000)] * 10, accessory=BUTTON)],
    "section with 3,000 characters": [section(text={"type": "mrkdwn", "text": "x" * 3000, "verbatim": True})],
    "header": [{"type": "header", "text": plain(150)}],
    "divider": [{"type": "divider"}],
    "context": [{"type": "context", "elements": [IMAGE, PLAIN, {"type": "mrkdwn", "text": "a"}]}],
    "25 buttons": [actions(*(button(action_id=str(n)) for n in range(25)))],
    "button with all": [
        actions(
            button(
                text=plain(75),
                value="x" * 2000,
                url="https://example.com/" + "x" * 2980,
                style="danger",
                accessibility_label="x" * 75,
                confirm={"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
            )
        )
    ],
    "select of 100": [actions(select(options=[OPTION] * 100, placeholder=plain(150)))],
    "overflow of 5": [section(accessory={"type": "overflow", "action_id": "o", "options": [OPTION] * 5})],
    "image": [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "a", "title": plain(2000)}],
    "input": [entry(hint=plain(2000), optional=True)],
    "markdown": [{"type": "markdown", "text": "x" * 12_000}],
    "rich text": [
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "log"}], "border": 0},
                {"type": "rich_text_list", "style": "bullet", "elements": RICH["elements"], "indent": 1},
                {"type": "rich_text_quote", "elements": [{"type": "link", "url": "https://example.com"}]},
            ],
        }
    ],
    "table": [{**table(100, 20, "abcde"), "column_settings": [{"align": "right"}, None]}],
    "data table": [data_table(101, page_size=100, row_header_column_index=0)],
    "pie": [chart({"type": "pie", "segments": [{"label": "a", "value": 1.5}] * 6})],
    "bar": [chart(BAR, title="x" * 50)],
    "card": [{**CARD, "body": plain(200), "actions": [BUTTON]}],
    "carousel": [{"type": "carousel", "elements": [CARD] * 10}],
    "container": [container(section(), RICH, is_collapsible=True, default_collapsed=True)],
    "feedback": [
        {
            "type": "context_actions",
            "elements": [
                {
                    "type": "feedback_buttons",
                    "positive_button": {"text": PLAIN, "value": "1"},
                    "negative_button": {"text": PLAIN, "value": "0"},
                }
            ],
        }
    ],
    "50 blocks": [{"type": "divider"}] * 50,
    "same action in two blocks": [actions(BUTTON), actions(BUTTON)],
}


@pytest.mark.parametrize("blocks", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_blocks_within_the_limits_are_taken(blocks: list[dict[str, Any]]) -> None:
    """What stands exactly at Slack's limits is accepted."""
    assert check_message(blocks) == ()


@pytest.mark.parametrize("blocks", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_slack_sdk_agrees_with_what_is_taken(blocks: list[dict[str, Any]]) -> None:
    """The vendor's own models, where they know the block, find nothing wrong with it either."""
    for block in blocks:
        parsed = Block.parse(copy.deepcopy(block))
        if parsed is not None:
            parsed.validate_json()


# id: (blocks, pointer, words, does slack_sdk refuse it too)
REFUSED: dict[str, tuple[list[Any], str, str, bool]] = {
    "section text 3001": ([section(text=plain(3001))], "/blocks/0/text/text", "less than 3001", True),
    "empty section text": ([section(text=plain(0))], "/blocks/0/text/text", "more than 0", False),
    "section of nothing": ([{"type": "section"}], "/blocks/0", "text, fields", True),
    "field 2001": ([section(fields=[plain(2001)])], "/blocks/0/fields/0/text", "less than 2001", False),
    "11 fields": ([section(fields=[PLAIN] * 11)], "/blocks/0/fields", "no more than 10", True),
    "header 151": ([{"type": "header", "text": plain(151)}], "/blocks/0/text/text", "less than 151", True),
    "mrkdwn in header": (
        [{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}],
        "/blocks/0/text/type",
        "unsupported type: mrkdwn",
        False,
    ),
    "mrkdwn in button": (
        [actions(button(text={"type": "mrkdwn", "text": "a"}))],
        "/blocks/0/elements/0/text/type",
        "unsupported type: mrkdwn",
        False,
    ),
    "51 blocks": ([{"type": "divider"}] * 51, "/blocks", "no more than 50", False),
    "unknown type": ([{"type": "banner"}], "/blocks/0/type", "unsupported type: banner", False),
    "no type": ([{"text": PLAIN}], "/blocks/0", "missing required field: type", False),
    "not an object": (["words"], "/blocks/0", "must provide an object", False),
    "unknown key": ([section(colour="red")], "/blocks/0/colour", "additional property", False),
    "11 context elements": ([{"type": "context", "elements": [PLAIN] * 11}], "/blocks/0/elements", "10", True),
    "6 context actions": (
        [{"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": PLAIN}] * 6}],
        "/blocks/0/elements",
        "no more than 5",
        True,
    ),
    "26 elements": ([actions(*[button(action_id=str(n)) for n in range(26)])], "/blocks/0/elements", "25", True),
    "no elements": ([actions()], "/blocks/0/elements", "no less than 1", False),
    "button text 76": ([actions(button(text=plain(76)))], "/blocks/0/elements/0/text/text", "76", True),
    "button value 2001": ([actions(button(value="x" * 2001))], "/blocks/0/elements/0/value", "2001", True),
    "button url 3001": (
        [actions(button(url="https://example.com/" + "x" * 2981))],
        "/blocks/0/elements/0/url",
        "3001",
        True,
    ),
    "button url of another kind": (
        [actions(button(url="javascript:alert(1)"))],
        "/blocks/0/elements/0/url",
        "valid URL",
        False,
    ),
    "button label 76": (
        [actions(button(accessibility_label="x" * 76))],
        "/blocks/0/elements/0/accessibility_label",
        "76",
        True,
    ),
    "button style": ([actions(button(style="green"))], "/blocks/0/elements/0/style", "primary, danger", True),
    "action_id 256": ([actions(button(action_id="x" * 256))], "/blocks/0/elements/0/action_id", "256", True),
    "block_id 256": ([section(block_id="x" * 256)], "/blocks/0/block_id", "256", True),
    "action_id twice in a block": ([actions(BUTTON, BUTTON)], "/blocks/0/elements/1/action_id", "unique", False),
    "block_id twice": ([section(block_id="a"), section(block_id="a")], "/blocks/1/block_id", "unique", False),
    "confirm title 101": (
        [actions(button(confirm={**CONFIRM, "title": plain(101)}))],
        "/blocks/0/elements/0/confirm/title/text",
        "101",
        True,
    ),
    "confirm text 301": (
        [actions(button(confirm={**CONFIRM, "text": plain(301)}))],
        "/blocks/0/elements/0/confirm/text/text",
        "301",
        True,
    ),
    "confirm yes 31": (
        [actions(button(confirm={**CONFIRM, "confirm": plain(31)}))],
        "/blocks/0/elements/0/confirm/confirm/text",
        "31",
        True,
    ),
    "confirm no 31": (
        [actions(button(confirm={**CONFIRM, "deny": plain(31)}))],
        "/blocks/0/elements/0/confirm/deny/text",
        "31",
        True,
    ),
    "confirm without no": (
        [actions(button(confirm={key: CONFIRM[key] for key in ("title", "text", "confirm")}))],
        "/blocks/0/elements/0/confirm",
        "missing required field: deny",
        False,
    ),
    "image url 3001": (
        [{**IMAGE, "image_url": "https://example.com/" + "x" * 2981}],
        "/blocks/0/image_url",
        "3001",
        True,
    ),
    "alt text 2001": ([{**IMAGE, "alt_text": "x" * 2001}], "/blocks/0/alt_text", "2001", True),
    "no alt text": ([{"type": "image", "image_url": "https://example.com"}], "/blocks/0", "alt_text", False),
    "no image": ([{"type": "image", "alt_text": "a"}], "/blocks/0", "image_url, slack_file", False),
    "image title 2001": ([{**IMAGE, "title": plain(2001)}], "/blocks/0/title/text", "2001", True),
    "option label 76": (
        [actions(select(options=[{**OPTION, "text": plain(76)}]))],
        "/blocks/0/elements/0/options/0/text/text",
        "76",
        False,
    ),
    "option value 151": (
        [actions(select(options=[{**OPTION, "value": "x" * 151}]))],
        "/blocks/0/elements/0/options/0/value",
        "151",
        False,
    ),
    "101 options": ([actions(select(options=[OPTION] * 101))], "/blocks/0/elements/0/options", "100", True),
    "select of nothing": (
        [actions({"type": "static_select", "action_id": "a"})],
        "/blocks/0/elements/0",
        "options, option_groups",
        False,
    ),
    "overflow of 6": (
        [section(accessory={"type": "overflow", "action_id": "o", "options": [OPTION] * 6})],
        "/blocks/0/accessory/options",
        "no more than 5",
        True,
    ),
    "placeholder 151": (
        [actions(select(placeholder=plain(151)))],
        "/blocks/0/elements/0/placeholder/text",
        "151",
        True,
    ),
    "input label 2001": ([entry(label=plain(2001))], "/blocks/0/label/text", "2001", True),
    "input hint 2001": ([entry(hint=plain(2001))], "/blocks/0/hint/text", "2001", True),
    "button as input": ([entry(element=BUTTON)], "/blocks/0/element/type", "unsupported type: button", False),
    "input among actions": (
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "/blocks/0/elements/0/type",
        "unsupported type",
        False,
    ),
    "markdown 12,001": ([{"type": "markdown", "text": "x" * 12_001}], "/blocks/0/text", "12001", True),
    "markdown 12,001 in two": ([{"type": "markdown", "text": "x" * 6001}] * 2, "/blocks", "12000", False),
    "empty rich text": (
        [
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]}],
            }
        ],
        "/blocks/0/elements/0/elements/0/text",
        "more than 0",
        False,
    ),
    "unknown rich part": (
        [rich({"type": "shout"})],
        "/blocks/0/elements/0/elements/0/type",
        "unsupported type: shout",
        False,
    ),
    "list without style": (
        [{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": RICH["elements"]}]}],
        "/blocks/0/elements/0",
        "missing required field: style",
        False,
    ),
    "101 rows": ([table(101, 1)], "/blocks/0/rows", "no more than 100", False),
    "21 cells": ([table(1, 21)], "/blocks/0/rows/0", "no more than 20", False),
    "21 column settings": ([{**table(1, 1), "column_settings": [None] * 21}], "/blocks/0/column_settings", "20", False),
    "column alignment": (
        [{**table(1, 1), "column_settings": [{"align": "justify"}]}],
        "/blocks/0/column_settings/0/align",
        "left, center, right",
        False,
    ),
    "empty cell": ([table(1, 1, "")], "/blocks/0/rows/0/0/text", "more than 0", False),
    "rows of unequal length": (
        [{"type": "table", "rows": [[CELL], [CELL, CELL]]}],
        "/blocks/0/rows/1",
        "same number of cells",
        False,
    ),
    "tables of 10,001 characters": ([table(50, 1, "x" * 200), table(1, 1)], "/blocks", "10000", False),
    "data table without rows": ([data_table(1)], "/blocks/0/rows", "no less than 2", False),
    "data table of 102 rows": ([data_table(102)], "/blocks/0/rows", "no more than 101", False),
    "data table without caption": (
        [{"type": "data_table", "rows": [[CELL]] * 2}],
        "/blocks/0",
        "missing required field: caption",
        False,
    ),
    "data table page of 101": ([data_table(page_size=101)], "/blocks/0/page_size", "less than or equal", False),
    "data table page of 0": ([data_table(page_size=0)], "/blocks/0/page_size", "greater than or equal", False),
    "rich text in a data table's header": (
        [data_table(rows=2) | {"rows": [[RICH], [CELL]]}],
        "/blocks/0/rows/0",
        "header cells",
        False,
    ),
    "chart title 51": ([chart(BAR, title="x" * 51)], "/blocks/0/title", "51", False),
    "7 series": ([chart({**BAR, "series": BAR["series"] * 7})], "/blocks/0/chart/series", "no more than 6", False),
    "series name 21": (
        [chart({**BAR, "series": [{**BAR["series"][0], "name": "x" * 21}]})],
        "/blocks/0/chart/series/0/name",
        "21",
        False,
    ),
    "21 points": (
        [chart({**BAR, "series": [{"name": "s", "data": BAR["series"][0]["data"] * 21}]})],
        "/blocks/0/chart/series/0/data",
        "no more than 20",
        False,
    ),
    "7 segments": (
        [chart({"type": "pie", "segments": [{"label": "a", "value": 1}] * 7})],
        "/blocks/0/chart/segments",
        "no more than 6",
        False,
    ),
    "radar chart": ([chart({"type": "radar"})], "/blocks/0/chart/type", "unsupported type: radar", False),
    "3 charts": ([chart(BAR)] * 3, "/blocks", "no more than 2", False),
    "alert in a message": ([{"type": "alert", "text": PLAIN}], "/blocks/0/type", "unsupported type: alert", False),
    "card title 151": ([{**CARD, "title": plain(151)}], "/blocks/0/title/text", "151", True),
    "card subtitle 151": ([{**CARD, "subtitle": plain(151)}], "/blocks/0/subtitle/text", "151", True),
    "card body 201": ([{**CARD, "body": plain(201)}], "/blocks/0/body/text", "201", True),
    "card with 4 buttons": (
        [{**CARD, "actions": [button(action_id=str(n)) for n in range(4)]}],
        "/blocks/0/actions",
        "no more than 3",
        False,
    ),
    "card of nothing": ([{"type": "card", "subtitle": PLAIN}], "/blocks/0", "one of", True),
    "11 cards": ([{"type": "carousel", "elements": [CARD] * 11}], "/blocks/0/elements", "no more than 10", True),
    "container of 11": ([container(*[section()] * 11)], "/blocks/0/child_blocks", "no more than 10", True),
    "container in a container": (
        [container(container(section()))],
        "/blocks/0/child_blocks/0/type",
        "container",
        False,
    ),
    "collapsed but not collapsible": (
        [container(section(), default_collapsed=True)],
        "/blocks/0/default_collapsed",
        "is_collapsible",
        False,
    ),
    "collapsible with a divider": (
        [container(section(), is_collapsible=True, has_header_divider=True)],
        "/blocks/0/has_header_divider",
        "is_collapsible",
        True,
    ),
    "same action in a container's block": (
        [container(actions(BUTTON, BUTTON))],
        "/blocks/0/child_blocks/0/elements/1/action_id",
        "unique",
        False,
    ),
    "text as a number": ([section(text={"type": "plain_text", "text": 5})], "/blocks/0/text/text", "a string", False),
    "emoji as text": (
        [section(text={"type": "plain_text", "text": "a", "emoji": "yes"})],
        "/blocks/0/text/emoji",
        "a boolean",
        False,
    ),
    "page size as text": ([data_table(page_size="5")], "/blocks/0/page_size", "a number", False),
    "elements as an object": ([{"type": "context", "elements": {}}], "/blocks/0/elements", "an array", False),
}


@pytest.mark.parametrize(("blocks", "pointer", "words", "_by_sdk"), REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_a_limit_is_refused_with_its_place(
    blocks: list[Any],
    pointer: str,
    words: str,
    _by_sdk: bool,  # noqa: FBT001  # a parametrised column
) -> None:
    """Each rule names the place by JSON pointer and says what is wrong there."""
    flaws = check_message(blocks)

    assert [flaw.pointer for flaw in flaws] == [pointer]
    assert words in flaws[0].text
    assert flaws[0].text.endswith(f"[json-pointer:{pointer}]")


@pytest.mark.parametrize(
    "blocks", [blocks for blocks, _, _, by_sdk in REFUSED.values() if by_sdk],
    ids=[name for name, (_, _, _, by_sdk) in REFUSED.items() if by_sdk],
)  # fmt: skip
def test_slack_sdk_refuses_it_too(blocks: list[dict[str, Any]]) -> None:
    """The vendor's models, an independent referee, agree with the rule where they know it."""
    parsed = Block.parse(copy.deepcopy(blocks[0]))
    assert parsed is not None

    with pytest.raises(SlackObjectFormationError):
        parsed.to_dict()


REFUSED_VIEWS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "101 blocks": (modal(blocks=[{"type": "divider"}] * 101), "/view/blocks", True),
    "no blocks": (modal(blocks=[]), "/view/blocks", True),
    "title 25": (modal(title=plain(25)), "/view/title/text", True),
    "submit 25": (modal(submit=plain(25)), "/view/submit/text", True),
    "close 25": (modal(close=plain(25)), "/view/close/text", True),
    "private_metadata 3001": (modal(private_metadata="x" * 3001), "/view/private_metadata", True),
    "callback_id 256": (modal(callback_id="x" * 256), "/view/callback_id", True),
    "no title": ({"type": "modal", "submit": PLAIN, "blocks": [section()]}, "/view", False),
    "input without submit": ({"type": "modal", "title": PLAIN, "blocks": [entry()]}, "/view/submit", False),
    "alert 201": (modal(blocks=[{"type": "alert", "text": plain(201)}]), "/view/blocks/0/text/text", False),
    "alert level": (
        modal(blocks=[{"type": "alert", "text": PLAIN, "level": "loud"}]),
        "/view/blocks/0/level",
        False,
    ),
    "unknown type": (modal(type="sheet"), "/view/type", True),
    "unknown key": (modal(colour="red"), "/view/colour", False),
    "block_id twice": (
        modal(blocks=[section(block_id="a"), section(block_id="a")]),
        "/view/blocks/1/block_id",
        False,
    ),
}


@pytest.mark.parametrize(("view", "pointer", "_by_sdk"), REFUSED_VIEWS.values(), ids=REFUSED_VIEWS.keys())
def test_views_are_refused_with_their_place(view: dict[str, Any], pointer: str, _by_sdk: bool) -> None:  # noqa: FBT001  # a parametrised column
    """Each rule on modals names its place."""
    assert [flaw.pointer for flaw in check_view(view)] == [pointer]


@pytest.mark.parametrize(
    "view", [view for view, _, by_sdk in REFUSED_VIEWS.values() if by_sdk],
    ids=[name for name, (_, _, by_sdk) in REFUSED_VIEWS.items() if by_sdk],
)  # fmt: skip
def test_slack_sdk_refuses_the_view_too(view: dict[str, Any]) -> None:
    """The vendor's view model agrees where it knows the rule."""
    with pytest.raises(SlackObjectFormationError):
        View(**copy.deepcopy(view)).to_dict()


def test_a_modal_within_the_limits_is_taken() -> None:
    """A modal with everything at its limit passes, alerts included; a home view needs no title."""
    view = modal(
        title=plain(24),
        submit=plain(24),
        close=plain(24),
        private_metadata="x" * 3000,
        callback_id="x" * 255,
        blocks=[entry(), {"type": "alert", "text": plain(200), "level": "warning"}],
    )

    assert check_view(view) == ()
    assert check_view({"type": "home", "blocks": [section()]}) == ()


@pytest.mark.parametrize(
    ("blocks", "refused"),
    [
        ([section(text=plain(2900))] * 4, False),
        ([section(text=plain(2900))] * 5, True),
        ([table(100, 20, "abcde")], False),
    ],
    ids=["11,600 characters", "14,500 characters", "a full table"],
)
def test_all_blocks_together_have_a_limit(blocks: list[dict[str, Any]], refused: bool) -> None:  # noqa: FBT001  # a parametrised column
    """About 13,200 characters fit into one message; a full table is no reason to refuse."""
    assert check_message(blocks) == ()
    assert too_long(blocks) is refused


def x(length: int) -> str:
    """Return a string of this length."""
    return "x" * length


def in_input(kind: str, **more: Any) -> list[dict[str, Any]]:
    """Return an input block around such an element."""
    return [entry(element={"type": kind, "action_id": "a", **more})]


def parts(count: int) -> list[dict[str, Any]]:
    """Return so many pieces of rich text."""
    return [{"type": "text", "text": "a"}] * count


def rich_block(kind: str, elements: list[Any], **more: Any) -> list[dict[str, Any]]:
    """Return a rich text block of one such element."""
    return [{"type": "rich_text", "elements": [{"type": kind, "elements": elements, **more}]}]


def axes(**more: Any) -> list[dict[str, Any]]:
    """Return a bar chart with these axes."""
    return [chart({**BAR, "axis_config": {"categories": ["a"], **more}})]


def feedback(button: dict[str, Any]) -> list[dict[str, Any]]:
    """Return feedback buttons of which the first is this one."""
    other = {"text": PLAIN, "value": "0"}
    element = {"type": "feedback_buttons", "positive_button": button, "negative_button": other}
    return [{"type": "context_actions", "elements": [element]}]


def group(options: int = 1, label: int = 5) -> dict[str, Any]:
    """Return an option group."""
    return {"label": plain(label), "options": [OPTION] * options}


SECTION_ITEM = {"type": "rich_text_section", "elements": parts(1)}
LARGEST: dict[str, tuple[int, Callable[[int], list[dict[str, Any]]]]] = {
    "option description": (75, lambda n: [actions(select(options=[{**OPTION, "description": plain(n)}]))]),
    "group label": (75, lambda n: in_input("static_select", option_groups=[group(label=n)])),
    "options of a group": (100, lambda n: in_input("static_select", option_groups=[group(n)])),
    "groups": (100, lambda n: in_input("static_select", option_groups=[group()] * n)),
    "alt text of a small image": (2000, lambda n: [{"type": "context", "elements": [{**IMAGE, "alt_text": x(n)}]}]),
    "placeholder of a text input": (150, lambda n: in_input("plain_text_input", placeholder=plain(n))),
    "initial text": (3000, lambda n: in_input("plain_text_input", initial_value=x(n))),
    "min_length": (3000, lambda n: in_input("plain_text_input", min_length=n)),
    "max_length": (3000, lambda n: in_input("plain_text_input", max_length=n)),
    "what dispatches": (
        2,
        lambda n: in_input("plain_text_input", dispatch_action_config={"trigger_actions_on": ["on_enter_pressed"] * n}),
    ),
    "who sees a button": (100, lambda n: [actions(button(visible_to_user_ids=["U1"] * n))]),
    "agent prompt": (4000, lambda n: [actions(button(agent_prompt=x(n)))]),
    "initial users": (100, lambda n: in_input("multi_users_select", initial_users=["U1"] * n)),
    "initial options": (
        100,
        lambda n: in_input("multi_static_select", options=[OPTION], initial_options=[OPTION] * n),
    ),
    "initial outside options": (100, lambda n: in_input("multi_external_select", initial_options=[OPTION] * n)),
    "checkboxes": (10, lambda n: in_input("checkboxes", options=[OPTION] * n)),
    "ticked checkboxes": (10, lambda n: in_input("checkboxes", options=[OPTION], initial_options=[OPTION] * n)),
    "radio buttons": (10, lambda n: in_input("radio_buttons", options=[OPTION] * n)),
    "date": (10, lambda n: in_input("datepicker", initial_date=x(n))),
    "time": (5, lambda n: in_input("timepicker", initial_time=x(n))),
    "skin tone": (6, lambda n: [rich({"type": "emoji", "name": "wave", "skin_tone": n})]),
    "parts of a section": (1000, lambda n: [rich(*parts(n))]),
    "elements of rich text": (1000, lambda n: [{"type": "rich_text", "elements": [SECTION_ITEM] * n}]),
    "border of code": (1, lambda n: rich_block("rich_text_preformatted", parts(1), border=n)),
    "border of a quote": (1, lambda n: rich_block("rich_text_quote", parts(1), border=n)),
    "items of a list": (1000, lambda n: rich_block("rich_text_list", [SECTION_ITEM] * n, style="bullet")),
    "indent of a list": (8, lambda n: rich_block("rich_text_list", [SECTION_ITEM], style="bullet", indent=n)),
    "border of a list": (1, lambda n: rich_block("rich_text_list", [SECTION_ITEM], style="bullet", border=n)),
    "label of a segment": (20, lambda n: [chart({"type": "pie", "segments": [{"label": x(n), "value": 1}]})]),
    "categories": (20, lambda n: axes(categories=["a"] * n)),
    "name of a category": (20, lambda n: axes(categories=[x(n)])),
    "x label": (50, lambda n: axes(x_label=x(n))),
    "y label": (50, lambda n: axes(y_label=x(n))),
    "feedback words": (75, lambda n: feedback({"text": plain(n), "value": "1"})),
    "feedback value": (2000, lambda n: feedback({"text": PLAIN, "value": x(n)})),
    "feedback label": (75, lambda n: feedback({"text": PLAIN, "value": "1", "accessibility_label": x(n)})),
    "words of an icon button": (
        75,
        lambda n: [
            {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain(n)}]}
        ],
    ),
    "level of a header": (4, lambda n: [{"type": "header", "text": PLAIN, "level": n}]),
    "plain text in a context": (3000, lambda n: [{"type": "context", "elements": [plain(n)]}]),
    "mrkdwn in a context": (3000, lambda n: [{"type": "context", "elements": [{"type": "mrkdwn", "text": x(n)}]}]),
    "row header": (19, lambda n: [data_table(row_header_column_index=n)]),
    "title of a container": (150, lambda n: [container(section(), title=plain(n))]),
    "subtitle of a container": (150, lambda n: [container(section(), subtitle=plain(n))]),
}


@pytest.mark.parametrize(("largest", "blocks"), LARGEST.values(), ids=LARGEST.keys())
def test_the_largest_value_is_taken_and_the_next_refused(
    largest: int, blocks: Callable[[int], list[dict[str, Any]]]
) -> None:
    """Each bound stands exactly where the table says."""
    assert check_message(blocks(largest)) == ()
    assert len(check_message(blocks(largest + 1))) == 1


SMALLEST: dict[str, tuple[int, Callable[[int], list[dict[str, Any]]]]] = {
    "max_length": (1, lambda n: in_input("plain_text_input", max_length=n)),
    "selected items": (1, lambda n: in_input("multi_users_select", max_selected_items=n)),
    "skin tone": (1, lambda n: [rich({"type": "emoji", "name": "wave", "skin_tone": n})]),
    "level of a header": (1, lambda n: [{"type": "header", "text": PLAIN, "level": n}]),
    "page size": (1, lambda n: [data_table(page_size=n)]),
    "words on a button": (1, lambda n: [actions(button(text=plain(n)))]),
}


@pytest.mark.parametrize(("smallest", "blocks"), SMALLEST.values(), ids=SMALLEST.keys())
def test_the_smallest_value_is_taken_and_the_one_before_refused(
    smallest: int, blocks: Callable[[int], list[dict[str, Any]]]
) -> None:
    """Lower bounds stand where the table says."""
    assert check_message(blocks(smallest)) == ()
    assert len(check_message(blocks(smallest - 1))) == 1


@pytest.mark.parametrize(
    ("view", "next_one"),
    [
        (modal(blocks=[{"type": "divider"}] * 100), modal(blocks=[{"type": "divider"}] * 101)),
        (modal(external_id=x(255)), modal(external_id=x(256))),
    ],
    ids=["blocks", "external_id"],
)
def test_a_view_has_bounds_too(view: dict[str, Any], next_one: dict[str, Any]) -> None:
    """A modal holds 100 blocks and an external id of 255 characters."""
    assert check_view(view) == ()
    assert len(check_view(next_one)) == 1


@pytest.mark.parametrize(("dividers", "refused"), [(0, False), (1, True)])
def test_containers_count_towards_the_whole_message(dividers: int, refused: bool) -> None:  # noqa: FBT001  # a parametrised column
    """13,200 characters: the text of a message and 24 for each object around it."""
    text = 13_200 - 5 * 2 * 24
    sections = [section(text=plain(text // 5)) for _ in range(5)]

    assert too_long([*sections, *[{"type": "divider"}] * dividers]) is refused
