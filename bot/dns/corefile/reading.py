"""A Corefile's words, grouped into server blocks and plugins (coredns/caddy, caddyfile/parse.go).

Lines matter only in that a plugin's name is the first word of a line or of a block; braces are words. An `import`
at the beginning of a line is replaced by the words of a snippet or of files before anything else is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from bot.dns.corefile.imports import Folders, imported
from bot.dns.corefile.tree import CorefileRefusal, CorefileUnknown
from bot.dns.corefile.words import Word, words_of

_EXPANSIONS = 10_000
"""So many snippets CoreDNS takes in before it gives up."""
_WORDS = 200_000
"""So many imported words are read here."""


class NotTaken(Exception):
    """CoreDNS ends here."""

    def __init__(self, word: Word | None, message: str, plugin: str = "") -> None:
        super().__init__(message)
        self.refusal = CorefileRefusal(
            file=word.file if word else "", line=word.line if word else 0, message=message, plugin=plugin
        )


class TooLong(Exception):
    """More words than are followed."""


@dataclass(slots=True)
class WordsOfBlock:
    """The words of one server block."""

    keys: list[Word]
    """Without the commas behind them. CoreDNS reads a block that has none, and passes it over."""
    plugins: list[list[Word]] = field(default_factory=list)
    """Each begins with the plugin's name."""
    opening: Word | None = None
    closing: Word | None = None
    unread: list[CorefileUnknown] = field(default_factory=list)


@dataclass(slots=True)
class CorefileWords:
    """What was read of a Corefile."""

    blocks: list[WordsOfBlock] = field(default_factory=list)
    snippets: dict[str, list[Word]] = field(default_factory=dict)
    refusal: CorefileRefusal | None = None
    unknown: list[CorefileUnknown] = field(default_factory=list)


def read_corefile(text: str, *, file: str, folders: Folders) -> CorefileWords:
    """Return the words by server block and plugin, up to where CoreDNS would refuse them."""
    reader = _Reader(ahead=words_of(text, file)[::-1], file=file, folders=folders)
    try:
        reader.read()
    except NotTaken as caught:
        reader.found.refusal = caught.refusal
    except TooLong as caught:
        reader.unread(str(caught))
    return reader.found


