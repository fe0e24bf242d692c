"""Evidence as it is stored: redacted and capped, then read back. Rules judge this form and no other."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from bot.domain.alike import evidence_document, evidence_from
from bot.domain.json_values import JsonObject, canonical
from bot.domain.redaction import redact_object
from bot.errors import SourceGarbled, UnitError

T = TypeVar("T")

MAX_EVIDENCE_CHARACTERS = 16_000_000
"""One piece of evidence larger than this is not kept; the check says so instead of judging a part of it."""


def stored(value: T) -> tuple[T, JsonObject]:
    """Return the evidence as history gives it back, secrets out and long strings cut, and the JSON that it keeps.

    Where nothing was taken out it is the value itself, which is what reading back gives (`bot.domain.alike`): to make
    readers for all classes is a tenth of a small diagnosis.
    """
    plain = evidence_document(value)
    document = redact_object(plain)
    if len(canonical(document)) > MAX_EVIDENCE_CHARACTERS:
        raise SourceGarbled(
            f"{type(value).__name__} is larger than {MAX_EVIDENCE_CHARACTERS} characters and was not kept."
        )
    if document == plain:
        return value, document
    try:
        return evidence_from(type(value), document), document
    except ValidationError as error:
        raise UnitError(f"{type(value).__name__} does not survive storing: {error.errors()[0]['msg']}.") from error
