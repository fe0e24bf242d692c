"""Members of an answer, each by its type.

The API leaves out what is empty, so an optional member that is absent or null has an empty value. A required member
that is absent is a `KeyError`, one of another type a `TypeError`, an unreadable time a `ValueError`: parse inside
`bot.domain.reading.reading`, which makes `SourceGarbled` of them.

A thousand nodes ask here half a million times, so what is as it should be takes one step.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from bot.domain.json_values import RawObject
from bot.domain.moments import parse_time

T = TypeVar("T")


def text(holder: RawObject, key: str) -> str:
    """Return a required text."""
    found = holder[key]
    return found if isinstance(found, str) else _typed(found, str, key)


def optional_text(holder: RawObject, key: str) -> str:
    """Return a text, empty where it is absent."""
    found = holder.get(key)
    if found is None:
        return ""
    return found if isinstance(found, str) else _typed(found, str, key)


def number(holder: RawObject, key: str) -> int:
    """Return a required whole number."""
    return _number(holder[key], key)


def optional_number(holder: RawObject, key: str, absent: int = 0) -> int:
    """Return a whole number, or `absent`."""
    found = holder.get(key)
    return absent if found is None else _number(found, key)


def moment(holder: RawObject, key: str) -> datetime:
    """Return a required time, UTC."""
    written = text(holder, key)
    at = parse_time(written)
    if at is None:
        raise ValueError(f"{key} is {written!r}, which is no time")
    return at


def optional_moment(holder: RawObject, key: str) -> datetime | None:
    """Return a time, UTC, or None where it is absent."""
    return None if holder.get(key) is None else moment(holder, key)


def part(holder: RawObject, key: str) -> RawObject:
    """Return an object, empty where it is absent."""
    found = holder.get(key)
    if found is None:
        return {}
    return found if isinstance(found, dict) else _typed(found, dict, key)


def parts(holder: RawObject, key: str) -> list[RawObject]:
    """Return a list of objects, empty where it is absent."""
    found = holder.get(key)
    if found is None:
        return []
    return [one if isinstance(one, dict) else _typed(one, dict, key) for one in _typed(found, list, key)]


def texts(holder: RawObject, key: str) -> tuple[str, ...]:
    """Return a required list of texts."""
    found: list[object] = _typed(holder[key], list, key)
    return tuple(_typed(one, str, key) for one in found)


def optional_texts(holder: RawObject, key: str) -> tuple[str, ...]:
    """Return a list of texts, empty where it is absent."""
    return () if holder.get(key) is None else texts(holder, key)


def text_map(holder: RawObject, key: str) -> dict[str, str]:
    """Return labels, annotations or another map of texts, empty where it is absent."""
    found = part(holder, key)
    return {name: value if isinstance(value, str) else _typed(value, str, name) for name, value in found.items()}


def condition(status: RawObject, kind: str) -> RawObject:
    """Return the condition of this type, or an empty object where the status states none."""
    return next((one for one in parts(status, "conditions") if text(one, "type") == kind), {})


def holds(found: RawObject) -> bool:
    """Return whether a condition is true; an absent one is not."""
    return optional_text(found, "status") == "True"


def _number(value: object, key: str) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{key} is {value}, not a number")
    return _typed(value, int, key)


def _typed(value: object, kind: type[T], key: str) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{key} is of type {type(value).__name__}, not {kind.__name__}")
    return value
