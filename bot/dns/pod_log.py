"""The log of one pod as it was read: how far back it goes, and whether a window is covered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.dns.timestamped import TimedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLog:
    """Lines of the present container and, after a restart, of the one before."""

    pod: str
    lines: tuple[TimedLine, ...]
    whole: bool
    """The present container's log was read from its beginning (as far as the node keeps it)."""

    @property
    def oldest_at(self) -> datetime | None:
        """Return the time of the oldest line."""
        return min((line.at for line in self.lines if line.at), default=None)


def merged(*logs: tuple[TimedLine, ...]) -> tuple[TimedLine, ...]:
    """Return the lines of all logs, each line once, in the order of the arguments.

    A crashing container's log and its previous container's are often the same lines.
    """
    return tuple(dict.fromkeys(line for log in logs for line in log))
