"""The log of one pod as it was read: how far back it goes, and whether a window is covered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.dns.timestamped import TimedLine, quoted

LAST_WORDS = 3
"""Lines kept of a log's end, whatever they say."""
LAST_LINES = 20
"""Lines of a past run that are looked at: one that ended at its start said less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLog:
    """Lines of the present container and, after a restart, of the one before."""

    pod: str
    lines: tuple[TimedLine, ...]
    whole: bool
    """The present container's log was read from its beginning (as far as the node keeps it)."""
    ended: tuple[TimedLine, ...] = ()
    """The newest lines of the newest run that has ended, at most `LAST_LINES`: fewer are all that it said."""

    @property
    def oldest_at(self) -> datetime | None:
        """Return the time of the oldest line."""
        return min((line.at for line in self.lines if line.at), default=None)

    @property
    def last_words(self) -> tuple[str, ...]:
        """Return the newest lines, oldest first, each shortened."""
        return tuple(quoted(line.text) for line in self.lines[-LAST_WORDS:])


def merged(*logs: tuple[TimedLine, ...]) -> tuple[TimedLine, ...]:
    """Return the lines of all logs, each line once, in the order of the arguments.

    A crashing container's log and its previous container's are often the same lines.
    """
    return tuple(dict.fromkeys(line for log in logs for line in log))
