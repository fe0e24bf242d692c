"""Events: what the scheduler, the kubelet and controllers say about an object.

Source: Kubernetes API reference, "Event" (v1); a repeated event carries a count, a `series`, or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_moment, optional_number, optional_text, part, text

LONGEST_MESSAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event."""

    reason: str
    message: str
    count: int
    last_seen: datetime | None

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the event; it was last seen at the newest time that it names."""
        series = part(answer, "series")
        return cls(
            reason=text(answer, "reason"),
            message=optional_text(answer, "message")[:LONGEST_MESSAGE],
            count=optional_number(series, "count") or optional_number(answer, "count") or 1,
            last_seen=optional_moment(series, "lastObservedTime")
            or optional_moment(answer, "lastTimestamp")
            or optional_moment(answer, "eventTime")
            or optional_moment(answer["metadata"], "creationTimestamp"),
        )
