"""Which diagnoses of the history are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a diagnosis, or what followed from it, must have to be listed; what is empty restricts nothing."""

    rule: str = ""
    """A rule that found a problem then, or for which a plan was proposed."""
    user_id: str = ""
    """Who asked for the diagnosis or a plan, or pressed a button of one."""
    team_id: str = ""
    """The team of that person; empty: any."""
    since: datetime | None = None
    """The earliest start."""
    until: datetime | None = None
    """Before which it started."""
    older: str = ""
    """The id of a diagnosis: the next page begins after it."""


ALL = Sought()
