"""Container logs on disk, in the CRI's format: each line with its time and stream; and what a reader asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


def _now() -> str:
    nanoseconds = datetime.now(UTC)
    return nanoseconds.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


class LogWriter:
    """Writes what one run of a container prints. Closed by its owner."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Add bytes as they came; whole lines are written, each with the time at which it was read."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        stamp = _now().encode()
        self._file.write(b"".join(stamp + b" stderr F " + line + b"\n" for line in lines))

    def close(self) -> None:
        """Write what has no end of line, and close."""
        if self._rest:
            self._file.write(_now().encode() + b" stderr F " + self._rest + b"\n")
        self._file.close()


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
