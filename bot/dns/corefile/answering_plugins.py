"""What the plugins that answer from zones, files and templates take (their setup functions in coredns/coredns)."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.dns.corefile.addresses import origins
from bot.dns.corefile.cache_plugin import cache
from bot.dns.corefile.forward_plugin import forward
from bot.dns.corefile.kinds import address, address_and_port, anything, duration, integer, member, pattern, unsigned
from bot.dns.corefile.kubernetes_plugin import kubernetes
from bot.dns.corefile.names import CLASSES, RCODES, query_type
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.stanza import Check, argument, checked, each, eat, flag, line, loose, stanza, take_options

_PLAIN_FIELD = re.compile(r"\{\{ \.(?:Name|Zone|Class|Type|Message|Remote) \}\}")
_RELOAD = duration(timedelta())


def _hosts(words: PluginWords) -> None:
    for _ in each(words, once=True):
        words.remaining()
        seen: list[str] = []

        def fallthrough(inner: PluginWords, seen: list[str] = seen) -> None:
            zones = inner.remaining()
            seen[:] = origins(zones) if zones else ["."]

        def entry(inner: PluginWords, seen: list[str] = seen) -> None:
            if seen:
                inner.refuse(f"unknown property '{inner.value}'")
            inner.remaining()

        names = take_options(words, {**_HOSTS, "fallthrough": fallthrough}, other=entry)
        if "fallthrough_unsupported" in names and not seen:
            words.refuse("fallthrough_unsupported requires fallthrough")


_HOSTS: dict[str, Check] = {
    "fallthrough_unsupported": line(),
    "no_reverse": flag,
    "ttl": loose(integer(1, 65535), least=1),
    "reload": line(_RELOAD),
}
"""But for `fallthrough`, behind which no further name is taken."""


def _file(words: PluginWords) -> None:
    stanza(
        _name_and_zones,
        {"fallthrough": eat, "reload": loose(duration(), least=1), "reload_by_mtime": flag, "upstream": eat},
    )(words)
    raise Unsure("what the zone file holds")


def _name_and_zones(words: PluginWords) -> None:
    """Take a first argument, whatever it is, and zones."""
    argument(anything)(words)
    words.remaining()


def _auto_directory(words: PluginWords) -> None:
    argument(anything)(words)
    if words.next_argument():
        checked(words, pattern, words.value)
        if not re.compile(words.value).groups:
            words.refuse("Need at least one sub expression")
        argument(anything)(words)
    if words.next_argument():
        words.wrong_count()


def _autopath(words: PluginWords) -> None:
    for _ in each(words):
        found = words.remaining()
        if not found:
            words.refuse("no resolv-conf specified")
        if not found[-1].startswith("@") and found[-1] != "/etc/resolv.conf":
            raise Unsure(f"what the file {found[-1]} holds")


def _transfer_from(words: PluginWords) -> None:
    if not words.next_argument():
        words.wrong_count()
    if words.value != "from":
        words.refuse(f"unknown property {words.value}")
    line(address_and_port, rest=address_and_port)(words)


def _catalog(words: PluginWords) -> None:
    if any(not origins([text]) for text in words.remaining()):
        words.refuse("invalid catalog member zone")


def _secondary(words: PluginWords) -> None:
    for _ in each(words):
        if words.value != "secondary":
            continue
        words.remaining()
        seen = take_options(words, {"transfer": _transfer_from, "catalog": _catalog, "fallthrough": eat})
        if "transfer" not in seen:
            words.refuse("secondary zones require a transfer from property")


def _receiver(text: str) -> None:
    if text != "*":
        address_and_port(text)


def _transfer(words: PluginWords) -> None:
    for _ in each(words):
        words.remaining()
        seen = take_options(words, {"to": line(_receiver, rest=_receiver), "source": line(address)})
        if seen.count("source") > 1:
            words.refuse("source already specified")
        if "to" not in seen:
            words.refuse("'to' is required")


def _text(words: PluginWords) -> None:
    found = words.remaining()
    if not found:
        words.wrong_count()
    if any("{{" in _PLAIN_FIELD.sub("", text) for text in found):
        raise Unsure("whether CoreDNS reads this template", by_words=True)


def _expression(words: PluginWords) -> None:
    if not words.remaining():
        words.wrong_count()
    raise Unsure("whether CoreDNS reads this expression", by_words=True)


def _template_head(words: PluginWords) -> None:
    argument(member(CLASSES))(words)
    argument(query_type)(words)
    words.remaining()


_TEMPLATE: dict[str, Check] = {
    "match": line(pattern, rest=pattern),
    "answer": _text,
    "additional": _text,
    "authority": _text,
    "var": _expression,
    "expr": _expression,
    "rcode": argument(member(RCODES)),
    "ederror": line(unsigned(16), anything, optional=1),
    "fallthrough": eat,
    "upstream": eat,
}
_AMOUNT = integer(0, 2**31 - 1)
_ERRATIC: dict[str, Check] = {
    "drop": line(_AMOUNT, optional=1),
    "delay": line(_AMOUNT, duration(), optional=2),
    "truncate": line(_AMOUNT, optional=1),
    "large": flag,
}


def unread(subject: str, *, by_words: bool = False) -> Check:
    """Describe a plugin whose words are not described here."""

    def check(words: PluginWords) -> None:
        words.next()
        raise Unsure(subject, by_words=by_words)

    return check


ANSWERING: dict[str, Check] = {
    "auto": stanza(eat, {"directory": _auto_directory, "reload": loose(_RELOAD, least=1), "upstream": eat}),
    "autopath": _autopath,
    "cache": cache,
    "dnssec": unread("whether its keys can be read"),
    "erratic": stanza(flag, _ERRATIC),
    "file": _file,
    "forward": forward,
    "hosts": _hosts,
    "kubernetes": kubernetes,
    "secondary": _secondary,
    "sign": unread("whether its keys can be read"),
    "template": stanza(_template_head, _TEMPLATE),
    "transfer": _transfer,
}
"""By the plugin's name."""
