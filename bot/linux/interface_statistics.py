"""`ethtool -S`: a network driver's counters. ENA counts what it dropped beyond the instance's allowances.

Source: ethtool(8); EC2 User Guide, "Monitor network performance for ENA settings on your EC2 instance".
"""

from __future__ import annotations

import re

from bot.errors import SourceGarbled
from bot.linux.printed import whole_lines

_DIGITS = 20
"""Of a 64-bit counter."""
_HEAD = re.compile(r"^(?:NIC|Standard|RMON) statistics")
_ALLOWANCE = re.compile(r"_allowance_(?:exceeded|available)$")
NO_STATISTICS = re.compile(r"no stats available|Operation not supported|No such device")
"""What ethtool says of an interface that counts nothing."""


def show_statistics(interface: str) -> tuple[str, ...]:
    """Return the argument list. Raises `ValueError` for what can be no interface's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", interface):
        raise ValueError(f"{interface!r} is no name of an interface")
    return ("ethtool", "-S", interface)


def parse_statistics(text: str) -> dict[str, int]:
    """Return the counters by name. Raises `SourceGarbled` for a text that is cut or has none."""
    found: dict[str, int] = {}
    for line in whole_lines(text, "ethtool -S"):
        name, _, value = (part.strip() for part in line.rpartition(":"))
        if name and value.isascii() and value.isdigit():
            found[name] = int(value[:_DIGITS])
        elif not _HEAD.match(line):
            raise SourceGarbled(f"`ethtool -S` printed a line that is no counter: {line.strip()[:120]!r}.")
    if not found:
        raise SourceGarbled("`ethtool -S` printed no counter.")
    return found


def allowances(counters: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Return ENA's allowance counters (`linklocal_allowance_exceeded`, …); a driver of another kind has none."""
    return tuple(sorted((name, value) for name, value in counters.items() if _ALLOWANCE.search(name)))
