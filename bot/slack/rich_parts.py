"""Parts of rich text that are no plain text: times in the reader's own zone, and people who are called. Pure.

A time in a text is RFC 3339 (`bot.domain.phrases.timestamp`); Slack shows it as each reader's clock says.
Source: "Rich text block", docs.slack.dev/reference/block-kit/blocks/rich-text-block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

TIME = re.compile(r"(?<![\w:.-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z(?![\w-]|:\w)")
DATE_FORMAT = "{date_short_pretty} {time}"
AGO_FORMAT = "{ago}"
PERSON = re.compile(r"[UW][A-Z0-9]{1,20}")
GROUP = re.compile(r"S[A-Z0-9]{1,20}")

Part = dict[str, Any]


def parts(text: str, style: dict[str, bool] | None = None) -> Iterator[Part]:
    """Yield a text as rich-text elements: each time in it as a date, the rest as text."""
    at = 0
    for found in TIME.finditer(text):
        date = _date(found[0], DATE_FORMAT)
        if date is None:
            continue
        if found.start() > at:
            yield _text(text[at : found.start()], style)
        yield date
        at = found.end()
    if at < len(text) or not text:
        yield _text(text[at:], style)


def ago(time: str) -> Part:
    """Return how long ago, or in how long, a time is: "in 28 minutes"."""
    return _date(time, AGO_FORMAT) or _text(time, None)


def called(number: str, name: str) -> Part:
    """Return a person or a user group as Slack calls them, by id; where that is no id, the name as text."""
    if PERSON.fullmatch(number):
        return {"type": "user", "user_id": number}
    if GROUP.fullmatch(number):
        return {"type": "usergroup", "usergroup_id": number}
    return _text(name or number, None)


def _text(text: str, style: dict[str, bool] | None) -> Part:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def _date(time: str, form: str) -> Part | None:
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    seconds = int(moment.timestamp())
    return {"type": "date", "timestamp": seconds, "format": form, "fallback": time} if seconds >= 0 else None
