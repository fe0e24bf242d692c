"""Rows that cannot be read: one by one they are said and left aside, and none of them stops the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import RecordUnreadable


@contextmanager
def reading_row(what: str) -> Iterator[None]:
    """Make `RecordUnreadable` of what reading a row's documents raises: another form, another word, no JSON."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration, RecursionError) as error:
        raise RecordUnreadable(
            f"{what} cannot be read in the history ({type(error).__name__}): another version of dnsbot wrote it, or it "
            "was changed since. It is left aside."
        ) from error
