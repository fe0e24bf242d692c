"""A resolv.conf, as far as pods inherit it from their node (resolv.conf(5))."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """Its three kinds of lines."""

    servers: tuple[str, ...]
    searches: tuple[str, ...]
    options: tuple[str, ...]


def parse_resolv_conf(text: str) -> ResolvConf:
    """Return what the file says; the last `search` line counts."""
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] not in "#;"]
    searches = [words[1:] for words in lines if words[0] == "search"]
    return ResolvConf(
        servers=tuple(words[1] for words in lines if words[0] == "nameserver" and len(words) > 1),
        searches=tuple(searches[-1]) if searches else (),
        options=tuple(option for words in lines if words[0] == "options" for option in words[1:]),
    )
