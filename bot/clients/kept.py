"""What is kept of an answer that comes in pages, bounded: by number, and where much text comes by what it weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

from bot.clients.answers import MAX_PARTS
from bot.errors import SourceGarbled

T = TypeVar("T")

MAX_VALUES = 50_000
"""Of one list."""
MAX_KEPT_BYTES = 24_000_000
"""Of one list: 16,000 nodes or 8,000 pods."""
_LITTLE_TEXT = 16_000_000
"""Nothing is weighed before so much has come, unless it is dense: what is kept of it cannot be much more."""
_OBJECT_BYTES = 56
"""Of a small Python object, about."""


class Kept(Generic[T]):
    """The values of one list so far."""

    def __init__(self, call: str) -> None:
        self.values: list[T] = []
        self._call = call
        self._kept_bytes = 0
        self._weighs = False

    def expect(self, text_bytes: int, page_parts: int = 0) -> None:
        """Be told how much text has come, with a page that is kept next, and of how many parts that page is."""
        self._weighs = text_bytes > _LITTLE_TEXT or page_parts > MAX_PARTS

    def keep(self, value: T) -> None:
        """Keep what an item gave. Raises `SourceGarbled` where all of it is too much."""
        self.values.append(value)
        if len(self.values) > MAX_VALUES:
            raise self._too_much(f"more than {MAX_VALUES} items")
        if self._weighs:
            self._kept_bytes += weight(value)
            if self._kept_bytes > MAX_KEPT_BYTES:
                raise self._too_much(f"more than {MAX_KEPT_BYTES} bytes to keep")

    def _too_much(self, what: str) -> SourceGarbled:
        return SourceGarbled(
            f"Cannot {self._call}: the list has {what}. It was cut off there, at {len(self.values)} items, and is not "
            "judged."
        )


def weight(value: object) -> int:
    """Return about how many bytes a value takes with all that it holds."""
    if isinstance(value, str | bytes):
        return _OBJECT_BYTES + len(value)
    if isinstance(value, Mapping):
        return _OBJECT_BYTES + sum(weight(key) + weight(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return _OBJECT_BYTES + sum(map(weight, value))
    if is_dataclass(value):
        return _OBJECT_BYTES + sum(weight(getattr(value, name)) for name in _names(cast("Any", type(value))))
    return _OBJECT_BYTES


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
