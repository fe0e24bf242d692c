"""When a part of an object was last set, and by which client, as its managedFields tell.

Source: Kubernetes documentation, "Server-Side Apply", Field management: each entry names its manager and its time.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_moment, optional_text, part, parts


def last_set(answer: RawObject, member: str) -> tuple[datetime | None, tuple[str, ...]]:
    """Return when and by whom a top-level member (`data`, `spec`) was last set; None and nobody where they are silent.

    `metadata.managedFields` may be missing, or be left out of an answer; a time may be missing in an entry.
    """
    entries = parts(answer["metadata"], "managedFields")
    of_member = [one for one in entries if f"f:{member}" in part(one, "fieldsV1")]
    times = [at for one in of_member if (at := optional_moment(one, "time"))]
    return max(times, default=None), tuple(sorted({optional_text(one, "manager") for one in of_member}))
