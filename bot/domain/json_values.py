"""Names for JSON: what readers answer, and what is stored and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, "JsonValue"]

RawObject: TypeAlias = Mapping[str, Any]
"""A reader's raw answer. Several collectors may be given the same one: nobody changes it."""


def canonical(value: JsonValue) -> str:
    """Return `value` as canonical JSON: sorted keys, no spaces, ASCII. Equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: JsonValue) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in lower-case hexadecimal."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def digest_of_text(text: str) -> str:
    """Return the SHA-256 of a text as UTF-8, lone surrogates included, in lower-case hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
