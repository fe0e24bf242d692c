"""Whether a SQLite file is still the one that was opened: what is written to a deleted file nobody reads again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import HistoryUnavailable

_WHAT_TO_DO = "Nothing is approved or changed without a history. Put the file back, or stop the bot and start it anew."


@dataclass(slots=True)
class FileIdentity:
    """The file behind a database, by device and inode, as it was when it was first opened."""

    path: Path
    _known: tuple[int, int] | None = field(default=None)

    def opened(self) -> None:
        """Remember which file was opened first."""
        if self._known is None:
            self._known = self._now()

    def check(self) -> None:
        """Raise `HistoryUnavailable` where the file is gone or another one stands in its place."""
        if self._known is None:
            return
        now = self._now()
        if now is None:
            raise HistoryUnavailable(f"The history's file {self.path} is gone. {_WHAT_TO_DO}")
        if now != self._known:
            raise HistoryUnavailable(f"The history's file {self.path} was replaced by another one. {_WHAT_TO_DO}")

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
