"""Slack's limits on blocks: texts are cut to them, and what still breaks one is named before it is sent. Pure.

Numbers: Block Kit reference of docs.slack.dev and slack_sdk's models. The whole-message limit is not
documented; about 13,200 characters of blocks have been refused (slackapi/bolt-js#2509).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from bot.slack.text import cut

Payload: TypeAlias = dict[str, Any]
"""A message, modal or block as JSON, while it is made ready."""

BLOCKS_PER_MESSAGE = 50
BLOCKS_PER_MODAL = 100
MESSAGE_CHARACTERS = 12_000
MODAL_CHARACTERS = 100_000
"""Slack takes views up to some 250,000 characters; nobody reads more than this."""
TABLE_ROWS, TABLE_CELLS, TABLE_CHARACTERS = 100, 20, 10_000
"""Characters: of all tables of a message together."""
TOP_TEXT = 3_000
SECTION_TEXT = 3_000
PLAIN_DEFAULT = 3_000
ID_CHARACTERS = 255
NOTHING = "(empty)"
"""Stands where a text is empty: Slack refuses empty texts."""

TEXT_LIMITS: Mapping[tuple[str, str], int] = {
    ("header", "text"): 150,
    ("section", "text"): SECTION_TEXT,
    ("button", "text"): 75,
    ("confirm", "title"): 100,
    ("confirm", "text"): 300,
    ("confirm", "confirm"): 30,
    ("confirm", "deny"): 30,
    ("modal", "title"): 24,
    ("modal", "submit"): 24,
    ("modal", "close"): 24,
    ("input", "label"): 2_000,
    ("input", "hint"): 2_000,
    ("plain_text_input", "placeholder"): 150,
    ("static_select", "placeholder"): 150,
    ("static_select", "text"): 75,
}
"""(owner, key) → longest plain_text there."""
STRING_LIMITS: Mapping[str, int] = {
    "action_id": ID_CHARACTERS,
    "block_id": ID_CHARACTERS,
    "callback_id": ID_CHARACTERS,
    "url": 3_000,
    "value": 2_000,
    "accessibility_label": 75,
    "private_metadata": 3_000,
}
ELEMENT_LIMITS: Mapping[str, int] = {"actions": 25, "context": 10}
BLOCK_TYPES = frozenset({"header", "section", "context", "actions", "divider", "rich_text", "input", "table"})
BUTTON_STYLES = frozenset({"primary", "danger"})


def walk(value: object, owner: str = "", path: str = "") -> Iterator[tuple[str, str, Payload]]:
    """Yield every object in `value` with its JSON pointer and the kind of object that holds it."""
    if isinstance(value, dict):
        yield path, owner, value
        kind = str(value.get("type") or owner)
        for key, child in value.items():
            yield from walk(
                child,
                "confirm" if key == "confirm" and isinstance(child, dict) and "type" not in child else kind,
                f"{path}/{key}",
            )
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from walk(child, owner, f"{path}/{index}")


def fit(payload: Payload) -> Payload:
    """Return `payload` with every plain text cut to its limit and no text left empty. Changes it in place."""
    for path, owner, item in walk(payload):
        key = path.rsplit("/", 1)[-1]
        text = item.get("text")
        if item.get("type") in {"plain_text", "text", "raw_text"} and isinstance(text, str):
            blank = not text if item["type"] == "text" else not text.strip()
            item["text"] = NOTHING if blank else cut(text, TEXT_LIMITS.get((owner, key), PLAIN_DEFAULT))
    return payload


def faults(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what Slack would refuse in a message, modal or home page, by JSON pointer; empty when it is well."""
    modal = payload.get("type") in {"modal", "home"}
    blocks = payload.get("blocks")
    if not isinstance(blocks, Sequence) or not blocks:
        return ("/blocks: missing or empty",)
    most = BLOCKS_PER_MODAL if modal else BLOCKS_PER_MESSAGE
    found = [f"/blocks: {len(blocks)} blocks"] if len(blocks) > most else []
    found += _top_faults(payload, modal=modal) + _table_faults(blocks)
    found += [
        f"/blocks/{index}: unknown type {block.get('type')!r}"
        for index, block in enumerate(blocks)
        if block.get("type") not in BLOCK_TYPES or (block.get("type") == "input" and payload.get("type") != "modal")
    ]
    for path, owner, item in walk(payload):
        found += _object_faults(path, owner, item)
    found += _repeated(payload, "block_id")
    for block in payload.get("blocks") or ():
        found += _repeated(block, "action_id")
    return tuple(found)


def _top_faults(payload: Mapping[str, Any], *, modal: bool) -> list[str]:
    found = []
    if not modal:
        text = payload.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > TOP_TEXT:
            found.append(f"/text: 1 to {TOP_TEXT} characters are needed for notifications and screen readers")
    size, most = characters(payload["blocks"]), most_characters(payload)
    if size > most:
        found.append(f"/blocks: {size} characters in all, more than {most}")
    return found


def most_characters(payload: Mapping[str, Any]) -> int:
    """Return how large the blocks of a message or modal may be, as compact JSON."""
    return MODAL_CHARACTERS if payload.get("type") == "modal" else MESSAGE_CHARACTERS


def _table_faults(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    found, size = [], 0
    for index, block in enumerate(blocks):
        if block.get("type") != "table":
            continue
        rows = block.get("rows") or ()
        size += sum(len(str(cell.get("text") or "")) for row in rows for cell in row)
        if not 0 < len(rows) <= TABLE_ROWS or any(not 0 < len(row) <= TABLE_CELLS for row in rows):
            found.append(f"/blocks/{index}/rows: 1 to {TABLE_ROWS} rows of 1 to {TABLE_CELLS} cells")
        if len({len(row) for row in rows}) > 1:
            found.append(f"/blocks/{index}/rows: rows of different length")
    return found + ([f"/blocks: {size} characters in tables"] if size > TABLE_CHARACTERS else [])


def _object_faults(path: str, owner: str, item: Mapping[str, Any]) -> list[str]:
    kind, key = item.get("type"), path.rsplit("/", 1)[-1]
    found = []
    if kind == "mrkdwn":
        found.append(f"{path}: mrkdwn is read by a parser; use plain_text or rich_text")
    if kind in {"plain_text", "text", "raw_text"}:
        limit = TEXT_LIMITS.get((owner, key), PLAIN_DEFAULT)
        if not isinstance(item.get("text"), str) or not 0 < len(item["text"]) <= limit:
            found.append(f"{path}/text: 1 to {limit} characters")
    if kind == "button" and item.get("style", "primary") not in BUTTON_STYLES:
        found.append(f"{path}/style: {item['style']!r}")
    if kind in ELEMENT_LIMITS and not 0 < len(item.get("elements", ())) <= ELEMENT_LIMITS[str(kind)]:
        found.append(f"{path}/elements: 1 to {ELEMENT_LIMITS[str(kind)]}")
    if str(kind).startswith("rich_text") and not item.get("elements"):
        found.append(f"{path}/elements: empty")
    found += [
        f"{path}/{name}: more than {limit} characters"
        for name, limit in STRING_LIMITS.items()
        if isinstance(item.get(name), str) and len(item[name]) > limit
    ]
    return found


def _repeated(payload: Mapping[str, Any], name: str) -> list[str]:
    seen: set[str] = set()
    found = []
    for path, _, item in walk(payload):
        value = item.get(name)
        if isinstance(value, str):
            if value in seen:
                found.append(f"{path}/{name}: {value!r} is there twice")
            seen.add(value)
    return found


def characters(blocks: object) -> int:
    """Return the size of `blocks` as compact JSON, in characters."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))
