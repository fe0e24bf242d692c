"""The parts of sentences that everything here forms alike: counts, times, permissions, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

MOST_NAMES_SHOWN = 10


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 check` or `3 checks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def timestamp(moment: datetime) -> str:
    """Return the one form of a time, RFC 3339 in UTC to the second: `2026-11-21T09:00:00Z`.

    Slack shows it in the reader's own zone (`bot.slack.render`).
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_name(name: str) -> str:
    """Return the name of a unit as people read it, where nothing better is known of it: `query_log`, "query log"."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """Return `text` with its first letter large and all others as they are, unlike `str.capitalize`."""
    return text[:1].upper() + text[1:]


def few(names: Sequence[str], most: int) -> str:
    """Return `a, b, …`: so many names, where the sentence tells how many there are."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def and_more(names: Sequence[str], most: int, *, between: str = ", ") -> str:
    """Return `a, b and 3 more`."""
    return between.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def sentence(text: str) -> str:
    """Return `text` with a full stop where it ends in none."""
    text = text.rstrip()
    return text if not text or text[-1] in ".:;?!)…" else text + "."


def with_grant(text: str, grant: str) -> str:
    """Return why something could not be read, and the permission that would help where the text does not name it."""
    return sentence(text) if not grant or grant in text else f"{sentence(text)} Missing permission: {sentence(grant)}"


def nearest(name: str, valid: Iterable[str], noun: str) -> str:
    """Return `Did you mean …?`, or the valid names where none is near."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else known(names, noun)


def known(valid: Iterable[str], noun: str) -> str:
    """Return the valid names, ten at most: `Known clusters: a, b.`."""
    names = sorted(valid)
    if not names:
        return f"There are no {noun}s."
    return f"Known {noun}s: {and_more(names, MOST_NAMES_SHOWN)}."
