"""Evidence as it is stored: redacted and capped, then read back. Rules judge this form and no other."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from bot.domain.json_values import JsonObject, JsonValue, canonical
from bot.domain.redaction import redact_value
from bot.errors import SourceGarbled, UnitError

MAX_EVIDENCE_CHARACTERS = 16_000_000
"""One piece of evidence larger than this is not kept; the check says so instead of judging a part of it."""


@cache
def _adapter(evidence: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", evidence))


def adapter(evidence: type[Any]) -> TypeAdapter[Any]:
    """Return the JSON adapter of an evidence class."""
    return _adapter(cast("Hashable", evidence))


def to_document(value: object) -> JsonObject:
    """Return evidence as JSON, not yet redacted."""
    evidence: type[Any] = type(value)
    return cast("JsonObject", adapter(evidence).dump_python(value, mode="json"))


def from_document(evidence: type[Any], document: JsonValue) -> object:
    """Return the evidence that `to_document` wrote."""
    try:
        return cast("object", adapter(evidence).validate_python(document))
    except ValidationError as error:
        raise UnitError(f"{evidence.__name__} does not survive storing: {error.errors()[0]['msg']}.") from error


def as_stored(value: object) -> object:
    """Return the evidence as history will give it back: secrets out, long strings cut."""
    document = redact_value(to_document(value))
    if len(canonical(document)) > MAX_EVIDENCE_CHARACTERS:
        raise SourceGarbled(
            f"{type(value).__name__} is larger than {MAX_EVIDENCE_CHARACTERS} characters and was not kept."
        )
    return from_document(type(value), document)
