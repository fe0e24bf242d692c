"""The newest heads of the audit chain, kept in a file outside the database: one line a row that was added."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.domain.audit import Head, head_from
from bot.errors import HistoryUnavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeadsFile:
    """A file of heads. Several processes may add to it."""

    path: Path

    def keep(self, head: Head) -> None:
        """Add a line, to the disk; what cannot be written is logged, since the row itself is in the database."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, f"{head.text}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error("the head of the audit chain is not kept", extra={"file": str(self.path), "reason": str(error)})  # noqa: TRY400  # the reason says it all

    def read(self) -> Iterator[Head]:
        """Yield the heads; none where nothing was kept yet. Raises `HistoryUnavailable` where one cannot be read."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise HistoryUnavailable(f"The heads of the audit chain in {self.path} cannot be read: {error}.") from error
        for number, line in enumerate(lines, start=1):
            try:
                yield head_from(line)
            except ValueError as error:
                raise HistoryUnavailable(f"{self.path}:{number}: {error}.") from error
