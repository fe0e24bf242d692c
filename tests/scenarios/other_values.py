"""Other values of evidence: as other scenarios show it, and as it would be with one kind of thing in another state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property, partial
from typing import Any

MOST_FIELD_VALUES, MOST_STATES = 8, 25


@dataclass(frozen=True)
class Shelf:
    """All values of one evidence class that were seen."""

    values: Sequence[Any]
    _parts: dict[type, list[Any]] = field(default_factory=dict)

    @cached_property
    def states(self) -> Mapping[type, Sequence[Any]]:
        """Objects within the values, by class, that differ in more than texts and times."""
        found: dict[type, dict[str, Any]] = {}
        for part in (part for value in self.values for part in parts(value)):
            own = found.setdefault(type(part), {})
            if len(own) < MOST_STATES:
                told = [getattr(part, one.name) for one in fields(part)]
                own.setdefault(repr([one for one in told if not isinstance(one, str | datetime)]), part)
        return {kind: tuple(states.values()) for kind, states in found.items()}

    def others(self, own: Any, referred: frozenset[str], now: datetime) -> Iterator[Any]:
        """Yield values other than `own`.

        First those of other scenarios; then `own` with all things of a class in the state that one of them has there,
        but for the names by which other evidence refers to them (`referred`); then with one field changed.
        """
        yield from (value for value in self.values if value != own)
        classes = dict.fromkeys(type(part) for part in parts(own))
        for kind in classes:
            for other in self.states.get(kind, ()):
                yield changed(own, kind, partial(_dressed, other=other, referred=referred))
        for kind in classes:
            for one in fields(kind):
                for value in self._field_values(own, kind, one.name, now):
                    yield changed(own, kind, partial(replace, **{one.name: value}))

    def _field_values(self, own: Any, kind: type, name: str, now: datetime) -> list[Any]:
        first = next(getattr(part, name) for part in parts(own) if type(part) is kind)
        seen = (getattr(part, name) for part in self.states.get(kind, ()))
        found: list[Any] = []
        for value in (*seen, *_unlike(first, now)):
            if len(found) < MOST_FIELD_VALUES and value not in found:
                found.append(value)
        return found


def parts(value: Any) -> Iterator[Any]:
    """Yield all dataclass objects within a value, itself included."""
    if is_dataclass(value):
        yield value
        for one in fields(value):
            yield from parts(getattr(value, one.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from parts(item)


def texts(value: Any) -> Iterator[str]:
    """Yield all texts within a value."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            yield from texts(getattr(value, one.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from texts(item)


def changed(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """Return the value with `change` done to all objects of this class within it."""
    if type(value) is kind:
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        before = {one.name: getattr(value, one.name) for one in fields(value) if one.init}
        after = {name: changed(item, kind, change) for name, item in before.items()}
        new = {name: item for name, item in after.items() if item is not before[name]}
        return replace(value, **new) if new else value
    if isinstance(value, Mapping):
        return {key: changed(item, kind, change) for key, item in value.items()}
    if isinstance(value, tuple):
        items = tuple(changed(item, kind, change) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def moved(value: Any, by: timedelta) -> Any:
    """Return the value with all times within it moved."""
    if isinstance(value, datetime):
        return value + by
    if is_dataclass(value) and not isinstance(value, type):
        before = {one.name: getattr(value, one.name) for one in fields(value) if one.init}
        new = {name: after for name, item in before.items() if (after := moved(item, by)) is not item}
        return replace(value, **new) if new else value
    if isinstance(value, Mapping):
        items = {key: moved(item, by) for key, item in value.items()}
        return items if any(items[key] is not item for key, item in value.items()) else value
    if isinstance(value, tuple):
        after = tuple(moved(item, by) for item in value)
        return after if any(new is not old for new, old in zip(after, value, strict=True)) else value
    return value


def _dressed(part: Any, other: Any, referred: frozenset[str]) -> Any:
    """Return a thing in the state of another of its class, under its own names."""
    own = {one.name: getattr(part, one.name) for one in fields(part) if one.init}
    state = {
        name: getattr(other, name) for name, value in own.items() if not (isinstance(value, str) and value in referred)
    }
    return replace(part, **state)


def _unlike(value: Any, now: datetime) -> Sequence[Any]:
    """Return values of the same type that differ from this one."""
    if isinstance(value, Enum):
        return [one for one in type(value) if one is not value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, datetime):
        return [now, now - timedelta(days=1)]
    if isinstance(value, int):
        return [0, 1, value * 1000 + 1]
    if isinstance(value, str | tuple | frozenset):
        return [type(value)()]
    return []
