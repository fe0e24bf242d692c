"""A history in a file that many tests share, each of which finds it empty.

An engine makes SQL of each statement once and keeps it: a quarter of the work of a test that opened one of its own.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from bot.history import SqlHistory, migrate, open_history


def _without_sync(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # no test pulls the plug, and many write thousands of times


class EmptiedHistory:
    """A SQLite history that stays open."""

    def __init__(self, folder: Path) -> None:
        self.blank, self._file = folder / "blank.db", folder / "history.db"
        self.url = f"sqlite:///{self._file}"
        migrate(f"sqlite:///{self.blank}")
        self._open = open_history(self.url, {})
        event.listen(self._open.database.engine, "connect", _without_sync)

    def emptied(self, evidence_classes: Mapping[str, type]) -> SqlHistory:
        """Return it as it was made, with no connection open, to read evidence of these classes."""
        self.close()
        for beside in ("-wal", "-shm", ".heads"):
            Path(f"{self._file}{beside}").unlink(missing_ok=True)
        shutil.copyfile(self.blank, self._file)  # into the same file: a history refuses one that takes its place
        return replace(self._open, evidence_classes=evidence_classes)

    def close(self) -> None:
        """Close its connections."""
        self._open.close()
