"""A Corefile edited by its grammar: a plugin put into its root block, `log` taken out, all else byte for byte.

What is put in stands on a line of its own before the first word of the block, indented as that word is; taking it out
again gives the same text. Every edit is read again: but for that plugin it must say what the text said before.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.dns.corefile.imports import Folders
from bot.dns.corefile.parsing import COREFILE, tree_of
from bot.dns.corefile.reading import CorefileWords, read_corefile
from bot.dns.corefile.tree import CorefilePlugin, ServerBlock, root_block
from bot.dns.corefile.words import Word, words_of
from bot.errors import NotEditable

LOG = "log"
"""The plugin that writes a line for each query (CoreDNS, plugin/log)."""


def log_of(text: str, *, file: str = COREFILE, folders: Folders | None = None) -> str:
    """Return how the root block logs queries, as it is written there: `log`, `log . {combined}`; empty: it does not.

    Raises `NotEditable` where there is no root block to tell.
    """
    root = _root(_read(text, file, folders))
    return "; ".join(_written(plugin, text, file) for plugin in root.plugins if plugin.name == LOG)


def with_log(text: str, *, file: str = COREFILE, folders: Folders | None = None) -> str:
    """Return the text with `log` in the root block. Raises `NotEditable` where it logs already, or has no place."""
    return with_plugin(text, LOG, file=file, folders=folders)


def with_plugin(text: str, name: str, *, file: str = COREFILE, folders: Folders | None = None) -> str:
    """Return the text with a plugin in the root block. Raises `NotEditable` where it is there, or has no place."""
    before = _read(text, file, folders)
    root = _root(before)
    if root.plugin(name):
        raise NotEditable(f"its root block has the plugin {name} already")
    first = next((word for word in words_of(text, file) if word.begin >= root.opens_at), None)
    if first is None or root.file != file:
        raise NotEditable("its root block holds nothing that a line could be put in front of")
    begins = text.rfind("\n", 0, first.begin) + 1
    indent = text[begins : first.begin]
    ends = "\r\n" if text[:begins].endswith("\r\n") else "\n"
    added = f"{name}{ends}{indent if not indent.strip(_BLANK) else ''}"
    edited = text[: first.begin] + added + text[first.begin :]
    _check(before, _read(edited, file, folders), root, name)
    return edited


def without_log(text: str, *, file: str = COREFILE, folders: Folders | None = None) -> str:
    """Return the text without the plain `log` of its root block, as `with_log` put it there.

    Raises `NotEditable` where there is none, more than one, or one that says more than `log`.
    """
    before = _read(text, file, folders)
    root = _root(before)
    logs = [plugin for plugin in root.plugins if plugin.name == LOG]
    if not logs:
        raise NotEditable("its root block has no plugin log")
    own = logs[0]
    written = text[own.begin : own.end].replace("\r", "")
    if len(logs) > 1 or own.arguments or own.options or own.file != file or written != LOG:
        raise NotEditable(f"its root block has `{'; '.join(_written(one, text, file) for one in logs)}`, not just log")
    begin, end = _place(text, own, words_of(text, file))
    edited = text[:begin] + text[end:]
    _check(_read(edited, file, folders), before, root, LOG)
    return edited


def _place(text: str, own: CorefilePlugin, words: Sequence[Word]) -> tuple[int, int]:
    """Return what is to be taken out: the whole line where it stands alone on one, else up to the next word."""
    begins, ends = text.rfind("\n", 0, own.begin) + 1, text.find("\n", own.end) + 1
    if ends and not text[begins : own.begin].strip(_BLANK) and not text[own.end : ends].strip("\r\n"):
        return begins, ends
    following = next((word.begin for word in words if word.begin >= own.end), len(text))
    return own.begin, own.end if text[own.end : following].strip() else following


_BLANK = " \t"


def _read(text: str, file: str, folders: Folders | None) -> CorefileWords:
    return read_corefile(text, file=file, folders=folders or {})


def _root(reading: CorefileWords) -> ServerBlock:
    if reading.refusal:
        raise NotEditable(f"line {reading.refusal.line} cannot be read: {reading.refusal.message}")
    root = root_block(tree_of(reading).blocks)
    if root is None:
        raise NotEditable("no server block takes every name (`.`)")
    return root


def _written(plugin: CorefilePlugin, text: str, file: str) -> str:
    if plugin.file == file:
        return " ".join(text[plugin.begin : plugin.end].split())
    return " ".join((plugin.name, *plugin.arguments))


def _check(without: CorefileWords, with_one: CorefileWords, root: ServerBlock, name: str) -> None:
    """Raise `NotEditable` unless the two say the same but for one such plugin in one root block."""
    if without.refusal or with_one.refusal:
        refusal = without.refusal or with_one.refusal
        raise NotEditable(f"the changed text could not be read: {refusal.message if refusal else ''}")
    former, edited = _said(without), _said(with_one)
    differing = [at for at, (one, other) in enumerate(zip(former, edited, strict=False)) if one != other]
    same_snippets = [_texts(words) for words in without.snippets.values()] == [
        _texts(words) for words in with_one.snippets.values()
    ]
    if len(former) != len(edited) or len(differing) != 1 or not same_snippets:
        raise NotEditable("it would change more than its root block")
    keys, plugins = edited[differing[0]]
    kept = [plugin for plugin in plugins if plugin != (name,)]
    if keys != root.keys or len(kept) + 1 != len(plugins) or (keys, kept) != former[differing[0]]:
        raise NotEditable("it would change more than one line of its root block")


def _said(reading: CorefileWords) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    return [(_texts(block.keys), [_texts(words) for words in block.plugins]) for block in reading.blocks]


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in words)