@dataclass(slots=True)
class _Reader:
    ahead: list[Word]
    """The words to come, the next one last."""
    file: str
    folders: Folders
    found: CorefileWords = field(default_factory=CorefileWords)
    behind: Word | None = None
    now: Word | None = None
    block: WordsOfBlock = field(default_factory=lambda: WordsOfBlock(keys=[]))
    expansions: int = 0
    taken_in: int = 0

    def next(self) -> bool:
        """Go on by one word; stay at the last one where none is left."""
        if not self.ahead:
            return False
        self.behind, self.now = self.now, self.ahead.pop()
        return True

    def back(self) -> None:
        """Go back by one word."""
        if self.now:
            self.ahead.append(self.now)
        self.now, self.behind = self.behind, None

    @property
    def value(self) -> str:
        return self.now.text if self.now else ""

    @property
    def new_line(self) -> bool:
        behind, now = self.behind, self.now
        return behind is None or now is None or behind.file != now.file or behind.last_line < now.line

    def read(self) -> None:
        while self.next():
            self.block = WordsOfBlock(keys=[])
            ended = self._keys()
            snippet = None if ended else self._snippet_name
            if snippet is not None:
                self._define(snippet)
            elif self.block.keys or not ended:
                self.found.blocks.append(self.block)
            if snippet is None and not ended:
                self._contents()

    def _keys(self) -> bool:
        """Read the block's keys; return whether the file ended with them."""
        another = False
        while True:
            if self.value == "import" and self.new_line:
                self._import()
                if not self.next():
                    self.now = None
                continue
            if self.value == "{":
                self._done(another, "Expected another address but had '{' - check for extra comma")
                return False
            another = self._key(another=another)
            if not self.next():
                self._done(another, "Unexpected EOF")
                return True
            if not another and self.new_line:
                return False

    def _done(self, another: bool, message: str) -> None:  # noqa: FBT001  # the state that ends
        if another:
            raise NotTaken(self.now, message)

    def _key(self, *, another: bool) -> bool:
        """Keep a key; return whether a comma announces one more."""
        word = self.now
        if word is None or not word.text:
            return another
        comma = word.text.endswith(",")
        self.block.keys.append(Word(word.text[:-1], word.file, word.line, word.begin, word.end) if comma else word)
        return comma

    @property
    def _snippet_name(self) -> str | None:
        """What the parentheses hold where they stand alone; None: this is a server block."""
        keys = self.block.keys
        one = keys[0].text if len(keys) == 1 else ""
        return one[1:].removesuffix(")") if one.startswith("(") and one.endswith(")") else None

    def _define(self, name: str) -> None:
        if name in self.found.snippets:
            raise NotTaken(self.now, f"redeclaration of previously declared snippet {name}")
        if self.value != "{":
            raise NotTaken(self.now, f"Unexpected token '{self.value}', expecting '{{'")
        opening, depth, words = self.now, 1, list[Word]()
        while self.next() and self.now:
            depth += {"{": 1, "}": -1}.get(self.value, 0)
            if depth == 0:
                break
            words.append(self.now)
        if depth:
            raise NotTaken(opening, "this snippet is never closed")
        _check_itself(name, words)
        self.found.snippets[name] = words

    def _contents(self) -> None:
        braces = self.value == "{"
        if braces:
            self.block.opening = self.now
        else:
            self.back()
        self._plugins()
        if not braces:
            return
        if self.value != "}":
            raise NotTaken(self.block.opening, "this block is never closed")
        self.block.closing = self.now

    def _plugins(self) -> None:
        while self.next():
            if self.value == "}":
                return
            if self.value == "import":
                self._import()
            else:
                self._plugin()

    def _plugin(self) -> None:
        """Read one plugin: to the end of its line, or of the block that begins in it."""
        opened: list[Word] = []
        words = [self.now] if self.now else []
        self.block.plugins.append(words)
        while self.next() and self.now:
            if self.new_line and not opened and self.value != "{":
                self.back()
                return
            if self.value == "import" and self.new_line:
                self._import()
                continue
            self._brace(self.now, opened)
            words.append(self.now)
        if opened:
            raise NotTaken(opened[-1], "this block is never closed")

    def _brace(self, word: Word, opened: list[Word]) -> None:
        """Keep the braces that are open."""
        if word.text == "{":
            opened.append(word)
        elif word.text == "}":
            if not opened:
                raise NotTaken(word, "Unexpected '}' because no matching opening brace")
            opened.pop()

    def _import(self) -> None:
        """Put what is imported in the place of the two words; the word before them becomes the current one."""
        word, before = self.now, self.behind
        pattern = self._argument(word)
        if pattern is None:
            raise NotTaken(word, "Wrong argument count or unexpected line ending after 'import'")
        if not pattern.text:
            raise NotTaken(pattern, "Import requires a non-empty filepath")
        if self._argument(pattern):
            raise NotTaken(pattern, "Import takes only one argument (glob pattern or file)")
        self.ahead += self._taken_in(pattern)[::-1]
        self.now, self.behind = before, None

    def _argument(self, word: Word | None) -> Word | None:
        """Take the next word if it stands on the line where `word` ends."""
        if word is None or not self.ahead:
            return None
        if self.ahead[-1].file != word.file or self.ahead[-1].line != word.last_line:
            return None
        return self.ahead.pop()

    def _taken_in(self, pattern: Word) -> list[Word]:
        self.expansions += 1
        if self.expansions > _EXPANSIONS:
            raise NotTaken(pattern, f"maximum snippet import depth ({_EXPANSIONS}) exceeded")
        if pattern.asks_environment:
            self.unread(f"`import {pattern.text}`: the variable is not known", pattern)
            return []
        if pattern.text in self.found.snippets:
            words = self.found.snippets[pattern.text]
        else:
            files = imported(pattern.text, pattern.file, self.folders)
            if files.refused:
                raise NotTaken(pattern, files.refused)
            if files.unread:
                self.unread(files.unread, pattern)
            words = [word for path, text in files.files for word in words_of(text, path)]
        self.taken_in += len(words)
        if self.taken_in > _WORDS:
            raise TooLong(f"its imports make more than {_WORDS} words")
        return words

    def unread(self, reason: str, word: Word | None = None) -> None:
        """Note what was not read, for the Corefile and for the block it stands in."""
        one = CorefileUnknown(file=word.file if word else self.file, line=word.line if word else 0, reason=reason)
        self.found.unknown.append(one)
        self.block.unread.append(one)


def _check_itself(name: str, words: list[Word]) -> None:
    """Refuse a snippet whose lines import it."""
    before: Word | None = None
    for word, pattern in pairwise(words):
        begins = before is None or (before.file, before.line) != (word.file, word.line)
        if begins and word.text == "import" and pattern.text == name:
            raise NotTaken(word, "a snippet that imports itself: maximum snippet import depth exceeded")
        before = word
