"""Lines for a terminal: wrapped at its width, as paragraphs and as bullets, and styled where they are headings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

WIDTH = 110
"""Where there is no terminal to ask."""


class Styled(str):
    """A line with the style that it is shown in where colours are wanted, in rich's words: `bold red`."""

    __slots__ = ("style",)
    style: str

    def __new__(cls, text: str, style: str) -> Self:
        """Return the line."""
        made = super().__new__(cls, text)
        made.style = style
        return made


@dataclass(frozen=True, slots=True)
class Page:
    """Lays text out for a terminal of so many columns. A word that is longer than a line stays whole."""

    width: int = WIDTH

    def wrapped(self, text: str, indent: str = "", hanging: str | None = None, style: str = "") -> list[str]:
        """Return the text's paragraphs as lines; `hanging` indents all but the first of each."""
        if not text:
            return []
        lines = [
            line
            for paragraph in text.splitlines()
            for line in textwrap.wrap(
                paragraph,
                self.width,
                initial_indent=indent,
                subsequent_indent=indent if hanging is None else hanging,
                break_long_words=False,
                break_on_hyphens=False,
            )
        ]
        return [Styled(line, style) for line in lines] if style else lines

    def bullets(self, lines: Iterable[str], indent: str = "  ") -> list[str]:
        """Return each text as a bullet."""
        return [line for text in lines for line in self.wrapped(text, f"{indent}- ", f"{indent}  ")]


wrapped = Page().wrapped
bullets = Page().bullets
