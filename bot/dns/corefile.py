"""The Corefile's structure: server blocks, their zones, their plugins.

Syntax: coredns.io/manual/configuration. Braces count only where they stand alone, as CoreDNS's own
lexer has it; `#` begins a comment at the start of a word; quotes may span lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefilePlugin:
    """One plugin line with its options."""

    name: str
    arguments: tuple[str, ...]
    options: tuple[str, ...]
    """The lines of its own block, words joined by single spaces."""
    line: int
    """1-based."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBlock:
    """One server block."""

    zones: tuple[str, ...]
    """As written: `.:53`, `corp.example:53`."""
    plugins: tuple[CorefilePlugin, ...]
    line: int

    @property
    def serves_root(self) -> bool:
        """Return whether this block takes every name that no other block takes."""
        return any(zone.split("://")[-1].split(":")[0] == "." for zone in self.zones)

    def plugin(self, name: str) -> CorefilePlugin | None:
        """Return the first plugin of this name."""
        return next((plugin for plugin in self.plugins if plugin.name == name), None)

    @property
    def forward_targets(self) -> tuple[str, ...]:
        """Where this block forwards to: addresses, or `/etc/resolv.conf`."""
        return tuple(
            target for plugin in self.plugins if plugin.name in {"forward", "proxy"} for target in plugin.arguments[1:]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCorefile:
    """What a Corefile holds; `problem` says where its braces or quotes do not match, else is empty."""

    blocks: tuple[ServerBlock, ...]
    problem: str = ""
    problem_line: int = 0
    """1-based; 0: no problem."""


@dataclass(slots=True)
class _Open:
    """A block that is being read."""

    head: list[str]
    line: int
    braced: bool = False
    inner: list[_Open] = field(default_factory=list)


def parse_corefile(text: str) -> ParsedCorefile:
    """Return the Corefile's structure. Total: what cannot be read is told in `problem`."""
    rows, problem, problem_line = _rows(text)
    root = _Open(head=[], line=0)
    stack = [root]
    for line, words in rows:
        if words == ["}"]:
            if len(stack) == 1:
                problem, problem_line = problem or "a closing brace without an opening one", problem_line or line
                continue
            stack.pop()
            continue
        opens = words[-1] == "{"
        entry = _Open(head=words[:-1] if opens else words, line=line, braced=opens)
        stack[-1].inner.append(entry)
        if opens:
            stack.append(entry)
    if len(stack) > 1 and not problem:
        problem, problem_line = "this block is never closed", stack[-1].line
    return ParsedCorefile(blocks=_blocks(root.inner), problem=problem, problem_line=problem_line)


def _blocks(entries: list[_Open]) -> tuple[ServerBlock, ...]:
    if entries and _braceless(entries[0]):
        first, *rest = entries
        return (_block(_Open(head=first.head, line=first.line, inner=rest)),)
    blocks: list[ServerBlock] = []
    zones: list[str] = []
    for entry in entries:
        zones += entry.head
        if entry.head and entry.head[-1].endswith(","):
            continue  # the list of zones goes on in the next line
        blocks.append(_block(_Open(head=zones, line=entry.line, inner=entry.inner)))
        zones = []
    return tuple(block for block in blocks if not (block.zones and block.zones[0].startswith("(")))


def _braceless(first: _Open) -> bool:
    """Return whether this is the short form, one server without braces: zones first, then its plugins."""
    return not first.braced and bool(first.head) and not first.head[-1].endswith(",") and first.head[0] != "import"


def _block(entry: _Open) -> ServerBlock:
    return ServerBlock(
        zones=tuple(zone.strip(",") for zone in entry.head if zone.strip(",")),
        plugins=tuple(_plugin(inner) for inner in entry.inner if inner.head),
        line=entry.line,
    )


def _plugin(entry: _Open) -> CorefilePlugin:
    return CorefilePlugin(
        name=entry.head[0],
        arguments=tuple(entry.head[1:]),
        options=tuple(" ".join(inner.head) for inner in entry.inner),
        line=entry.line,
    )


def _rows(text: str) -> tuple[list[tuple[int, list[str]]], str, int]:
    """Return (line, words) for each line that holds words; a quoted word belongs to the line it began in."""
    rows: list[tuple[int, list[str]]] = []
    quote_line = 0
    quoted: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        begun, words = rows.pop() if quote_line else (number, [])
        quote_line, quoted = _words(line, words, quoted if quote_line else None, number=number, open_line=quote_line)
        if words or quote_line:
            rows.append((begun, words))
    if quote_line:
        return [row for row in rows if row[1]], "this quote is never closed", quote_line
    return [row for row in rows if row[1]], "", 0


def _words(
    line: str, words: list[str], quoted: list[str] | None, *, number: int, open_line: int
) -> tuple[int, list[str]]:
    """Add the words of one line; return the line where a quote that is still open began (0: none) and its text."""
    word = ""
    escaped = False
    for at, letter in enumerate(line):
        if quoted is not None:
            if letter == '"' and not escaped:
                words.append("".join(quoted))
                quoted = None
            else:
                quoted.append(letter)
            escaped = letter == "\\" and not escaped
        elif letter.isspace():
            words += [word] if word else []
            word = ""
        elif not word and letter == "#":
            return 0, []
        elif not word and letter == '"' and (at == 0 or line[at - 1].isspace()):
            quoted, open_line = [], number
        else:
            word += letter
    words += [word] if word else []
    return (open_line, [*quoted, "\n"]) if quoted is not None else (0, [])
