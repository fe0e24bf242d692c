"""Watched clusters: what was seen of each between digests, and the port that keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

NOT_SEEN = "not_seen"
"""Stands for a rule: that the cluster could not be looked at. No rule bears this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A critical problem as one look found it."""

    rule: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A critical problem of a watched cluster over several looks."""

    rule: str
    title: str
    summary: str
    since: datetime
    """The first look that found it."""
    key: str
    """Of the message that tells of it: the same for this incident in every process."""
    found: int = 0
    """Looks in a row that found it, as far as they could tell."""
    gone: int = 0
    """Looks in a row that found it healthy, as far as they could tell."""
    told: bool = False
    """The channel was told of it."""
    resolved_at: datetime | None = None
    """When the channel was told that it is over; None: it was not."""
    came_back: int = 0
    """How often it came back after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is known of a cluster from the looks so far."""

    incidents: tuple[Incident, ...] = field(default=())


class WatchStore(Protocol):
    """What is kept of watched clusters. Every method may raise `HistoryUnavailable`."""

    def now(self) -> datetime:
        """Return the database's time."""
        ...

    def begin(self, cluster: str, owner: str, *, every: timedelta, seconds: float) -> Watched | None:
        """Take the look that is due for some seconds, and return what is known; None: another has it, or none is due.

        One that a process did not end in that time is followed by the next that is due.
        """
        ...

    def end(self, cluster: str, owner: str, watched: Watched) -> bool:
        """Say that the look is over, and what is known now; False where another process has taken it meanwhile."""
        ...
