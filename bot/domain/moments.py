"""Times as Kubernetes writes them, and how a state's time compares with a log line's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeGuard

_STAMP = re.compile(
    r"^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)(?: |\t|$)",
)


@lru_cache(maxsize=4096)
def parse_time(text: str) -> datetime | None:
    """Return an RFC 3339 time as UTC, or None when `text` is none. Digits beyond microseconds are cut.

    States are dated in whole seconds, so thousands of pods share few times.
    """
    return leading_time(text)[0]


def leading_time(line: str) -> tuple[datetime | None, str]:
    """Return the RFC 3339 time in front of a line, as UTC, and the rest; None and the whole line where none is."""
    match = _STAMP.match(line)
    at = _time_of(match) if match else None
    return (at, line[match.end() :]) if match and at else (None, line)


def follows(state: datetime | None, line: datetime) -> TypeGuard[datetime]:
    """Return whether a state began when a log line was written, or later; a state that is None never began.

    Kubernetes dates states in whole seconds (API conventions, `metav1.Time`), log lines are dated more finely. A
    state of the line's own second follows it: a container that ends after a line is often started again at once.
    """
    return state is not None and state >= line.replace(microsecond=0)


def _time_of(match: re.Match[str]) -> datetime | None:
    whole, fraction, zone = match.groups()
    try:
        seconds = datetime.fromisoformat(whole.upper() + ("+00:00" if zone in "Zz" else zone))
        microseconds = int((fraction or "0").ljust(6, "0")[:6])
        return (seconds + timedelta(microseconds=microseconds)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
