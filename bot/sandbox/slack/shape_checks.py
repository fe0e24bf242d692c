"""Small checks of which the Block Kit table is made: each takes a value and yields what is wrong with it.

A flaw names its place by JSON pointer, and is worded as Slack words it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that Slack would refuse."""

    pointer: str
    """RFC 6901, from the payload's root: `/blocks/0/text/text`."""
    message: str

    @property
    def text(self) -> str:
        """The flaw as Slack puts it into `errors`."""
        return f"{self.message} [json-pointer:{self.pointer}]"


Check: TypeAlias = Callable[[Any, str], Iterator[Flaw]]


def string(maximum: int = 0, *, minimum: int = 1) -> Check:
    """Return a check for a string of `minimum` to `maximum` characters (0: no upper bound)."""

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        if not isinstance(value, str):
            yield Flaw(at, "must provide a string")
        elif len(value) < minimum:
            yield Flaw(at, f"must be more than {minimum - 1} characters")
        elif maximum and len(value) > maximum:
            yield Flaw(at, f"must be less than {maximum + 1} characters")

    return check


def url(maximum: int = 3000) -> Check:
    """Return a check for an absolute http or https address."""
    length = string(maximum)

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        flaws = tuple(length(value, at))
        yield from flaws
        if not flaws and not (urlsplit(value).scheme in {"http", "https"} and urlsplit(value).netloc):
            yield Flaw(at, "must be a valid URL")

    return check


def boolean(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
    """Check for true or false."""
    if not isinstance(value, bool):
        yield Flaw(at, "must provide a boolean")


def number(minimum: float | None = None, maximum: float | None = None, *, whole: bool = True) -> Check:
    """Return a check for a number within bounds."""

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            yield Flaw(at, "must provide a number")
        elif minimum is not None and value < minimum:
            yield Flaw(at, f"must be greater than or equal to {minimum}")
        elif maximum is not None and value > maximum:
            yield Flaw(at, f"must be less than or equal to {maximum}")

    return check


def one_of(*values: str) -> Check:
    """Return a check for one of a few words."""

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        if value not in values:
            yield Flaw(at, f"must be one of: {', '.join(values)}")

    return check


def items(check_item: Check, *, minimum: int = 1, maximum: int) -> Check:
    """Return a check for a list of `minimum` to `maximum` such items."""

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        if not isinstance(value, list):
            yield Flaw(at, "must provide an array")
            return
        if len(value) < minimum:
            yield Flaw(at, f"no less than {minimum} items allowed")
        if len(value) > maximum:
            yield Flaw(at, f"no more than {maximum} items allowed")
        for index, item in enumerate(value):
            yield from check_item(item, f"{at}/{index}")

    return check


def shape(
    required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *, any_of: Collection[str] = ()
) -> Check:
    """Return a check for an object with these keys and no others; of `any_of` at least one must be there."""
    known = {**required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        if not isinstance(value, dict):
            yield Flaw(at, "must provide an object")
            return
        yield from (Flaw(at, f"missing required field: {key}") for key in required if key not in value)
        if any_of and not any(key in value for key in any_of):
            yield Flaw(at, f"missing required field: one of {', '.join(any_of)}")
        for key, item in value.items():
            inside = known.get(key)
            if inside is None:
                yield Flaw(f"{at}/{key}", f"invalid additional property: {key}")
            else:
                yield from inside(item, f"{at}/{key}")

    return check


def by_type(shapes: Mapping[str, Check]) -> Check:
    """Return a check that picks the shape by the object's `type`."""

    def check(value: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
        if not isinstance(value, dict):
            yield Flaw(at, "must provide an object")
        elif not isinstance(value.get("type"), str):
            yield Flaw(at, "missing required field: type")
        elif value["type"] not in shapes:
            yield Flaw(f"{at}/type", f"unsupported type: {value['type']}")
        else:
            yield from shapes[value["type"]](value, at)

    return check


def anything(_value: Any, _at: str) -> Iterator[Flaw]:  # noqa: ANN401  # any JSON
    """Check nothing."""
    yield from ()
