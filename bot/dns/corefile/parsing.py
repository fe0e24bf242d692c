"""A Corefile's text to its tree."""

from __future__ import annotations

from collections.abc import Sequence

from bot.dns.corefile.addresses import NoZone, addresses_of
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.reading import CorefileWords, WordsOfBlock, read_corefile
from bot.dns.corefile.tree import CorefileAddress, CorefileOption, CorefilePlugin, ParsedCorefile, ServerBlock
from bot.dns.corefile.words import Word

COREFILE = "/etc/coredns/Corefile"
"""Where CoreDNS's manifests mount it."""


def parse_corefile(text: str, *, file: str = COREFILE, folders: Folders | None = None) -> ParsedCorefile:
    """Return what the Corefile at `file` says. Total.

    `folders`: the content of those folders that its imports may name, as far as it is known.
    """
    return tree_of(read_corefile(text, file=file, folders=folders or {}))


def tree_of(reading: CorefileWords) -> ParsedCorefile:
    """Return the tree of what was read."""
    return ParsedCorefile(
        blocks=tuple(_block(block) for block in reading.blocks if block.keys),
        refusal=reading.refusal,
        unknown=tuple(reading.unknown),
        snippets=tuple(reading.snippets),
    )


def _block(block: WordsOfBlock) -> ServerBlock:
    first = block.keys[0]
    opening, closing = block.opening, block.closing
    last = max((words[-1].end for words in block.plugins if words[-1].file == first.file), default=block.keys[-1].end)
    return ServerBlock(
        keys=tuple(key.text for key in block.keys),
        addresses=tuple(address for key in block.keys for address in _addresses(key)),
        plugins=tuple(_plugin(words) for words in block.plugins),
        line=first.line,
        file=opening.file if opening else first.file,
        opens_at=opening.end if opening else block.keys[-1].end,
        closes_at=closing.begin if closing else last,
        unread=tuple(one.reason for one in block.unread),
    )


def _addresses(key: Word) -> tuple[CorefileAddress, ...]:
    if key.asks_environment:
        return ()
    if key.text.startswith(":"):
        return _addresses(Word(f".{key.text}", key.file, key.line, key.begin, key.end))
    try:
        return addresses_of(key.text)
    except NoZone:
        return ()


def _plugin(words: Sequence[Word]) -> CorefilePlugin:
    name = words[0]
    braces = next((at for at, word in enumerate(words) if word.text == "{"), len(words))
    return CorefilePlugin(
        name=name.text,
        arguments=tuple(word.text for word in words[1:braces]),
        options=_options(words[braces + 1 :]),
        line=name.line,
        file=name.file,
        begin=name.begin,
        end=max(word.end for word in words if word.file == name.file),
    )


def _options(words: Sequence[Word]) -> tuple[CorefileOption, ...]:
    """Return a block's lines, without the brace that closes it and what stands behind that."""
    lines: list[list[Word]] = []
    depth = 0
    for word in words:
        depth += {"{": 1, "}": -1}.get(word.text, 0)
        if depth < 0:
            break
        begins = not lines or lines[-1][-1].file != word.file or lines[-1][-1].last_line != word.line
        if begins and depth == (1 if word.text == "{" else 0):
            lines.append([])
        lines[-1].append(word)
    return tuple(CorefileOption(words=tuple(word.text for word in line), line=line[0].line) for line in lines)
