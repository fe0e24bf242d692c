"""Pages of Kubernetes lists, item by item: each becomes a value before the next one is parsed.

A page of 500 objects takes several times its text once it is parsed, and of each object a collector wants a tenth.
So one object at a time is held as the API answered it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from json import JSONDecoder
from typing import Any, TypeVar

from bot.clients.answers import answer_class, no_whole_json, one_at_a_time, refuse_empty, refuse_many_parts
from bot.clients.kept import Kept
from bot.domain.json_values import RawObject
from bot.errors import SourceGarbled

T = TypeVar("T")

MAX_ITEM_CHARACTERS = 1_000_000
"""Of one object in a list; the usual one has some ten thousand."""

_FIRST_WINDOW = 4_000
_SPACE = re.compile(r"[ \t\n\r]*")


def take_page(body: bytes, source: str, read: Callable[[RawObject], T], kept: Kept[T]) -> str:
    """Keep what `read` makes of each item of a page, a JSON object of a kind that ends in `List`.

    Returns the token that the next page is asked for with, empty for the last one. Raises `SourceGarbled` for a body
    that is empty, cut, foreign or no list, for an item that is larger than any honest one, and for more than may be
    kept. What `read` raises is its caller's.
    """
    refuse_empty(body, source)
    with one_at_a_time:
        scan, page = _Scan(body, source), answer_class(source)()
        for name in scan.members():
            if name == "items" and scan.passes("["):
                page[name] = None
                for item in scan.items():
                    kept.keep(read(item))
            else:
                page[name] = scan.value()
        scan.end()
    if not str(page.get("kind", "")).endswith("List") or page["items"] is not None:
        raise SourceGarbled(f"{source}: the answer is a {page.get('kind')!r}, not a list.")
    return str((page["metadata"] or {}).get("continue") or "")


class _Scan:
    """A JSON text while it is read, a value at a time."""

    def __init__(self, body: bytes, source: str) -> None:
        self._body, self._source = body, source
        self._decode = JSONDecoder(object_hook=answer_class(source)).raw_decode
        self._window = _FIRST_WINDOW
        """How much of the text is looked at for a value: twice the largest so far."""
        self._at = 0
        try:
            self._text = body.decode()
        except UnicodeDecodeError as error:
            raise self._broken() from error

    def members(self) -> Iterator[str]:
        """Yield the names of an object's members; whoever gets one takes its value before the next."""
        self._take("{")
        more = not self.passes("}")
        while more:
            name = self.value()
            if not isinstance(name, str):
                raise self._broken()
            self._take(":")
            yield name
            more = self._goes_on("}")

    def items(self) -> Iterator[Any]:
        """Yield the items of an array whose bracket was passed."""
        more = not self.passes("]")
        while more:
            yield self.value()
            more = self._goes_on("]")

    def value(self) -> Any:  # noqa: ANN401  # JSON
        """Return the value that comes next."""
        self._skip_space()
        found = self._within(self._window)
        if found is None:
            refuse_many_parts(self._text[self._at : self._at + MAX_ITEM_CHARACTERS].encode(), self._source)
            found = self._within(MAX_ITEM_CHARACTERS)
        if found is None:
            raise self._broken() if self._is_rest(MAX_ITEM_CHARACTERS) else self._too_large()
        value, length = found
        self._window = max(self._window, 2 * length)
        self._at += length
        return value

    def passes(self, mark: str) -> bool:
        """Go on behind `mark` if it comes next, and say so."""
        self._skip_space()
        if not self._text.startswith(mark, self._at):
            return False
        self._at += 1
        return True

    def end(self) -> None:
        """Refuse what comes after the whole."""
        self._skip_space()
        if not self._is_rest(0):
            raise self._broken()

    def _goes_on(self, end: str) -> bool:
        if self.passes(end):
            return False
        self._take(",")
        return True

    def _take(self, mark: str) -> None:
        if not self.passes(mark):
            raise self._broken()

    def _within(self, size: int) -> tuple[Any, int] | None:
        """Return the next value and its length; None where these characters do not hold the whole of it."""
        try:
            value, length = self._decode(self._text[self._at : self._at + size])
        except (ValueError, RecursionError):
            return None
        return (value, length) if length < size or self._is_rest(size) else None

    def _is_rest(self, size: int) -> bool:
        return self._at + size >= len(self._text)

    def _skip_space(self) -> None:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too

    def _broken(self) -> SourceGarbled:
        return no_whole_json(self._body, self._source)

    def _too_large(self) -> SourceGarbled:
        return SourceGarbled(
            f"{self._source}: an item is larger than {MAX_ITEM_CHARACTERS} characters. The list was cut off there and "
            "is not judged."
        )
