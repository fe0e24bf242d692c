"""Blocks as HTML, near to how Slack draws them. Every text is escaped: what is drawn is what was said."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

from bot.sandbox.slack import Seen
from bot.sandbox.slack.text import name_of
from face.real_run import SharedPicture

Block: TypeAlias = Mapping[str, Any]
CSS = Path(__file__).with_name("slack.css")


def page(screens: Iterable[str]) -> str:
    """Return a page with these screens, one below the other."""
    head = f'<meta charset="utf-8"><style>{CSS.read_text()}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(screens)}</body></html>"


def screen(messages: Iterable[Seen], *, name: str, width: int) -> str:
    """Return messages as one screen of so many CSS pixels."""
    return _framed("".join(map(_message, messages)), name=name, width=width)


def picture_screen(picture: SharedPicture, *, name: str, width: int) -> str:
    """Return a picture that was shared, as wide as Slack shows one beside the avatar: 360 px at most."""
    source = f"data:image/png;base64,{b64encode(picture.png).decode()}"
    return _framed(_posted(f'{escape(picture.title)}<br><img src="{source}">'), name=name, width=width)


def _framed(inner: str, *, name: str, width: int) -> str:
    return f'<div class="screen" id="{escape(name)}" style="width:{width}px">{inner}</div>'


def _message(message: Seen) -> str:
    return _posted("".join(map(_block, message.blocks)), alone=bool(message.only_visible_to))


def _posted(content: str, *, alone: bool = False) -> str:
    """Return what stands beside the bot's avatar; `alone`: only one person sees it."""
    kind, note = (" alone", "Only visible to you") if alone else ("", "APP")
    author = f'<div class="author">dnsbot<small>{note}</small></div>'
    return f'<div class="message{kind}"><div class="avatar">dns</div><div class="body">{author}{content}</div></div>'


def _block(block: Block) -> str:
    kind = str(block["type"])
    return f'<div class="block {escape(kind)}">{_DRAWN[kind](block)}</div>'


def _header(block: Block) -> str:
    return escape(str(block["text"]["text"]))


def _context(block: Block) -> str:
    return "".join(f"<span>{escape(str(element['text']))}</span>" for element in block["elements"])


def _actions(block: Block) -> str:
    return "".join(map(_element, block["elements"]))


def _element(element: Block) -> str:
    if element["type"] == "button":
        style = escape(str(element.get("style", "")))
        return f'<span class="button {style}">{escape(str(element["text"]["text"]))}</span>'
    return f'<span class="select">{escape(str(element["placeholder"]["text"]))} ▾</span>'


def _table(block: Block) -> str:
    settings = [*(block.get("column_settings") or ()), *[None] * len(block["rows"][0])]
    heads, *rows = [[_cell(cell, column) for cell, column in zip(row, settings, strict=False)] for row in block["rows"]]
    lines = [
        "".join(f"<th{cell}</th>" for cell in heads),
        *("".join(f"<td{cell}</td>" for cell in row) for row in rows),
    ]
    return f'<div class="tablebox"><table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def _cell(cell: Block, column: Block | None) -> str:
    """Return the rest of a cell's tag, and its text: one line, unless its column is wrapped."""
    wrapped = ' class="wrapped"' if column and column.get("is_wrapped") else ""
    return f"{wrapped}>{escape(str(cell['text']))}"


def _rich(block: Block) -> str:
    return "".join(map(_rich_element, block["elements"]))


def _rich_element(element: Block) -> str:
    kind = element["type"]
    if kind == "rich_text_list":
        tag = "ol" if element.get("style") == "ordered" else "ul"
        return f"<{tag}>{''.join(f'<li>{_parts(item)}</li>' for item in element['elements'])}</{tag}>"
    if kind == "rich_text_preformatted":
        return f"<pre>{_parts(element)}</pre>"
    return f'<div class="line">{_parts(element)}</div>'


def _parts(element: Block) -> str:
    return "".join(map(_part, element["elements"]))


def _part(part: Block) -> str:
    kind = part["type"]
    if kind in {"user", "usergroup"}:
        return f'<span class="call">@{escape(name_of(str(part[f"{kind}_id"])))}</span>'
    if kind == "link":
        return f'<span class="link">{escape(str(part.get("text") or part["url"]))}</span>'
    if kind == "date":
        return escape(_date(int(part["timestamp"]), str(part["format"])))
    text = escape(str(part.get("text", ""))).replace("\n", "<br>")
    return f"<b>{text}</b>" if (part.get("style") or {}).get("bold") else text


def _date(seconds: int, form: str) -> str:
    """Return a date as Slack would show it to a reader in UTC."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if form == "{ago}":
        minutes = round((moment - datetime.now(UTC)).total_seconds() / 60)
        return f"in {minutes} minutes" if minutes > 0 else f"{-minutes} minutes ago"
    return f"{moment:%b} {moment.day} {moment:%H:%M}"


_DRAWN: Mapping[str, Callable[[Block], str]] = {
    "header": _header,
    "context": _context,
    "actions": _actions,
    "table": _table,
    "rich_text": _rich,
    "section": lambda block: escape(str(block["text"]["text"])),
    "divider": lambda _: "<hr>",
}
