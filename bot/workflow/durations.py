"""Durations as people write them in YAML: `90s`, `30m`, `2h`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(\d{1,6})([smhd])")


def parse_duration(text: object) -> timedelta:
    """Return the duration; raises `ValueError` with what is expected."""
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a duration such as 90s, 30m or 2h is expected")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def duration_text(duration: timedelta) -> str:
    """Return the shortest of these forms: 30m, not 1800s."""
    seconds = int(duration.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
