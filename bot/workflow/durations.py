"""Durations as people write them: `90s`, `30m`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d{1,6})([smhd])")
_TEXT = re.compile(r"(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?")


def parse_duration(text: object) -> timedelta:
    """Return the duration; raises `ValueError` with what is expected."""
    if not isinstance(text, str) or not text or _TEXT.fullmatch(text) is None:
        raise ValueError("a duration such as 90s, 30m or 2h is expected")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def duration_text(duration: timedelta) -> str:
    """Return the shortest of these forms: 30m, not 1800s."""
    seconds = int(duration.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
