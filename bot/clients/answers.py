"""Far ends' answers: a member that is not there is a garbled answer, not an absence of what it lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from bot.domain.json_values import RawObject
from bot.errors import SourceGarbled


class Answer(dict[str, Any]):
    """A JSON object whose missing members raise `SourceGarbled` when they are indexed."""

    __slots__ = ("source",)

    def __init__(self, members: Mapping[str, Any], source: str) -> None:
        super().__init__(members)
        self.source = source

    def __missing__(self, key: str) -> NoReturn:
        """Say which member the answer lacks."""
        raise SourceGarbled(f"{self.source} answered without `{key}`: not a whole answer. Ask again.")


def as_answer(value: Any, source: str) -> Any:  # noqa: ANN401  # JSON
    """Return `value` with every object in it made an `Answer`."""
    if isinstance(value, Mapping):
        return Answer({key: as_answer(item, source) for key, item in value.items()}, source)
    if isinstance(value, list):
        return [as_answer(item, source) for item in value]
    return value


def json_object(body: bytes, source: str) -> RawObject:
    """Return the JSON object in `body`. Raises `SourceGarbled` for an empty, cut or foreign body."""
    if not body.strip():
        raise SourceGarbled(f"{source}: the answer was empty. Something between us and the far end answered instead.")
    try:
        found = json.loads(body, object_hook=lambda members: Answer(members, source))
    except (ValueError, RecursionError) as error:
        shown = body[:80].decode("utf-8", errors="replace")
        raise SourceGarbled(f"{source}: the answer is not whole JSON ({len(body)} bytes, begins {shown!r}).") from error
    if not isinstance(found, dict):
        raise SourceGarbled(f"{source}: the answer is JSON, but no object ({type(found).__name__}).")
    return found
