"""What an argument of a plugin may be: Go's numbers, durations, addresses, patterns, as CoreDNS reads them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Container
from datetime import timedelta

from bot.dns.corefile.plugin_words import Unsure

Kind = Callable[[str], None]
"""Raises `ValueError` with the reason for a text that is refused, `Unsure` where it cannot tell."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = r"(?:[0-9]{1,20}+(?:\.[0-9]{0,30}+)?|\.[0-9]{1,30}+)"
_UNIT = r"(?:ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"([+-]?)((?:{_NUMBER}{_UNIT}){{1,50}}+)")
_PART = re.compile(rf"({_NUMBER})({_UNIT})")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 2**63 / 1e9
_PLAIN_PATTERN = re.compile(
    r"(?:[\w .,:;=@/<>~!%&\-^$|)]|\((?!\?)|\\[.\\dDsSwWbnt*+?()|\[\]^$/{}\-]|[*+?](?![*+?{]))*+"
)
_PLAIN_CLASS = re.compile(r"\[\^?[\w.\-]+\](?![\-])")
_PATTERN_BYTES = 10_000


def anything(text: str) -> None:
    """Take every text."""


def whole(text: str) -> int:
    """Return a whole number of 64 bits, in decimals. Raises `ValueError`."""
    if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError(f"parsing {text!r}: invalid syntax")
    return int(text)


def integer(least: int | None = None, most: int | None = None) -> Kind:
    """Take a whole number within bounds, both included."""

    def check(text: str) -> None:
        number = whole(text)
        if (least is not None and number < least) or (most is not None and number > most):
            raise ValueError(f"{number} is out of range")

    return check


def unsigned(bits: int) -> Kind:
    """Take digits, without a sign."""

    def check(text: str) -> None:
        if not (text.isascii() and text.isdigit()) or int(text[:40]) >= 2**bits:
            raise ValueError(f"parsing {text!r}: invalid syntax")

    return check


def decimal(least: float, most: float) -> Kind:
    """Take a number within bounds."""

    def check(text: str) -> None:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?", text):
            if re.fullmatch(r"[A-Za-z{}=/]+", text) and not re.fullmatch(r"(?i)inf(inity)?|nan", text):
                raise ValueError(f"parsing {text!r}: invalid syntax")
            raise Unsure(f"whether {text} is a number", by_words=True)
        if not least <= float(text) <= most:
            raise ValueError(f"{text} is out of range")

    return check


def duration_of(text: str) -> timedelta:
    """Return Go's duration: `1h2m3.5s`, `0`. Raises `ValueError`."""
    if text in ("0", "+0", "-0"):
        return timedelta()
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"time: invalid duration {text!r}")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(match[2]))
    if seconds >= _LONGEST:
        raise ValueError(f"time: invalid duration {text!r}")
    return timedelta(seconds=-seconds if match[1] == "-" else seconds)


def duration(least: timedelta | None = None, most: timedelta | None = None, *, above: timedelta | None = None) -> Kind:
    """Take a duration within bounds; `above` is a bound that is itself too short."""

    def check(text: str) -> None:
        found = duration_of(text)
        if (least is not None and found < least) or (most is not None and found > most):
            raise ValueError(f"duration {text} is out of range")
        if above is not None and found <= above:
            raise ValueError(f"duration {text} must be positive")

    return check


def one_of(*words: str) -> Kind:
    """Take one of these words."""
    return member(words)


def member(words: Container[str], *, upper: bool = False) -> Kind:
    """Take a word of a table; `upper`: whatever its case."""

    def check(text: str) -> None:
        if (text.upper() if upper else text) not in words:
            raise ValueError(f"unknown value {text!r}")

    return check


def is_address(text: str) -> bool:
    """Return whether Go's net.ParseIP takes it."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def address(text: str) -> None:
    """Take an IP address."""
    if not is_address(text):
        raise ValueError(f"invalid IP address: {text}")


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return a network in CIDR notation. Raises `ValueError`."""
    host, slash, bits = text.partition("/")
    if not slash or not is_address(host) or not (bits.isascii() and bits.isdigit()) or len(bits) > 3:  # noqa: PLR2004  # 128
        raise ValueError(f"invalid CIDR address: {text}")
    return ipaddress.ip_network(f"{host}/{int(bits)}", strict=False)


def cidr(text: str) -> None:
    """Take a network in CIDR notation."""
    network(text)


def split_host_port(text: str) -> tuple[str, str]:
    """Return what Go's net.SplitHostPort does. Raises `ValueError`."""
    head, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"address {text}: missing port in address")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":") or rest.count(":") > 1:
            raise ValueError(f"address {text}: missing port in address")
        head = host
    elif ":" in head:
        raise ValueError(f"address {text}: too many colons in address")
    elif "[" in text or "]" in text:
        raise ValueError(f"address {text}: unexpected bracket in address")
    if "[" in head or "]" in head or "[" in port or "]" in port:
        raise ValueError(f"address {text}: unexpected bracket in address")
    return head, port


def host_port(text: str) -> None:
    """Take `HOST:PORT`, whatever the two are."""
    split_host_port(text)


def address_and_port(text: str) -> None:
    """Take an IP address with or without a port."""
    try:
        host, _ = split_host_port(text)
    except ValueError:
        host = text
    if not is_address(without_zone(host)):
        raise ValueError(f"must specify an IP address: {text}")


def without_zone(host: str) -> str:
    """Return an address without what follows its last `%`."""
    return host.rpartition("%")[0] if "%" in host else host


def pattern(text: str) -> None:
    """Take a regular expression, as far as Go's and Python's agree; `Unsure` beyond that."""
    if len(text.encode("utf-8", "surrogatepass")) > _PATTERN_BYTES:
        raise ValueError("regex pattern too long")
    without_classes = _PLAIN_CLASS.sub("x", text)
    if not _PLAIN_PATTERN.fullmatch(without_classes) or not text.isascii():
        raise Unsure(f"whether {text[:60]} is a pattern that CoreDNS reads", by_words=True)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"error parsing regexp: {error}") from None
