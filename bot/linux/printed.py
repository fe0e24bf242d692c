"""What programs print, before anything of it is understood."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.errors import SourceGarbled

_SHOWN = 120


def is_json(text: str) -> bool:
    """Return whether this is meant as iproute2's JSON; what busybox and older versions print never begins so."""
    return text.lstrip().startswith("[")


def json_rows(text: str, command: str) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON list; the empty ones that some versions of iproute2 put between are left out.

    Raises `SourceGarbled` for anything else, a cut text included.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceGarbled(f"`{command}` printed no whole JSON ({error}); nothing is concluded from it.") from error
    if not isinstance(found, Sequence) or not all(isinstance(row, Mapping) for row in found):
        raise SourceGarbled(f"`{command}` printed JSON that is no list of objects; nothing is concluded from it.")
    return [row for row in found if row]


def unreadable(command: str, line: str) -> SourceGarbled:
    """Return the error for a line that does not fit what the program prints."""
    return SourceGarbled(f"`{command}` printed a line that is not understood: {line.strip()[:_SHOWN]!r}.")


def whole_lines(text: str, command: str) -> list[str]:
    """Return the lines that are not blank. Raises `SourceGarbled` where the last one does not end: the text is cut."""
    if text and not text.endswith("\n"):
        raise SourceGarbled(f"What `{command}` printed is cut in the middle of a line; nothing is concluded from it.")
    return [line for line in text.split("\n") if line.strip()]


def keyed(words: Sequence[str], flags: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return `name value` pairs of iproute2's words; a name of `flags` stands alone."""
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        word = words[at]
        if word in flags or at + 1 == len(words):
            found[word] = ""
            at += 1
        else:
            found[word] = words[at + 1]
            at += 2
    return found
