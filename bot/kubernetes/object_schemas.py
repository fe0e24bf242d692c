"""What an API server says of its own kinds (OpenAPI v3), and what in an object it has no place for.

Sources: Kubernetes documentation, "The Kubernetes API" (OpenAPI v3 at `/openapi/v3`; a schema names its kinds in
`x-kubernetes-group-version-kind`); OpenAPI Specification 3.0, "Schema Object", which is a JSON Schema but for a few
words that Kubernetes does not use. Of an object with members an unknown one is refused, as the API server itself does
under `fieldValidation=Strict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.kubernetes.members import part, parts, text

_PREFIX = "#/components/schemas/"
_KINDS = "x-kubernetes-group-version-kind"
_SCHEMAS_IN = frozenset({"properties"})
"""Words whose value has schemas by a name of their own."""
_SCHEMA = frozenset({"items", "additionalProperties", "not"})
_LISTED = frozenset({"allOf", "oneOf", "anyOf"})
_KEPT = frozenset({"type", "required", "enum", "pattern"})
"""What is kept of a schema beside those: the rest are texts, defaults and hints."""
_MOST_SAID = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSchema:
    """What the API server takes for one kind, and no more than that needs."""

    kind: str
    name: str
    """Of its schema: `io.k8s.api.apps.v1.DaemonSet`."""
    schemas: RawObject
    """By name: its own and all that it names."""

    @classmethod
    def of(cls, document: RawObject, *, group: str, version: str, kind: str) -> ObjectSchema | None:
        """Return the kind's schema out of the document of its group and version; None: it has none.

        Raises `LookupError` or `TypeError` for a document that is none, or names a schema that is not in it.
        """
        known = document["components"]["schemas"]
        wanted = (group, version, kind)
        name = next((name for name in known if wanted in _kinds_of(part(known, name))), "")
        if not name:
            return None
        found: dict[str, JsonValue] = {}
        left = [name]
        while left:
            one = left.pop()
            if one not in found:
                found[one] = _reduced(known[one])
                left += _named_in(found[one])
        return cls(kind=kind, name=name, schemas=found)

    def misfits(self, body: JsonObject) -> tuple[str, ...]:
        """Return what of an object the API server has no place for, five at most; nothing is fetched for it.

        Raises `ValueError` for schemas that cannot be understood.
        """
        import jsonschema  # noqa: PLC0415  # slow to import, and needed where something is installed alone
        import referencing  # noqa: PLC0415  # the same

        root = {"$ref": f"{_PREFIX}{self.name}", "components": {"schemas": _plain(self.schemas)}}
        checker = jsonschema.Draft202012Validator(root, registry=referencing.Registry())
        try:
            found = sorted(checker.iter_errors(_plain(body)), key=lambda one: one.json_path)
        except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, TypeError, AttributeError) as error:
            raise ValueError(f"the schema of {self.kind} is not readable: {error}") from error
        return tuple(f"{self.kind} {one.json_path[2:] or 'itself'}: {one.message[:200]}" for one in found[:_MOST_SAID])


def _kinds_of(schema: RawObject) -> Iterator[tuple[str, str, str]]:
    return ((text(one, "group"), text(one, "version"), text(one, "kind")) for one in parts(schema, _KINDS))


def _reduced(schema: JsonValue) -> JsonValue:
    """Return what a schema demands; where it names members, others are none of it."""
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, JsonValue] = {}
    for word, value in schema.items():
        if word in _SCHEMAS_IN and isinstance(value, Mapping):
            kept[word] = {name: _reduced(inner) for name, inner in value.items()}
        elif word in _LISTED and isinstance(value, list | tuple):
            kept[word] = [_reduced(inner) for inner in value]
        elif word in _SCHEMA:
            kept[word] = _reduced(value)
        elif word in _KEPT or word == "$ref":
            kept[word] = value
    if "properties" in kept and "additionalProperties" not in kept:
        kept["additionalProperties"] = False
    return kept


def _named_in(schema: JsonValue) -> Iterator[str]:
    """Yield the names of the schemas that one refers to."""
    if isinstance(schema, Mapping):
        named = schema.get("$ref")
        if isinstance(named, str):
            yield named.removeprefix(_PREFIX)
        for word, value in schema.items():
            inner = value.values() if word in _SCHEMAS_IN and isinstance(value, Mapping) else (value,)
            for one in inner:
                yield from _named_in(one)
    elif isinstance(schema, list | tuple):
        for one in schema:
            yield from _named_in(one)


def _plain(value: JsonValue) -> Any:  # noqa: ANN401  # what the library reads
    """Return JSON as dicts and lists: the library knows no others as objects and arrays."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
