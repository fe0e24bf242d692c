"""Container logs on disk, in the CRI's format: each line with its time and stream; and what a reader asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_TICK = timedelta(microseconds=1)


class LogWriter:
    """Writes what one run of a container prints. Closed by its owner."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._rest = b""
        self._last = datetime.min.replace(tzinfo=UTC)

    def add(self, data: bytes) -> None:
        """Add bytes as they came; whole lines are written, each later than the one before."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._file.write(b"".join(map(self._stamped, lines)))

    def close(self) -> None:
        """Write what has no end of line, and close."""
        if self._rest:
            self._file.write(self._stamped(self._rest))
        self._file.close()

    def _stamped(self, line: bytes) -> bytes:
        self._last = max(datetime.now(UTC), self._last + _TICK)
        return self._last.strftime("%Y-%m-%dT%H:%M:%S.%f000Z stderr F ").encode() + line + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Options of `GET …/log`."""

    tail_lines: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    limit_bytes: int | None = None


def read_log(path: Path, query: LogQuery) -> bytes:
    """Return the lines that are asked for: the last ones, of these the later ones, then so many bytes."""
    lines = path.read_bytes().splitlines(keepends=True)
    if query.tail_lines is not None:
        lines = lines[max(len(lines) - query.tail_lines, 0) :]
    text = b"".join(_shown(lines, query))
    return text if query.limit_bytes is None else text[: query.limit_bytes]


def _shown(lines: list[bytes], query: LogQuery) -> Iterator[bytes]:
    since = query.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode() if query.since else b""
    for line in lines:
        stamp, _stream, _whole, text = line.split(b" ", 3)
        if stamp >= since:
            yield stamp + b" " + text if query.timestamps else text
