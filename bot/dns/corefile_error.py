"""Where CoreDNS stopped reading its configuration, as the line says that ends it or refuses a reload.

Sources: caddyfile/dispenser.go and caddy.go of coredns/caddy (`FILE:N - Error during parsing: …`, `loading Caddyfile
via …`), `plugin.Error` of CoreDNS (`plugin/NAME: …`), whose plugins add file and line only where they word the error
by the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.dns.timestamped import quoted

COREFILE = "Corefile"
"""The file's own name, wherever it is mounted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileError:
    """Where CoreDNS stopped reading its configuration, and why."""

    file: str
    """Path; empty where the message names none."""
    line: int
    """1-based; 0 where the message names none."""
    plugin: str
    """The plugin that refused its arguments; empty for a directive nobody knows."""
    message: str
    word: str
    """The refused word, as quoted in the message; empty where there is none."""

    @property
    def in_corefile(self) -> bool:
        """Return whether `line` counts in the Corefile itself, not in a file that it imports."""
        return bool(self.line) and self.file.rsplit("/", 1)[-1].startswith(COREFILE)


_MARKS = (" - Error during parsing: ", " - Syntax error: ")
_PLUGIN = re.compile(r"plugin/(\w{1,60}): ")
_QUOTED = re.compile(r"'([^']{1,200})'")
_LOADING = "loading Caddyfile via "


def start_error(body: str) -> CorefileError | None:
    """Return what ended the start, for a line without a level whose words are about the configuration."""
    if any(mark in body for mark in _MARKS) or body.startswith(_LOADING) or _PLUGIN.match(body):
        return corefile_error(body)
    return None


def corefile_error(message: str) -> CorefileError:
    """Return place and reason of a refused configuration; 1.15 says before it what it was about to do."""
    for mark in _MARKS:
        head, found, reason = message.partition(mark)
        if found:
            return _placed(head, reason)
    plugin = _PLUGIN.search(message)
    return CorefileError(
        file="",
        line=0,
        plugin=plugin[1] if plugin else "",
        message=quoted(message[plugin.end() :] if plugin else message),
        word="",
    )


def _placed(head: str, reason: str) -> CorefileError:
    before, _, place = head.rpartition(" ")
    file, _, line = place.rpartition(":")
    plugin = _PLUGIN.search(f"{before} ")
    refused = _QUOTED.search(reason)
    return CorefileError(
        file=file[:300],
        line=int(line) if line.isascii() and line.isdigit() and len(line) < 10 else 0,  # noqa: PLR2004  # no file is longer
        plugin=plugin[1] if plugin else "",
        message=quoted(reason),
        word=refused[1] if refused else "",
    )
