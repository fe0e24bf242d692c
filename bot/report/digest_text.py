"""A digest for a terminal: layout only, the sentences stand in `digest_words.py`."""

from __future__ import annotations

from collections.abc import Iterator

from bot.report.digest_words import DigestWords
from bot.report.wrapping import bullets, wrapped


def digest_text(words: DigestWords) -> str:
    """Return the digest, wrapped at 110 columns, ending in a newline."""
    return "\n".join(_lines(words)).rstrip("\n") + "\n"


def _lines(words: DigestWords) -> Iterator[str]:
    yield words.title
    yield words.summary
    for section in words.sections:
        yield ""
        yield section.heading.upper()
        yield from bullets(section.lines)
    yield ""
    yield from table((words.headings, *words.rows))
    if words.details:
        yield ""
        yield from bullets(words.details)
    yield ""
    for note in words.notes:
        yield from wrapped(note)


def table(rows: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Yield rows of equal length as lines with columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
