"""Lines for a terminal: wrapped at 110 columns, as paragraphs and as bullets."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 110


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return the text's paragraphs as lines; `hanging` indents all but the first of each."""
    if not text:
        return []
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def bullets(lines: Iterable[str], indent: str = "  ") -> list[str]:
    """Return each text as a bullet."""
    return [line for text in lines for line in wrapped(text, f"{indent}- ", f"{indent}  ")]
