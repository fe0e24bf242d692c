"""What the plugins that run, watch and log CoreDNS take (their setup functions in coredns/coredns)."""

from __future__ import annotations

from datetime import timedelta

from bot.dns.corefile.kinds import (
    anything,
    cidr,
    decimal,
    duration,
    duration_of,
    host_port,
    integer,
    is_address,
    one_of,
    pattern,
    unsigned,
    whole,
)
from bot.dns.corefile.plugin_words import PluginWords, Unsure
from bot.dns.corefile.stanza import (
    Check,
    bare,
    checked,
    each,
    eat,
    first_only,
    flag,
    line,
    no_options,
    stanza,
    take_options,
)

SECOND = timedelta(seconds=1)
_LEVELS = ("warning", "error", "info", "debug")


def _consolidate(words: PluginWords) -> None:
    found = words.remaining()
    if not 2 <= len(found) <= 4:  # noqa: PLR2004  # duration, pattern, level, show_first
        words.wrong_count()
    checked(words, duration(), found[0])
    checked(words, pattern, found[1])
    level = first = False
    for word in found[2:]:
        if word not in (*_LEVELS, "show_first") or (word in _LEVELS and (level or first)):
            words.refuse(f"unknown option in consolidate: {word}")
        level, first = level or word in _LEVELS, first or word == "show_first"


def _reload(words: PluginWords) -> None:
    words.next()
    found = words.remaining()
    if len(found) > 2:  # noqa: PLR2004  # interval, jitter
        words.wrong_count()
    checked(words, duration(2 * SECOND), found[0] if found else "30s")
    jitter = found[1] if len(found) > 1 else "15s"
    checked(words, duration(), jitter)
    if duration_of(jitter) and duration_of(jitter) < SECOND:
        words.refuse("jitter value must be 0 or greater or equal to 1s")


_CLASS = one_of("all", "success", "denial", "error")


def _addresses(words: PluginWords) -> None:
    found = words.remaining()
    if not found:
        words.refuse("at least one address or interface name is expected")
    for text in found:
        if is_address(text):
            continue
        if len(text) > 15 or "/" in text or text in "{}":  # noqa: PLR2004  # an interface's name in Linux
            words.refuse(f"not a valid IP address or interface name: {text!r}")
        raise Unsure(f"whether the pod has an interface {text}")


def _root(words: PluginWords) -> None:
    while words.next():
        if not words.next_argument():
            words.wrong_count()
    if "\0" in words.value:
        words.refuse("unable to access root path")


def _metadata(words: PluginWords) -> None:
    words.next()
    words.remaining()
    if words.next_option() or words.next():
        words.wrong_count()


def _multisocket(words: PluginWords) -> None:
    words.next()
    found = words.remaining()
    if len(found) > 1 or words.next():
        words.wrong_count()
    for text in found:
        checked(words, integer(1, 1024), text)


def _timeout(words: PluginWords) -> None:
    name, found = words.value, words.remaining()
    if len(found) != 1:
        words.wrong_count()
    if name == "maxtcpqueries":
        checked(words, _queries, found[0])
        return
    checked(words, _seconds, found[0])
    if name not in ("read", "write", "idle"):
        words.refuse(f"unknown option: '{name}'")


def _queries(text: str) -> None:
    if whole(text) < -1 or whole(text) == 0:
        raise ValueError(f"maxtcpqueries provided '{text}' needs to be -1 (unlimited) or a positive integer")


def _seconds(text: str) -> None:
    number = text.lstrip("+-").isdigit() and text.isascii()
    duration(SECOND, timedelta(hours=24))(f"{text}s" if number else text)


def _timeouts(words: PluginWords) -> None:
    for _ in each(words):
        if words.remaining():
            words.wrong_count()
        if not take_options(words, {}, other=_timeout):
            words.refuse("timeouts block with no timeouts specified")


def _trace(words: PluginWords) -> None:
    for _ in each(words):
        found = words.remaining()
        if len(found) > 2:  # noqa: PLR2004  # kind and end point
            words.wrong_count()
        if len(found) == 2 and found[0].lower() not in ("zipkin", "datadog"):  # noqa: PLR2004  # as above
            words.refuse(f"tracing endpoint type '{found[0].lower()}' is not supported")
        take_options(words, _TRACE)


_TRACE: dict[str, Check] = {
    "every": line(unsigned(64)),
    "service": line(anything),
    "client_server": line(
        one_of("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"), optional=1
    ),
    "datadog_analytics_rate": line(decimal(0, 1), optional=1),
    "zipkin_max_backlog_size": line(integer()),
    "zipkin_max_batch_size": line(integer()),
    "zipkin_max_batch_interval": line(duration()),
}


def _prometheus(words: PluginWords) -> None:
    tls: list[bool] = []

    def once(inner: PluginWords) -> None:
        if tls:
            inner.refuse("tls block already specified")
        line(anything)(inner)
        tls.append(True)

    stanza(line(host_port, optional=1), {"runtime_metrics": line(), "tls": once}, once=True)(words)


def _loadbalance(words: PluginWords) -> None:
    for _ in each(words):
        found = words.remaining()
        if found[:1] == ["weighted"]:
            if len(found) != 2:  # noqa: PLR2004  # the policy and its file
                words.refuse("missing weight file argument" if len(found) == 1 else "unexpected argument(s)")
            take_options(words, {"reload": line(duration())})
        elif found and found != ["round_robin"]:
            words.refuse(f"unknown policy: {found[0]}")
        take_options(words, {"prefer": line(rest=cidr)})


SERVING: dict[str, Check] = {
    "any": first_only(bare, no_options),
    "bind": stanza(_addresses, {"except": _addresses}),
    "bufsize": first_only(line(integer(512, 4096), optional=1)),
    "cancel": stanza(line(duration(above=timedelta()), optional=1)),
    "chaos": first_only(eat, no_options),
    "debug": stanza(bare),
    "errors": stanza(line(one_of("stdout"), optional=1), {"stacktrace": flag, "consolidate": _consolidate}, once=True),
    "health": stanza(line(host_port, optional=1), {"lameduck": line(duration())}),
    "loadbalance": _loadbalance,
    "local": stanza(line(), {"localhost_prefix": line(one_of("on", "off"))}),
    "log": stanza(eat, {"class": line(_CLASS, rest=_CLASS)}),
    "loop": stanza(bare, once=True),
    "metadata": _metadata,
    "minimal": first_only(bare),
    "multisocket": _multisocket,
    "nsid": stanza(eat, once=True),
    "pprof": stanza(line(host_port, optional=1), {"block": line(integer(), optional=1)}, once=True),
    "prometheus": _prometheus,
    "ready": stanza(line(host_port, optional=1), {"monitor": line(one_of("until-ready", "continuously"))}, once=True),
    "reload": _reload,
    "root": _root,
    "timeouts": _timeouts,
    "trace": _trace,
    "whoami": first_only(bare),
}
"""By the plugin's name."""
