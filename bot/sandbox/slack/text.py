"""Blocks as plain text: what a person reads on the screen, for terminals and for assertions."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from bot.sandbox.slack.roster import usual_roster
from bot.sandbox.slack.workspace import Seen

Block: TypeAlias = Mapping[str, Any]


def as_text(message: Seen) -> str:
    """Return all that a message shows; the top-level text only where there are no blocks."""
    lines = list(_blocks(message.blocks))
    for attachment in message.attachments:
        lines += list(_blocks(attachment.get("blocks") or ()))
        lines += [str(attachment[key]) for key in ("title", "text") if attachment.get(key)]
    return "\n".join(lines) if lines else _plain(message.text)


def blocks_text(blocks: Any) -> str:  # noqa: ANN401  # any JSON
    """Return all that blocks show, of a home page for example."""
    return "\n".join(_blocks(blocks))


def buttons(message: Seen) -> tuple[str, ...]:
    """Return the words on the message's buttons."""
    return tuple(element["text"]["text"] for _, element in elements(message.blocks) if element["type"] == "button")


def elements(blocks: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401  # any JSON
    """Yield (block id, element) for everything that can be pressed."""
    for block in blocks:
        name = block.get("block_id", "")
        if block["type"] in {"actions", "context_actions"}:
            yield from ((name, element) for element in block["elements"])
        yield from ((name, element) for element in block.get("actions", ()))
        if "accessory" in block:
            yield name, block["accessory"]
        yield from elements(block["elements"] if block["type"] == "carousel" else block.get("child_blocks", ()))


def _blocks(blocks: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    for block in blocks:
        yield from _RENDERERS.get(block["type"], _other)(block)


def _plain(text: str) -> str:
    return html.unescape(text)


def _text(value: Any) -> str:  # noqa: ANN401  # any JSON
    if not isinstance(value, dict):
        return str(value or "")
    return _plain(value["text"]) if value.get("type") == "mrkdwn" else str(value.get("text", ""))


def _section(block: Block) -> Iterator[str]:
    if "text" in block:
        yield _text(block["text"])
    yield from (_text(field) for field in block.get("fields", ()))
    if "accessory" in block:
        yield from _actions({"elements": [block["accessory"]]})


def _header(block: Block) -> Iterator[str]:
    yield _text(block["text"])


def _context(block: Block) -> Iterator[str]:
    yield "  ".join(_text(element) if "text" in element else element["alt_text"] for element in block["elements"])


def _actions(block: Block) -> Iterator[str]:
    words = [f"[ {_text(element['text'])} ]" for element in block["elements"] if "text" in element]
    if words:
        yield "  ".join(words)


def _rich(block: Block) -> Iterator[str]:
    for element in block["elements"]:
        yield from _rich_element(element)


def _rich_element(element: Block) -> Iterator[str]:
    if element["type"] == "rich_text_list":
        for index, item in enumerate(element["elements"], start=1):
            mark = f"{index}." if element.get("style") == "ordered" else "•"
            yield f"{'  ' * element.get('indent', 0)}{mark} {_parts(item)}"
    elif element["type"] == "rich_text_preformatted":
        yield from (f"    {line}" for line in _parts(element).splitlines())
    elif element["type"] == "rich_text_quote":
        yield from (f"> {line}" for line in _parts(element).splitlines())
    else:
        yield _parts(element)


def _parts(element: Block) -> str:
    return "".join(_part(part) for part in element["elements"])


def _part(part: Block) -> str:
    names = {"user": "user_id", "channel": "channel_id", "usergroup": "usergroup_id", "broadcast": "range"}
    kind = str(part["type"])
    if kind in names:
        return f"@{name_of(str(part[names[kind]]))}"
    if kind == "emoji":
        return f":{part['name']}:"
    return str(part.get("text") or part.get("url") or part.get("fallback") or "")


def name_of(number: str) -> str:
    """Return the name of one of the usual people or groups, or the id."""
    return _NAMES.get(number, number)


def _table(block: Block) -> Iterator[str]:
    rows = [[_cell(cell) for cell in row] for row in block["rows"]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if block.get("caption"):
        yield str(block["caption"])
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(cell: Block) -> str:
    return " ".join(_rich(cell)) if cell["type"] == "rich_text" else str(cell["text"])


def _image(block: Block) -> Iterator[str]:
    yield f"[image: {block['alt_text']}]"


def _divider(_block: Block) -> Iterator[str]:
    yield "-" * 40


def _card(block: Block) -> Iterator[str]:
    yield from (_text(block[key]) for key in ("title", "subtitle", "body") if key in block)
    yield from _actions({"elements": block.get("actions", ())})


def _container(block: Block) -> Iterator[str]:
    yield from (_text(block[key]) for key in ("title", "subtitle") if key in block)
    yield from _blocks(block["child_blocks"])


def _carousel(block: Block) -> Iterator[str]:
    yield from _blocks(block["elements"])


def _input(block: Block) -> Iterator[str]:
    yield f"{_text(block['label'])}: ________"
    if "hint" in block:
        yield f"  {_text(block['hint'])}"


def _other(block: Block) -> Iterator[str]:
    yield _text(block.get("text") or block.get("title") or f"[{block['type']}]")


_USUAL: Final = usual_roster()
_NAMES: Final = {
    **{account.id: account.name for account in _USUAL.accounts},
    **{group.id: group.handle for group in _USUAL.groups},
}
"""What is shown for the ids of the usual people and groups."""
_RENDERERS: Final[Mapping[str, Callable[[Block], Iterator[str]]]] = {
    "actions": _actions,
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "context": _context,
    "data_table": _table,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "input": _input,
    "rich_text": _rich,
    "section": _section,
    "table": _table,
}
