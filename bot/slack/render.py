"""Views: Jinja2 templates whose every value becomes a JSON literal.

A template is `NAME.json.j2`: JSON in which `{{ value }}` stands unquoted. A missing value raises.
`{{ value | cut(300) }}` limits a text, `list | few(5)` a list; both shrink further when the message
would be too long. `list | beyond(5)` is how many entries `few` leaves out.
`{{ value | said }}` gives elements of rich text: times are dates there, in the reader's own zone.
`null` in a list is dropped, so a loop may end each entry with a comma. There is no mrkdwn: nothing in a view is read
by a parser, and the top-level `text` is escaped here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, Undefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bot.domain.json_values import JsonObject
from bot.domain.phrases import count
from bot.errors import ConfigurationError, UnitError
from bot.slack import rich_parts
from bot.slack.limits import NOTHING, PLAIN_DEFAULT, TOP_TEXT, Payload, characters, faults, fit, most_characters
from bot.slack.text import clean, cut, escape

ROOM = (1.0, 0.5, 0.25, 0.12, 0.06)
"""How much of each text and list is kept: the first share at which the whole message fits is taken."""
SUFFIX = ".json.j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it is sent: `text` for notifications and screen readers, `blocks` for eyes."""

    text: str
    blocks: list[Payload]
    whole: bool = True
    """False when texts or lists had to be shortened beyond what the template asks."""


def body_of(message: Message) -> JsonObject:
    """Return a message as the outbox keeps it."""
    return {"text": message.text, "blocks": message.blocks}


def message_of(body: JsonObject) -> Message:
    """Return a message that the outbox kept. Raises `KeyError` or `TypeError` for another form."""
    text, blocks = body["text"], body["blocks"]
    if not isinstance(text, str) or not isinstance(blocks, list):
        raise TypeError(type(blocks))
    return Message(text=text, blocks=blocks)


class Views:
    """All views of one template folder."""

    def __init__(self, folder: Path, *, mark: Callable[[], str] = lambda: secrets.token_hex(4)) -> None:
        if not folder.is_dir():
            raise ConfigurationError(f"There is no template folder {folder}. Reinstall, or set its path.")
        self._folder, self._mark, self._jinja = folder, mark, _templates(folder)

    def names(self) -> tuple[str, ...]:
        """Return the names of the views, sorted; files that begin with `_` hold parts."""
        files = (file.name for file in self._folder.glob(f"*{SUFFIX}"))
        return tuple(sorted(name.removesuffix(SUFFIX) for name in files if not name.startswith("_")))

    def message(self, view: str, **facts: object) -> Message:
        """Return the message that the view makes of these facts, within Slack's limits.

        Raises `UnitError` when the template does not give a valid message for any facts.
        """
        payload, room = self._fitting(view, facts)
        if "text" in payload:
            payload["text"] = cut(escape(cut(clean(str(payload["text"])), TOP_TEXT // 5)), TOP_TEXT)
            payload["text"] = payload["text"] if payload["text"].strip() else NOTHING
        self._check(view, payload)
        return Message(text=payload["text"], blocks=payload["blocks"], whole=room == ROOM[0])

    def modal(self, view: str, **facts: object) -> Payload:
        """Return the modal or home page that the view makes of these facts, for views.open or views.publish."""
        payload, _ = self._fitting(view, facts)
        self._check(view, payload)
        return payload

    def _fitting(self, view: str, facts: dict[str, object]) -> tuple[Payload, float]:
        for room in ROOM:
            payload = self._with_block_ids(view, fit(self._rendered(view, {**facts, "room": room})))
            if characters(payload.get("blocks")) <= (limit := most_characters(payload)):
                return payload, room
        raise UnitError(f"view {view}: more than {limit} characters even when shortened; use cut and few")

    def _rendered(self, view: str, facts: dict[str, object]) -> Payload:
        try:
            text = self._jinja.get_template(view + SUFFIX).render(facts)
            payload = without_nulls(json.loads(text))
        except (TemplateError, TypeError, ValueError) as error:
            raise UnitError(f"view {view}: {type(error).__name__}: {error}") from error
        if not isinstance(payload, dict):
            raise UnitError(f"view {view}: gives no JSON object")
        return payload

    def _with_block_ids(self, view: str, payload: Payload) -> Payload:
        """Give each block an id that differs at every rendering, as updates of a message need."""
        mark = self._mark()
        for index, block in enumerate(payload.get("blocks") or ()):
            block["block_id"] = f"{view}-{mark}-{index}"
        return payload

    def _check(self, view: str, payload: Payload) -> None:
        found = faults(payload)
        if found:
            raise UnitError(f"view {view}: Slack would refuse it: " + "; ".join(found[:3]))


@cache
def _templates(folder: Path) -> ImmutableSandboxedEnvironment:
    """Return the templates of a folder: each is compiled once in a process, and again when its file has changed."""
    jinja = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, finalize=json_literal, autoescape=True
    )
    jinja.filters |= {"cut": _cut, "few": _few, "beyond": _beyond, "counted": count}
    jinja.filters |= {"said": _said, "strongly": _strongly, "ago": _ago, "called": _called}
    jinja.filters |= {"pieces": _pieces}
    return jinja


def json_literal(value: object) -> Markup:
    """Return `value` as a JSON literal; what a macro made is JSON already."""
    if isinstance(value, Undefined):
        str(value)  # raises, with the name that is missing
    if type(value) is Markup:
        return value
    if isinstance(value, str):
        return Markup(json.dumps(clean(value)))  # noqa: S704  # JSON, not HTML: quotes and backslashes are escaped
    if value is None or isinstance(value, bool | int | float):
        return Markup(json.dumps(value, allow_nan=False))  # noqa: S704  # the same
    message = f"a {type(value).__name__} cannot be in a view; write out its parts"
    raise TypeError(message)


def without_nulls(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return JSON with null dropped from every list."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items()}
    return value


@pass_context
def _cut(context: Context, text: object, limit: int) -> str:
    return cut(clean(str(text)), max(24, int(limit * context["room"])))


@pass_context
def _few(context: Context, items: Sequence[object], limit: int) -> Sequence[object]:
    return items[: max(1, int(limit * context["room"]))]


@pass_context
def _beyond(context: Context, items: Sequence[object], limit: int) -> int:
    """Return how many items `few` leaves out."""
    return len(items) - len(_few(context, items, limit))


def _pieces(text: object) -> tuple[str, ...]:
    """Return a text in pieces that each fit into one element: together they are the whole text."""
    whole = clean(str(text)) or NOTHING
    return tuple(whole[start : start + PLAIN_DEFAULT] for start in range(0, len(whole), PLAIN_DEFAULT))


def _said(text: object) -> Markup:
    return _elements(rich_parts.parts(clean(str(text))))


def _strongly(text: object) -> Markup:
    return _elements(rich_parts.parts(clean(str(text)), {"bold": True}))


def _ago(time: object) -> Markup:
    return _elements([rich_parts.ago(clean(str(time)))])


def _called(number: object, name: object = "") -> Markup:
    return _elements([rich_parts.called(clean(str(number)), clean(str(name)))])


def _elements(parts: Iterable[rich_parts.Part]) -> Markup:
    """Return elements of rich text as JSON, with commas between them."""
    return Markup(", ".join(json.dumps(part) for part in parts))  # noqa: S704  # JSON, not HTML
