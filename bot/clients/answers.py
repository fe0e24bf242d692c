"""Far ends' answers: a member that is not there is a garbled answer, not an absence of what it lists."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, NoReturn

from bot.domain.json_values import RawObject
from bot.errors import SourceGarbled

MAX_PARTS = 200_000
"""Of one answer: how many objects, arrays, members and items it may hold. Its text alone bounds nothing: three bytes of
it, `{},`, become an object of ninety. A page of 1,000 network interfaces with thirty addresses each has as many."""

one_at_a_time = threading.Lock()
"""Held while a large answer is parsed: parsing holds the interpreter anyway, and so only one is held twice."""


class Answer(dict[str, Any]):
    """A JSON object whose missing members raise `SourceGarbled` when they are indexed. Made by `answer_class`."""

    __slots__ = ()
    source: ClassVar[str] = "a far end"

    def __missing__(self, key: str) -> NoReturn:
        """Say which member the answer lacks."""
        raise SourceGarbled(f"{self.source} answered without `{key}`: not a whole answer. Ask again.")


@lru_cache(maxsize=128)
def answer_class(source: str) -> type[Answer]:
    """Return the class of this source's objects: hundreds of thousands are made, none of them by Python code."""
    return type("Answer", (Answer,), {"__slots__": (), "source": source})


def as_answer(value: Any, source: str) -> Any:  # noqa: ANN401  # JSON
    """Return `value` with every object in it made an `Answer`."""
    if isinstance(value, Answer):
        return value
    if isinstance(value, Mapping):
        return answer_class(source)({key: as_answer(item, source) for key, item in value.items()})
    if isinstance(value, list):
        return [as_answer(item, source) for item in value]
    return value


def json_object(body: bytes, source: str) -> RawObject:
    """Return the JSON object in `body`. Raises `SourceGarbled` for an empty, cut, foreign or overfull body."""
    refuse_empty(body, source)
    refuse_many_parts(body, source)
    try:
        with one_at_a_time:
            found = json.loads(body, object_hook=answer_class(source))
    except (ValueError, RecursionError) as error:
        raise no_whole_json(body, source) from error
    if not isinstance(found, dict):
        raise SourceGarbled(f"{source}: the answer is JSON, but no object ({type(found).__name__}).")
    return found


def refuse_empty(body: bytes, source: str) -> None:
    """Raise `SourceGarbled` for a body with nothing in it."""
    if not body.strip():
        raise SourceGarbled(f"{source}: the answer was empty. Something in between, such as a proxy, answered instead.")


def refuse_many_parts(body: bytes, source: str) -> None:
    """Raise `SourceGarbled` for a text that would become more than `MAX_PARTS` values."""
    if parts_of(body) > MAX_PARTS:
        raise SourceGarbled(
            f"{source}: the answer has more than {MAX_PARTS} parts in {len(body)} bytes. It was cut off there and is "
            "not judged."
        )


def parts_of(body: bytes) -> int:
    """Return at least how many values a JSON or XML text becomes, within a factor of two; no text is parsed for it."""
    return sum(map(body.count, (b"{", b"[", b","))) + body.count(b"<") // 2


def no_whole_json(body: bytes, source: str) -> SourceGarbled:
    """Return the error for a body that is cut or foreign."""
    shown = body[:80].decode("utf-8", errors="replace")
    return SourceGarbled(f"{source}: the answer is not whole JSON ({len(body)} bytes, begins {shown!r}).")
