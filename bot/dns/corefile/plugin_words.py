"""A plugin's words, walked as CoreDNS's plugins walk them (coredns/caddy, caddyfile/dispenser.go).

A plugin that is written twice in a block gets the words of both. What is left over of one option's line is taken
for the next option; a brace behind an option is one more of its arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from bot.dns.corefile.reading import NotTaken
from bot.dns.corefile.versions import Version
from bot.dns.corefile.words import Word


class Unsure(Exception):
    """Whether CoreDNS takes this depends on what is not known."""

    def __init__(self, reason: str, word: Word | None = None, *, by_words: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.word = word
        self.by_words = by_words
        """Whether CoreDNS itself would tell by the words alone: no file, network or variable decides."""


class PluginWords:
    """The words of one plugin of one server block; stands before the first of them at first."""

    def __init__(
        self, name: str, words: Sequence[Word], zones: Sequence[str] | None, version: Version | None = None
    ) -> None:
        self.name = name
        self.version = version
        """Of the CoreDNS that is to take them; None: the newest."""
        self._zones = zones
        self._words = words
        self._at = -1
        self._depth = 0

    @property
    def zones(self) -> tuple[str, ...]:
        """The server block's, with their last dots. Raises `Unsure` where they are not all known."""
        if self._zones is None:
            raise Unsure("which zones its server block serves")
        return tuple(self._zones)

    @property
    def value(self) -> str:
        """The current word. Raises `Unsure` where a variable makes it."""
        word = self._words[self._at]
        if word.asks_environment:
            raise Unsure(f"{word.text} of plugin {self.name} is not known", word)
        return word.text

    def refuse(self, message: str) -> NoReturn:
        """Say that CoreDNS ends at the current word."""
        raise NotTaken(self._words[max(self._at, 0)], message, self.name)

    def wrong_count(self) -> NoReturn:
        """Say that arguments are missing, or too many."""
        self.refuse(f"Wrong argument count or unexpected line ending after '{self._words[self._at].text}'")

    def next(self) -> bool:
        """Go to the next word."""
        if self._at + 1 >= len(self._words):
            return False
        self._at += 1
        return True

    def next_argument(self) -> bool:
        """Go to the next word if it stands on the same line."""
        if self._at < 0:
            return self.next()
        if self._at + 1 >= len(self._words):
            return False
        now, after = self._words[self._at], self._words[self._at + 1]
        if now.file != after.file or now.last_line != after.line:
            return False
        self._at += 1
        return True

    def remaining(self) -> list[str]:
        """Take the words up to the end of the line or an opening brace."""
        found: list[str] = []
        while self.next_argument():
            if self._words[self._at].text == "{":
                self._at -= 1
                break
            found.append(self.value)
        return found

    def next_option(self) -> bool:
        """Go to the next option of the plugin's own block; False once it has ended, or where there is none."""
        if self._depth:
            if not self.next():
                return False
            text = self._words[self._at].text
            if text == "}":
                self._depth -= 1
                return False
            if text != "{":
                return True
            self._at -= 1
        if not self.next_argument():
            return False
        if self._words[self._at].text != "{":
            self._at -= 1
            return False
        if not self.next() or self._words[self._at].text == "}":
            return False
        self._depth += 1
        return True
