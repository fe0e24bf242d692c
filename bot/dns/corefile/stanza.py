"""How a plugin's words are described: its arguments, then one description for each option of its block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bot.dns.corefile.kinds import Kind, anything
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.versions import knows, still_knows

Check = Callable[[PluginWords], None]
"""Takes what it describes from the current word on. Raises `NotTaken` or `Unsure`."""


def checked(words: PluginWords, kind: Kind, text: str) -> None:
    """Hold one argument against its kind."""
    try:
        kind(text)
    except ValueError as error:
        words.refuse(str(error))


def flag(words: PluginWords) -> None:
    """Take the option's name alone; what follows on its line is read as the next option."""


def eat(words: PluginWords) -> None:
    """Take the line, whatever it holds."""
    words.remaining()


def line(*kinds: Kind, optional: int = 0, rest: Kind | None = None) -> Check:
    """Take the line: one argument for each kind, the last `optional` of them may be missing.

    `rest`: what further arguments must be; without it there are none.
    """

    def check(words: PluginWords) -> None:
        found = words.remaining()
        if len(found) < len(kinds) - optional or (rest is None and len(found) > len(kinds)):
            words.wrong_count()
        for at, text in enumerate(found):
            checked(words, kinds[at] if at < len(kinds) else rest or anything, text)

    return check


def loose(*kinds: Kind, least: int = 0) -> Check:
    """Take the line; the first arguments must be of these kinds where they are there, further ones are passed over."""

    def check(words: PluginWords) -> None:
        found = words.remaining()
        if len(found) < least:
            words.wrong_count()
        for kind, text in zip(kinds, found, strict=False):
            checked(words, kind, text)

    return check


def argument(kind: Kind) -> Check:
    """Take one argument; what follows it on the line is read as the next option."""

    def check(words: PluginWords) -> None:
        if not words.next_argument():
            words.wrong_count()
        checked(words, kind, words.value)

    return check


def bare(words: PluginWords) -> None:
    """Take the option's name; an argument is refused where there is one."""
    if words.next_argument():
        words.wrong_count()


def each(words: PluginWords, *, once: bool = False) -> Iterator[None]:
    """Go through the times that the plugin is written in the server block; `once`: a second time is refused."""
    times = 0
    while words.next():
        times += 1
        if once and times > 1:
            words.refuse("this plugin can only be used once per Server Block")
        yield


def take_options(words: PluginWords, table: Mapping[str, Check], other: Check | None = None) -> list[str]:
    """Take the plugin's own block and return the names of its options.

    `other` is what becomes of an option that the table lacks; None: it is refused.
    """
    seen: list[str] = []
    while words.next_option():
        name = words.value
        found = _known(words, name, table) or other
        if found is None:
            words.refuse(f"unknown property '{name}'")
        seen.append(name)
        found(words)
    return seen


def _known(words: PluginWords, name: str, table: Mapping[str, Check]) -> Check | None:
    """Return what the words' version of CoreDNS makes of an option."""
    if still_knows(words.version, words.name, name):
        return eat
    return table.get(name) if certainly_knows(words, name) else None


def certainly_knows(words: PluginWords, option: str) -> bool:
    """Return whether the words' version knows an option of the plugin; raise `Unsure` where that was not read."""
    known = knows(words.version, words.name, option)
    if known is None:
        raise Unsure(f"whether this CoreDNS knows `{option}`")
    return known


def no_options(words: PluginWords) -> None:
    """Refuse the first option of the plugin's own block, where it has one."""
    if words.next_option():
        words.refuse(f"unknown property '{words.value}'")


def stanza(arguments: Check, table: Mapping[str, Check] | None = None, *, once: bool = False) -> Check:
    """Describe a plugin: its arguments and its block, each time that it is written in the server block.

    `table` None: the plugin does not look for a block.
    """

    def check(words: PluginWords) -> None:
        for _ in each(words, once=once):
            arguments(words)
            if table is not None:
                take_options(words, table)

    return check


def first_only(*parts: Check) -> Check:
    """Describe a plugin that looks at its first line alone, and at no word behind what the parts take."""

    def check(words: PluginWords) -> None:
        words.next()
        for part in parts:
            part(words)

    return check
