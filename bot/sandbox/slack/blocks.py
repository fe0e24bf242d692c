"""Judge a message or a view as Slack's Block Kit limits would. Pure: JSON in, flaws out.

The table of shapes stands in `block_shapes`; here are the rules that look at more than one place.
Rules on unknown keys and the exact wording are unproven against a real Slack and may be too strict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.sandbox.slack.block_shapes import MESSAGE_BLOCKS, VIEWS
from bot.sandbox.slack.shape_checks import Flaw, by_type, items

MESSAGE_CHARACTERS: Final = 13_200
"""Slack documents no number; 13,172 to 13,297 were observed (slackapi/bolt-js#2509)."""
CONTAINER_CHARACTERS: Final = 24
"""What one object around a text counts for: the same thread speaks of a buffer for block containers."""
MARKDOWN_CHARACTERS: Final = 12_000
TABLE_CHARACTERS: Final = 10_000
CHARTS: Final = 2
ATTACHMENTS: Final = 100

_BLOCKS: Final = items(by_type(MESSAGE_BLOCKS), minimum=0, maximum=50)


def check_message(blocks: Any, at: str = "/blocks") -> tuple[Flaw, ...]:  # noqa: ANN401  # any JSON
    """Return what Slack would refuse in a message's `blocks`."""
    shaped = tuple(_BLOCKS(blocks, at))
    return shaped or tuple(_across(blocks, at))


def check_view(view: Any) -> tuple[Flaw, ...]:  # noqa: ANN401  # any JSON
    """Return what Slack would refuse in a modal or a home view."""
    shaped = tuple(by_type(VIEWS)(view, "/view"))
    if shaped:
        return shaped
    flaws = list(_across(view["blocks"], "/view/blocks"))
    if any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view and view["type"] == "modal":
        flaws.append(Flaw("/view/submit", "missing required field: submit"))
    return tuple(flaws)


def too_long(blocks: Any) -> bool:  # noqa: ANN401  # any JSON
    """Tell whether a message's blocks pass the limit on all of them together (`msg_blocks_too_long`)."""
    return _weight(blocks, in_table=False) > MESSAGE_CHARACTERS


def text_of(value: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    """Yield every string that a person would read in a block."""
    if isinstance(value, list):
        for item in value:
            yield from text_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and key in {"text", "alt_text", "caption"}:
                yield item
            elif isinstance(item, (dict, list)):
                yield from text_of(item)


def _weight(value: Any, *, in_table: bool) -> int:  # noqa: ANN401  # any JSON
    if isinstance(value, list):
        return sum(_weight(item, in_table=in_table) for item in value)
    if not isinstance(value, dict):
        return 0
    in_table = in_table or value.get("type") in {"table", "data_table"}
    own = 0 if in_table else CONTAINER_CHARACTERS
    for key, item in value.items():
        if isinstance(item, str):
            own += len(item) if key in {"text", "alt_text", "caption"} else 0
        else:
            own += _weight(item, in_table=in_table)
    return own


def _across(blocks: list[Mapping[str, Any]], at: str) -> Iterator[Flaw]:
    yield from _repeated_block_ids(blocks, at)
    for index, block in enumerate(blocks):
        yield from _repeated_action_ids(block, f"{at}/{index}")
        yield from _table_rows(block, f"{at}/{index}")
        yield from _container(block, f"{at}/{index}")
    yield from _totals(blocks, at)


def _repeated_block_ids(blocks: list[Mapping[str, Any]], at: str) -> Iterator[Flaw]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name is not None and name in seen:
            yield Flaw(f"{at}/{index}/block_id", f"`block_id` must be unique, {name} is used twice")
        seen.add(name or "")


def _repeated_action_ids(block: Mapping[str, Any], at: str) -> Iterator[Flaw]:
    seen: set[str] = set()
    for key in ("elements", "actions"):
        for index, element in enumerate(block.get(key, ())):
            name = element.get("action_id")
            if name is not None and name in seen:
                yield Flaw(f"{at}/{key}/{index}/action_id", f"`action_id` must be unique, {name} is used twice")
            seen.add(name or "")


def _table_rows(block: Mapping[str, Any], at: str) -> Iterator[Flaw]:
    if block["type"] not in {"table", "data_table"}:
        return
    width = len(block["rows"][0])
    for index, row in enumerate(block["rows"]):
        if len(row) != width:
            yield Flaw(f"{at}/rows/{index}", f"all rows must have the same number of cells: {width}")
    if block["type"] == "data_table" and any(cell["type"] == "rich_text" for cell in block["rows"][0]):
        yield Flaw(f"{at}/rows/0", "rich_text cannot be used for header cells")


def _container(block: Mapping[str, Any], at: str) -> Iterator[Flaw]:
    if block["type"] != "container":
        return
    yield from _across(block["child_blocks"], f"{at}/child_blocks")
    if block.get("default_collapsed") and not block.get("is_collapsible"):
        yield Flaw(f"{at}/default_collapsed", "default_collapsed requires is_collapsible")
    if block.get("is_collapsible") and block.get("has_header_divider"):
        yield Flaw(f"{at}/has_header_divider", "has_header_divider cannot be set with is_collapsible")


def _totals(blocks: list[Mapping[str, Any]], at: str) -> Iterator[Flaw]:
    if _characters(blocks, "markdown") > MARKDOWN_CHARACTERS:
        yield Flaw(at, f"markdown blocks may hold {MARKDOWN_CHARACTERS} characters together")
    if _characters(blocks, "table", "data_table") > TABLE_CHARACTERS:
        yield Flaw(at, f"tables may hold {TABLE_CHARACTERS} characters together")
    if sum(block["type"] == "data_visualization" for block in blocks) > CHARTS:
        yield Flaw(at, f"no more than {CHARTS} data_visualization blocks allowed")


def _characters(blocks: list[Mapping[str, Any]], *kinds: str) -> int:
    return sum(len(text) for text in text_of([block for block in blocks if block["type"] in kinds]))
