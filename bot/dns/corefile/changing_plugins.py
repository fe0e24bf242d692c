"""What the plugins that change, choose and close queries take (their setup functions in coredns/coredns)."""

from __future__ import annotations

from bot.dns.corefile.answering_plugins import unread
from bot.dns.corefile.kinds import Kind, member, network, one_of, pattern
from bot.dns.corefile.names import CLASSES, query_type
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.stanza import Check, argument, certainly_knows, checked, each, flag, take_options
from bot.dns.corefile.versions import knows

_SECTIONS = ("type", "net")
_PREFIXES = (32, 40, 48, 56, 64, 96)
"""RFC 6052, 2.2."""
_MATCHES = ("exact", "prefix", "suffix", "substring", "regex")
_RULES = ("name", "class", "type", "edns0", "ttl", "cname", "rcode")


def _acl_network(text: str) -> None:
    network(text if "/" in text else f"{text}/{128 if ':' in text else 32}")


_ACL_KINDS: dict[str, Kind] = {"type": query_type, "net": _acl_network}


def _acl_rule(words: PluginWords) -> None:
    if words.value.lower() not in ("allow", "block", "filter", "drop"):
        words.refuse(f"unexpected token {words.value!r}; expect 'allow', 'block', 'filter' or 'drop'")
    if not certainly_knows(words, words.value.lower()):
        words.refuse(f"unexpected token {words.value!r}")
    found = words.remaining()
    while found:
        section = found.pop(0).lower()
        if section not in _SECTIONS:
            words.refuse(f"unexpected token {section!r}; expect 'type | net'")
        count = next((at for at, text in enumerate(found) if text.lower() in _SECTIONS), len(found))
        if not count:
            words.refuse(f"no token specified in {section!r} section")
        given, found = found[:count], found[count:]
        for text in given[: given.index("*") if "*" in given else count]:
            checked(words, _ACL_KINDS[section], text)


def _acl(words: PluginWords) -> None:
    for _ in each(words):
        words.remaining()
        take_options(words, {}, other=_acl_rule)


def _header_rule(words: PluginWords) -> None:
    if words.value.lower() not in ("query", "response"):
        words.refuse(f"setting up rule: invalid selector={words.value.lower()} should be query or response")
    action = words.value if words.next_argument() else ""
    flags = words.remaining()
    if action.lower() not in ("set", "clear") or not flags:
        words.refuse(f"setting up rule: unknown flag action={action}, should be set or clear")
    for one in flags:
        checked(words, one_of("aa", "ra", "rd"), one.lower())


def _header(words: PluginWords) -> None:
    if not knows(words.version, words.name, "query"):
        raise Unsure("which rules this CoreDNS takes")
    for _ in each(words):
        if take_options(words, {}, other=_header_rule):
            return
    words.wrong_count()


def _prefix(text: str) -> None:
    found = network(text)
    if found.max_prefixlen == 32 or found.prefixlen not in _PREFIXES:  # noqa: PLR2004  # IPv4
        raise ValueError(f"invalid prefix length {text}")


_DNS64: dict[str, Check] = {"prefix": argument(_prefix), "translate_all": flag, "allow_ipv4": flag}


def _dns64(words: PluginWords) -> None:
    for _ in each(words):
        found = words.remaining()
        if len(found) > 1:
            words.wrong_count()
        for text in found:
            checked(words, _prefix, text)
        if not found:
            take_options(words, _DNS64)


def _rewrite(words: PluginWords) -> None:
    for _ in each(words):
        found = words.remaining()
        if len(found) < 2:  # noqa: PLR2004  # a rule stands in the block then
            take_options(words, {}, other=lambda inner, found=found: found.append(inner.value))  # type: ignore[misc]
        if found and found[0].lower() in ("continue", "stop"):
            found.pop(0)
        if not found or found[0].lower() not in _RULES:
            words.refuse(f"invalid rule type {''.join(found[:1])!r}")
        _rewrite_rule(words, found[0].lower(), found[1:])


def _rewrite_rule(words: PluginWords, rule: str, found: list[str]) -> None:
    if rule in ("class", "type"):
        if len(found) != 2:  # noqa: PLR2004  # from, to
            words.refuse(f"{rule} rules must have exactly two arguments")
        for text in found:
            checked(words, member(CLASSES) if rule == "class" else query_type, text.upper())
    elif rule == "name":
        _rewrite_name(words, found)
    else:
        raise Unsure(f"whether CoreDNS takes this {rule} rule", by_words=True)


def _rewrite_name(words: PluginWords, found: list[str]) -> None:
    if len(found) < 2:  # noqa: PLR2004  # from, to
        words.refuse("too few arguments for a name rule")
    match = found[0].lower() if len(found) > 2 else "exact"  # noqa: PLR2004  # kind, from, to
    if match not in _MATCHES:
        words.refuse(f"name rule supports only {', '.join(_MATCHES)} name matching, received: {match}")
    if match == "exact":
        checked(words, pattern, found[2 if len(found) > 2 else 1])  # noqa: PLR2004  # as above; CoreDNS reads what a name is rewritten to as a pattern
    if match == "regex" or len(found) > 3 or (match == "exact" and "{" in "".join(found)):  # noqa: PLR2004  # as above
        raise Unsure(f"whether CoreDNS takes this {match} rule", by_words=True)


CHANGING: dict[str, Check] = {
    "acl": _acl,
    "dns64": _dns64,
    "header": _header,
    "rewrite": _rewrite,
    "tls": unread("whether its certificates can be read"),
    "view": unread("whether CoreDNS reads its expression", by_words=True),
}
"""By the plugin's name."""
