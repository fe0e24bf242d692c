"""When a part of an object was last set, and by which client, as its managedFields tell.

Source: Kubernetes documentation, "Server-Side Apply", Field management: each entry names its manager and its time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.json_values import RawObject
from bot.domain.who_changed import SetBy
from bot.kubernetes.members import optional_moment, optional_text, part, parts

_NEVER = datetime.min.replace(tzinfo=UTC)


def clients_of(answer: RawObject, member: str) -> tuple[SetBy, ...]:
    """Return who set a top-level member (`data`, `spec`) or a part of it, the newest first; one without a time last."""
    found = [
        SetBy(client=optional_text(one, "manager"), at=optional_moment(one, "time"))
        for one in parts(answer["metadata"], "managedFields")
        if f"f:{member}" in part(one, "fieldsV1")
    ]
    return tuple(sorted(found, key=lambda one: one.at or _NEVER, reverse=True))


def last_set(answer: RawObject, member: str) -> tuple[datetime | None, tuple[str, ...]]:
    """Return when and by whom a top-level member (`data`, `spec`) was last set; None and nobody where they are silent.

    `metadata.managedFields` may be missing, or be left out of an answer; a time may be missing in an entry.
    """
    found = clients_of(answer, member)
    times = [one.at for one in found if one.at]
    return max(times, default=None), tuple(sorted({one.client for one in found}))
