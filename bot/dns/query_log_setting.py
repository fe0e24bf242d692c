"""Whether a server block logs its queries, and whether such lines are read (plugin/log, C10).

`log [NAME...] [FORMAT] { class CLASS... }`: a word with a brace in the last place behind others is the format
(coredns/coredns, plugin/log/setup.go).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.dns.corefile.tree import CorefilePlugin, ServerBlock

COMMON = (
    "{remote}:{port} - {>id} "
    '"{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}'
)
"""What `{common}` stands for, and what is written where no format is given; `{combined}` adds to it."""
_READ = ("{common}", "{combined}", COMMON)
_EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLogSetting:
    """What the `log` plugins of a server block write."""

    on: bool | None
    """Whether there is one; None where what was not read may hold it."""
    every_query: bool = False
    """Whether one of them writes every query, whatever its name and its answer."""
    refused: str = ""
    """Why its lines are not read, or not all queries are written; empty: they are."""


def query_log_setting(block: ServerBlock) -> QueryLogSetting:
    """Return what this block logs."""
    plugins = [plugin for plugin in block.plugins if plugin.name == "log"]
    if not plugins:
        return QueryLogSetting(on=block.has("log"))
    refusals = [_refusal(plugin) for plugin in plugins]
    every = "" in refusals
    return QueryLogSetting(on=True, every_query=every, refused="" if every else refusals[0])


def _refusal(plugin: CorefilePlugin) -> str:
    names, written = _arguments(plugin)
    where = f"`log` at line {plugin.line} of the Corefile"
    if written and not written.startswith(_READ):
        return f"{where} writes `{written}`, and only lines that begin as `{{common}}` has them are read"
    if names and "." not in names:
        return f"{where} writes queries for {', '.join(names)} only"
    classes = [word for option in plugin.options if option.words[0] == "class" for word in option.words[1:]]
    if classes and _EVERYTHING not in classes:
        return f"{where} writes queries of class {', '.join(classes)} only"
    return ""


def _arguments(plugin: CorefilePlugin) -> tuple[tuple[str, ...], str]:
    """Return the names it is for, and its format; empty: the usual one."""
    words = plugin.arguments
    if len(words) > 1 and "{" in words[-1]:
        return words[:-1], words[-1]
    return words, ""
