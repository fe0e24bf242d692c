"""Evidence as JSON, by class: of thousands of nodes, pods or interfaces what they share is written once.

A large cluster has few sorts of things and many of each. Where a field of an evidence class is a long tuple of
dataclasses, each combination of shared values is one entry of `alike`; `class` gives each item's place in it, in the
items' order; `own` holds, a column for each field, what differs from one to the next: names, addresses, times.

    {"alike": [{"phase": "Running", …}], "class": [0, 0, …], "own": {"name": ["web-1", "web-2", …], …}}

A set of addresses is one text with spaces between them. Nothing is left out: what is read back equals what was
written, so rules need not know. It costs a tenth to redact, to store and to read.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from bot.domain.addresses import Address, address
from bot.domain.encoding import decode, encode
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.secret_forms import names_a_secret

T = TypeVar("T")

MANY = 50
"""A tuple of fewer items is written as a list."""
_ADDRESSES = frozenset[Address]
_SHARED_BY = 8
"""A field is shared where at least so many items have each of its values, on the average."""


def evidence_document(value: object) -> JsonObject:
    """Return evidence as JSON."""
    kind: type[Any] = type(value)
    many = _long_tuples(cast("Hashable", kind))
    return {name: _member(many.get(name), getattr(value, name)) for name in _names(kind)}


def evidence_from(kind: type[T], document: JsonValue) -> T:
    """Return the evidence that `evidence_document` wrote. Raises pydantic's `ValidationError`."""
    if not isinstance(document, Mapping):
        return decode(kind, document)
    many = _long_tuples(cast("Hashable", kind))
    plain = {
        name: _spread(many[name], item) if name in many and isinstance(item, Mapping) else item
        for name, item in document.items()
    }
    return decode(kind, plain)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _long_tuples(kind: Hashable) -> Mapping[str, type]:
    """Return the fields of an evidence class that hold any number of one dataclass, and which."""
    found = {}
    for name, hint in get_type_hints(kind).items():
        item = get_args(hint)[0] if get_origin(hint) is tuple and get_args(hint)[1:] == (...,) else None
        if isinstance(item, type) and is_dataclass(item) and not _hides_values(item):
            found[name] = item
    return found


def _hides_values(kind: type) -> bool:
    """Return whether redaction hides a value for its key, which it would not see in a column."""
    names = set(_names(kind))
    return {"name", "value"} <= names or any(map(names_a_secret, names))


def _member(kind: type | None, found: Any) -> JsonValue:  # noqa: ANN401  # whatever evidence holds
    if kind is None or len(found) < MANY or set(map(type, found)) != {kind}:
        return encode(found)
    return _grouped(kind, found)


def _grouped(kind: type, items: Sequence[object]) -> JsonObject:
    columns = {field.name: list(map(attrgetter(field.name), items)) for field in fields(kind)}
    shared = [name for name, column in columns.items() if _is_shared(column)]
    rows = zip(*(columns[name] for name in shared), strict=True) if shared else [()] * len(items)
    places: dict[tuple[object, ...], int] = {}
    numbers = [places.setdefault(row, len(places)) for row in rows]
    hints = get_type_hints(kind)
    return {
        "alike": [{name: encode(item) for name, item in zip(shared, row, strict=True)} for row in places],
        "class": numbers,
        "own": {name: _column(hints[name], column) for name, column in columns.items() if name not in shared},
    }


def _is_shared(column: Sequence[object]) -> bool:
    try:
        return len(set(column)) * _SHARED_BY <= len(column)
    except TypeError:
        return False


def _column(hint: object, column: Sequence[object]) -> JsonValue:
    if isinstance(hint, type) and is_dataclass(hint) and not _hides_values(hint) and set(map(type, column)) == {hint}:
        return _grouped(hint, column)
    if hint == _ADDRESSES:
        return [" ".join(sorted(map(str, found))) for found in cast("Sequence[frozenset[Address]]", column)]
    return [encode(item) for item in column]


def _spread(kind: type[T], document: Mapping[str, Any]) -> tuple[T, ...]:
    hints = get_type_hints(kind)
    alike = [
        {name: decode(hints[name], item) for name, item in one.items() if name in hints} for one in document["alike"]
    ]
    own = {name: _values(hints[name], column) for name, column in document["own"].items() if name in hints}
    if not _required(kind) <= {*alike[0], *own}:
        decode(kind, alike[0])  # raises, and says which members another version did not write
    rows: Sequence[tuple[object, ...]] = list(zip(*own.values(), strict=True)) or [()] * len(document["class"])
    return tuple(
        kind(**alike[number], **dict(zip(own, row, strict=True)))
        for number, row in zip(document["class"], rows, strict=True)
    )


def _values(hint: Any, column: JsonValue) -> Sequence[object]:  # noqa: ANN401  # a type expression
    if isinstance(column, Mapping):
        return _spread(hint, column)
    if hint == _ADDRESSES:
        return [frozenset(map(address, found.split())) for found in decode(list[str], column)]
    return decode(list[hint], column)


def _required(kind: type) -> set[str]:
    return {field.name for field in fields(kind) if field.init and field.default is field.default_factory is MISSING}
