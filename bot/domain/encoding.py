"""Values to JSON and back. Sets are sorted, so that equal evidence has equal bytes and is stored once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from bot.domain.json_values import JsonObject, JsonValue, canonical

T = TypeVar("T")

_AS_THEY_ARE = frozenset({type(None), bool, int, float, str})


def encode(value: object) -> JsonValue:
    """Return `value` (dataclasses, enums, sets, times, addresses, nested as they come) as JSON."""
    kind = type(value)
    if kind in _AS_THEY_ARE:  # most there is
        return cast("JsonValue", value)
    names = _field_names(cast("Hashable", kind))
    if names is not None:
        return {name: encode(getattr(value, name)) for name in names}
    if isinstance(value, int | float | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return _in_order([encode(item) for item in value])
    if isinstance(value, Sequence):
        return [encode(item) for item in value]
    return _leaf(value)


@cache
def _field_names(kind: Hashable) -> tuple[str, ...] | None:
    """Return the names of a dataclass's fields; None: the class is no dataclass."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


def _in_order(members: list[JsonValue]) -> list[JsonValue]:
    if all(isinstance(item, str) for item in members):
        return sorted(members, key=str)
    return sorted(members, key=canonical)


def _leaf(value: object) -> JsonValue:
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return cast("JsonValue", to_jsonable_python(value))


def encode_object(value: object) -> JsonObject:
    """Return a dataclass as a JSON object."""
    document = encode(value)
    if not isinstance(document, Mapping):
        raise TypeError(f"{type(value).__name__} is no dataclass: it has no fields to encode.")
    return document


def decode(kind: type[T], document: object) -> T:
    """Return the value of class `kind` that `encode` wrote. Raises pydantic's `ValidationError`."""
    return cast("T", _adapter(cast("Hashable", kind)).validate_python(document))


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(cast("type[Any]", kind))
    # `JsonObject` names JsonValue as text, which pydantic cannot follow into itself: any JSON will do here
    adapter.rebuild(raise_errors=True, _types_namespace={"JsonValue": Any})
    return adapter
