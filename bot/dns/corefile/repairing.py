"""The smallest edit with which a Corefile loads that CoreDNS refuses: one word or one line at a time, the rest kept.

What is tried, in this order, at the place that is refused: a plugin that another took the place of, or that is spelt
nearly so, gets its right name; a line that is no plugin, or an option, goes; a brace is closed where the indentation
says so, or goes. `kubernetes` and `forward` never go: without them CoreDNS starts and answers no name of the cluster,
or none outside. Whoever asks judges each edit; the first that is accepted is taken, and where one fault follows
another so are several edits. What goes with an edit is said.
Sources: coredns/caddy, caddyfile/parse.go; release notes of CoreDNS 1.5.0 and 1.7.0.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.dns.corefile.checking import EXTERNAL, FURTHER, GRAMMARS
from bot.dns.corefile.parsing import tree_of
from bot.dns.corefile.reading import read_corefile
from bot.dns.corefile.tree import CorefilePlugin, CorefileRefusal
from bot.dns.corefile.versions import IN_ITS_PLACE
from bot.dns.corefile.words import Word, words_of

KEPT = frozenset({"kubernetes", "forward"})
"""Plugins that no edit takes away."""
_MOST_EDITS, _MOST_JUDGED = 4, 16
_ALIKE = 0.75
"""From this likeness on, of 1, a word is a slip of the hand (difflib's ratio)."""
_QUOTED = re.compile(r"'([^'\n]{1,200})'")

Judge = Callable[[str], CorefileRefusal | None]
"""Says why a text is refused; None: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit, and the text with it."""

    text: str
    does: str
    """`line 25: loadbalence becomes loadbalance`."""
    loses: str = ""
    """What CoreDNS knows and would do no longer; empty: nothing that it ever did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """The text that is accepted, and what was edited one after the other."""

    text: str
    edits: tuple[Edit, ...]


def mended(text: str, refusal: CorefileRefusal, judge: Judge, *, file: str) -> Mended | None:
    """Return the first edited text that `judge` accepts; None: there is none.

    Where all edits of one place are refused, the first after which something else is refused is gone on from.
    """
    done: list[Edit] = []
    left = _MOST_JUDGED
    while len(done) < _MOST_EDITS:
        further: tuple[Edit, CorefileRefusal] | None = None
        for edit in edits(text, refusal, file=file):
            if not left:
                return None
            left -= 1
            against = judge(edit.text)
            if against is None:
                return Mended(text=edit.text, edits=(*done, edit))
            if further is None and (against.message, against.line) != (refusal.message, refusal.line):
                further = edit, against
        if further is None:
            return None
        done.append(further[0])
        text, refusal = further[0].text, further[1]
    return None


def edits(text: str, refusal: CorefileRefusal, *, file: str) -> Iterator[Edit]:
    """Yield the edits that may help against one refusal, the smallest first; none where another file is refused."""
    if refusal.file not in ("", file):
        return
    words = words_of(text, file)
    unbalanced = _unbalanced(words)
    if unbalanced:
        yield from _with_brace(text, words)
        yield from _without_brace(text, words, refusal.line)
        return
    found = _refused_plugin(text, refusal, file)
    if found is None:
        return
    plugin, others = found
    meant = _meant(plugin.name)
    yield from _renamed(text, plugin, others, meant)
    yield from _without_option(text, plugin, refusal, words)
    yield from _without_plugin(text, plugin, others, kept=not KEPT.isdisjoint((plugin.name, *meant)))


def _meant(name: str) -> tuple[str, ...]:
    """Return the plugins that a name nobody knows may stand for, the likeliest first."""
    if _is_known(name):
        return ()
    alike = difflib.get_close_matches(name.lower(), sorted(GRAMMARS.keys() | FURTHER), n=3, cutoff=_ALIKE)
    return (IN_ITS_PLACE[name],) if name in IN_ITS_PLACE else tuple(alike)


def _is_known(name: str) -> bool:
    return name in GRAMMARS or name in FURTHER


def _refused_plugin(
    text: str, refusal: CorefileRefusal, file: str
) -> tuple[CorefilePlugin, tuple[CorefilePlugin, ...]] | None:
    """Return the plugin that the refused line belongs to, and the others of its server block."""
    quoted = _QUOTED.search(refusal.message)
    word = quoted[1] if quoted else ""
    for block in tree_of(read_corefile(text, file=file, folders={})).blocks:
        own = [one for one in block.plugins if one.file == file]
        ends = {id(one): text.count("\n", 0, one.end) + 1 for one in own}
        at_line = [one for one in own if refusal.line and one.line <= refusal.line <= ends[id(one)]]
        named = [one for one in own if not refusal.line and one.name in (refusal.plugin, word)]
        fitting = [one for one in at_line if one.name in (word, refusal.plugin)] or at_line or named
        if fitting:
            chosen = fitting[-1]
            return chosen, tuple(one for one in block.plugins if one is not chosen)
    return None


def _renamed(
    text: str, plugin: CorefilePlugin, others: Sequence[CorefilePlugin], meant: Sequence[str]
) -> Iterator[Edit]:
    """Yield the plugin under the name that is meant, unless the block has that one already."""
    for name in meant:
        if not any(one.name == name for one in others):
            edited = text[: plugin.begin] + name + text[plugin.begin + len(plugin.name) :]
            yield Edit(text=edited, does=f"line {plugin.line}: `{plugin.name}` becomes `{name}`")


def _without_option(
    text: str, plugin: CorefilePlugin, refusal: CorefileRefusal, words: Sequence[Word]
) -> Iterator[Edit]:
    """Yield the plugin without the option that stands in the refused line."""
    quoted = _QUOTED.search(refusal.message)
    named = plugin.option(quoted[1]) if quoted else None
    at_line = [one for one in plugin.options if one.line == refusal.line]
    option = named if named and (named in at_line or not at_line) else next(iter(at_line), None)
    if option is None or option.line == plugin.line:
        return
    inside = [word for word in words if plugin.begin < word.begin < plugin.end and word.line == option.line]
    written = [word.text for word in inside]
    if tuple(written) != option.words:
        return  # it runs over several lines, or something else stands on its line
    begin, end = _whole_lines(text, inside[0].begin, inside[-1].end)
    unknown = quoted is not None and quoted[1] == option.words[0]
    yield Edit(
        text=text[:begin] + text[end:],
        does=f"line {option.line}: `{' '.join(option.words)}` of {plugin.name} goes",
        loses="" if unknown else f"the option {option.words[0]} of {plugin.name}",
    )


def _without_plugin(
    text: str, plugin: CorefilePlugin, others: Sequence[CorefilePlugin], *, kept: bool
) -> Iterator[Edit]:
    """Yield the block without the plugin; one that is kept goes only where the same stands there once more."""
    same = any((one.name, one.arguments) == (plugin.name, plugin.arguments) for one in others)
    if kept and not same:
        return
    begin, end = _whole_lines(text, plugin.begin, plugin.end)
    first = text[plugin.begin : plugin.end].splitlines()[0].removesuffix("{").strip()
    known = _is_known(plugin.name) or plugin.name in EXTERNAL or plugin.options
    yield Edit(
        text=text[:begin] + text[end:],
        does=f"line {plugin.line}: `{first}`{' with its block' if plugin.options else ''} goes",
        loses=f"what `{plugin.name}` was to do" if known and not same else "",
    )


def _whole_lines(text: str, begin: int, end: int) -> tuple[int, int]:
    """Return the place with its whole lines where nothing but blanks and a comment stands beside it."""
    begins, ends = text.rfind("\n", 0, begin) + 1, text.find("\n", end) + 1 or len(text)
    after = text[end:ends].strip()
    return (begins, ends) if not text[begins:begin].strip() and after[:1] in ("", "#") else (begin, end)


def _unbalanced(words: Sequence[Word]) -> int:
    depth = 0
    for word in words:
        depth += {"{": 1, "}": -1}.get(word.text, 0)
        if depth < 0:
            return depth
    return depth


def _with_brace(text: str, words: Sequence[Word]) -> Iterator[Edit]:
    """Yield the text with a closing brace before the first line that no longer is indented as a block's content is."""
    if _unbalanced(words) <= 0:
        return
    lines = text.splitlines(keepends=True)
    for opener in (word for word in words if word.text == "{"):
        indent = _indent(lines[opener.line - 1])
        for number in range(opener.line + 1, len(lines) + 1):
            line = lines[number - 1]
            if not line.strip() or line.lstrip().startswith("#") or len(_indent(line)) > len(indent):
                continue
            if not line.lstrip().startswith("}"):
                edited = "".join([*lines[: number - 1], f"{indent}}}\n", *lines[number - 1 :]])
                yield Edit(text=edited, does=f"a `}}` closes the block of line {opener.line} before line {number}")
            break
    ended = text if text.endswith("\n") else f"{text}\n"
    yield Edit(text=f"{ended}}}\n", does="a `}` closes the last block at the end")


def _without_brace(text: str, words: Sequence[Word], line: int) -> Iterator[Edit]:
    """Yield the text without a brace that closes nothing, those nearest before the refused line first."""
    if _unbalanced(words) >= 0:
        return
    closing = [word for word in words if word.text == "}" and (not line or word.line <= line)]
    for word in reversed(closing[-3:]):
        begin, end = _whole_lines(text, word.begin, word.end)
        begin = len(text[:begin].rstrip(" \t")) if (begin, end) == (word.begin, word.end) else begin
        yield Edit(text=text[:begin] + text[end:], does=f"line {word.line}: a `}}` too many goes")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
