"""`/etc/resolv.conf` (resolv.conf(5)): text in, values out."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

MAX_NDOTS = 15
"""The C library takes no larger value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """What a resolver is told."""

    nameservers: tuple[str, ...] = ()
    """IP addresses in order; what is no address is left out."""
    search: tuple[str, ...] = ()
    """Domains of the last `search` or `domain` line."""
    ndots: int | None = None
    """None: not set; the C library then takes 1."""

    @property
    def cluster_domain(self) -> str:
        """The domain behind the search entry `svc.DOMAIN`, or empty."""
        return next((entry.removeprefix("svc.").rstrip(".") for entry in self.search if entry.startswith("svc.")), "")


def parse_resolv_conf(text: str) -> ResolvConf:
    """Return what `text` says. Unknown lines and comments (`#`, `;`) are passed over, as the C library does."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    ndots: int | None = None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0][0] in "#;":  # noqa: PLR2004  # a keyword and a value
            continue
        if words[0] == "nameserver" and _is_address(words[1]):
            nameservers.append(words[1])
        elif words[0] in {"search", "domain"}:
            search = tuple(words[1:])
        elif words[0] == "options":
            ndots = _ndots(words[1:], ndots)
    return ResolvConf(nameservers=tuple(nameservers), search=search, ndots=ndots)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _ndots(options: list[str], before: int | None) -> int | None:
    for option in options:
        name, _, value = option.partition(":")
        if name == "ndots" and value.isascii() and value.isdigit():
            before = min(int(value[:4]), MAX_NDOTS)
    return before
