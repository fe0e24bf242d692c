r"""A Corefile's words, with the place of each (coredns/caddy, caddyfile/lexer.go).

White space parts words. A word that begins with `"` runs to the next `"`, over line ends too, and `\"` in it is a
quote; `{` and `}` are words like any other. `#` ends a word and hides what follows: to the end of the line where
it begins a word, only to the next white space where it stands inside one. A carriage return is not read at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPACE = "\t\n\v\f \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Go's unicode.IsSpace takes, but for the carriage return."""
_TOKEN = re.compile(
    rf'(?P<space>[{_SPACE}\r]+)|(?P<comment>#[^\n]*)|"(?P<quoted>(?:[^"\\]|\\[\s\S])*+)(?P<end>"|\\?\Z)'
    rf"|(?P<word>[^{_SPACE}#]+)(?:#[^{_SPACE}]*)?"
)
_ESCAPED_QUOTE = re.compile(r'\\(["\\]?)')


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a file."""

    text: str
    """Without its quotes."""
    file: str
    line: int
    """1-based, where it begins."""
    begin: int
    end: int
    """Its place in the file's text, quotes included: `text[begin:end]`."""

    @property
    def last_line(self) -> int:
        """The line where it ends; a quoted word may hold line ends."""
        return self.line + self.text.count("\n")

    @property
    def asks_environment(self) -> bool:
        """Whether it names an environment variable: `{$NAME}` or `{%NAME%}`."""
        return any(
            self.text.find(closing, at) > at + 2
            for opening, closing in (("{%", "%}"), ("{$", "}"))
            if (at := self.text.find(opening)) >= 0
        )


def words_of(text: str, file: str) -> list[Word]:
    """Return the words of one file. Total: every text has words."""
    found: list[Word] = []
    line, at = 1, 1 if text.startswith("\ufeff") else 0
    while match := _TOKEN.match(text, at):
        begin, at = match.start(), match.end()
        if match.lastgroup == "word":
            _add_bare(found, match["word"], file, line, begin)
        elif match["quoted"] is not None:
            value = _unescaped(match["quoted"])
            if value or match["end"] == '"':
                found.append(Word(value, file, line, begin, at))
        line += text.count("\n", begin, at)
    return found


def _add_bare(found: list[Word], written: str, file: str, line: int, begin: int) -> None:
    text = written.replace("\r", "")
    if text:
        found.append(Word(text, file, line, begin, begin + len(written)))


def _unescaped(quoted: str) -> str:
    return _ESCAPED_QUOTE.sub(lambda match: '"' if match[1] == '"' else match[0], quoted)
