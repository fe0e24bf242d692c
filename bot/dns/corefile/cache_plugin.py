"""What CoreDNS's plugin `cache` takes (plugin/cache/setup.go)."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.dns.corefile.kinds import Kind, duration, duration_of, integer, one_of
from bot.dns.corefile.plugin_words import PluginWords
from bot.dns.corefile.stanza import Check, checked, each, line, loose, take_options

_NOTHING = timedelta()
_LONGEST_FAILURE = timedelta(minutes=5)
"""RFC 2308, 7.1."""
_TTL = re.compile(r"[+-]?[0-9]{1,18}")


def _percentage(text: str) -> None:
    if not text.endswith("%"):
        raise ValueError(f"last character of percentage should be `%`, but is: {text[-1:]}")
    integer(10, 90)(text[:-1])


def _serve_stale(words: PluginWords) -> None:
    found = words.remaining()
    verify = len(found) > 1 and found[1].lower() == "verify"
    if len(found) > (5 if verify or len(found) < 3 else 4):  # noqa: PLR2004  # 1.15's README
        words.wrong_count()
    kinds: list[Kind] = [duration(_NOTHING), lambda text: one_of("immediate", "verify")(text.lower())]
    kinds += [duration(_NOTHING)] if verify else []
    kinds += [_whole_seconds, duration(_NOTHING, _LONGEST_FAILURE)]
    for kind, text in zip(kinds, found, strict=False):
        checked(words, kind, text)


def _whole_seconds(text: str) -> None:
    found = duration_of(text)
    if found < _NOTHING or found.microseconds or found.total_seconds() >= 2**32:
        raise ValueError(f"serve_stale response TTL {text} is out of range")


def _disable(words: PluginWords) -> None:
    found = words.remaining()
    if not found:
        words.wrong_count()
    checked(words, one_of("success", "denial"), found[0])


_OPTIONS: dict[str, Check] = {
    "success": loose(integer(), integer(1), integer(0), least=1),
    "denial": loose(integer(), integer(1), integer(0), least=1),
    "prefetch": line(integer(0), duration(), _percentage, optional=2),
    "serve_stale": _serve_stale,
    "servfail": line(duration(_NOTHING, _LONGEST_FAILURE)),
    "disable": _disable,
    "keepttl": line(),
    "serve_stale_policy": line(lambda text: one_of("prefer_positive")(text.lower())),
}


def cache(words: PluginWords) -> None:
    """Take the plugin; a first argument that is a number is the TTL, everything else a zone."""
    for _ in each(words, once=True):
        found = words.remaining()
        if found and _TTL.fullmatch(found[0]):
            checked(words, integer(1), found[0])
        seen = take_options(words, _OPTIONS)
        if seen.count("serve_stale_policy") > 1:
            words.refuse("serve_stale_policy can only be specified once")
        if "serve_stale_policy" in seen and "serve_stale" not in seen:
            words.refuse("serve_stale_policy requires serve_stale")
