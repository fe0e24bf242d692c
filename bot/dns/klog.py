"""klog's line head: `Lmmdd hh:mm:ss.uuuuuu threadid file.go:line] message`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(r"^([IWEF])(\d{4}) (\d\d:\d\d:\d\d\.\d{1,9})\s+(\d+) ([\w.-]+\.go:\d+)\] ?(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class KlogLine:
    """One line of klog. It names no year: date lines by the API's timestamp."""

    severity: str
    """I, W, E or F."""
    source: str
    """`reflector.go:138`."""
    message: str


def klog_line(text: str) -> KlogLine | None:
    """Return the line's parts, or None when it is not klog's."""
    match = _HEAD.match(text)
    if match is None:
        return None
    return KlogLine(severity=match.group(1), source=match.group(5), message=match.group(6))
