"""Reasons that people give in their own words, as they are kept: without secrets, and cut."""

from __future__ import annotations

from bot.domain.redaction import redact

REASON_CHARACTERS = 2_000


def kept_reason(text: str) -> str:
    """Return a reason as it is kept: what is far beyond its end is not even read."""
    return redact(text[: 2 * REASON_CHARACTERS])[:REASON_CHARACTERS]
