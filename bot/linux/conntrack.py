"""The kernel's table of tracked connections: how full it is, and single entries.

Source: linux, Documentation/networking/nf_conntrack-sysctl.rst; conntrack(8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.errors import SourceGarbled
from bot.linux.printed import unreadable, whole_lines

COUNT_FILE = "/proc/sys/net/netfilter/nf_conntrack_count"
MAX_FILE = "/proc/sys/net/netfilter/nf_conntrack_max"
READ_BOTH = ("cat", COUNT_FILE, MAX_FILE)
COUNT = ("conntrack", "-C")
"""Where there is no `cat`: the number of entries, without the maximum."""
LIST_DNS = ("conntrack", "-L", "-p", "udp", "--orig-port-dst", "53")
"""Entries of DNS over UDP; the sum goes to standard error."""

_ENTRY = re.compile(r"^(?:ipv[46] {1,8}\d{1,3} {1,8})?(udp|tcp) {1,8}(?:6|17) {1,8}(\d{1,9}) (.*)$")
_PAIR = re.compile(r"\b(src|dst)=(\S{1,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedConnection:
    """One entry: where it goes as the client sent it, and where the answer is expected from."""

    protocol: str
    seconds_left: int
    client: str
    server: str
    """As the client asked it: a ClusterIP."""
    answers_from: str
    """Whom the kernel leads it to: the source of the expected answer."""
    unreplied: bool


def parse_count_and_maximum(text: str) -> tuple[int, int]:
    """Return entries and maximum of the two files, in this order. Raises `SourceGarbled` for anything else."""
    lines = whole_lines(text, " ".join(READ_BOTH))
    if len(lines) != 2:  # noqa: PLR2004  # the two files
        raise SourceGarbled(f"`{' '.join(READ_BOTH)}` printed {len(lines)} lines where two numbers are expected.")
    return _number(lines[0]), _number(lines[1])


def parse_count(text: str) -> int:
    """Return the number of entries that `conntrack -C` prints."""
    lines = whole_lines(text, " ".join(COUNT))
    if len(lines) != 1:
        raise SourceGarbled(f"`conntrack -C` printed {len(lines)} lines where one number is expected.")
    return _number(lines[0])


def parse_connections(text: str) -> tuple[TrackedConnection, ...]:
    """Return the entries of `conntrack -L`. Raises `SourceGarbled` for a text that is cut or of another kind."""
    return tuple(_entry(line) for line in whole_lines(text, "conntrack -L"))


def _entry(line: str) -> TrackedConnection:
    entry = _ENTRY.match(line)
    pairs = _PAIR.findall(entry[3]) if entry else []
    sources, destinations = ([value for key, value in pairs if key == wanted] for wanted in ("src", "dst"))
    if entry is None or len(sources) != 2 or len(destinations) != 2:  # noqa: PLR2004  # there and back
        raise unreadable("conntrack -L", line)
    return TrackedConnection(
        protocol=entry[1],
        seconds_left=int(entry[2]),
        client=sources[0],
        server=destinations[0],
        answers_from=sources[1],
        unreplied="[UNREPLIED]" in entry[3],
    )


def _number(line: str) -> int:
    text = line.strip()
    if not (text.isascii() and text.isdigit()):
        raise SourceGarbled(f"A number of connections is expected, and {text[:40]!r} was printed.")
    return int(text[:19])
