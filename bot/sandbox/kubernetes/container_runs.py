"""One run of a container: when it started, what it printed, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line and when it was printed."""

    at: datetime
    text: str


@dataclass(slots=True, kw_only=True)
class ContainerRun:
    """A run; `ended` is None while it lasts."""

    started: datetime
    printed: list[LogLine] = field(default_factory=list)
    repeated: Callable[[datetime], list[LogLine]] | None = None
    """Lines that come again and again, computed for the moment at which somebody reads."""
    ended: datetime | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    """Whether the kernel killed it for exceeding its memory limit."""
    identity: str = field(default_factory=lambda: f"containerd://{token_hex(32)}")

    def lines(self, now: datetime) -> list[LogLine]:
        """Return all lines printed until `now`."""
        until = self.ended or now
        live = self.repeated(until) if self.repeated else []
        return sorted([line for line in (*self.printed, *live) if line.at <= until], key=lambda line: line.at)

    def date_back(self, elapsed: timedelta) -> None:
        """Put everything so much earlier."""
        self.started -= elapsed
        self.printed = [LogLine(at=line.at - elapsed, text=line.text) for line in self.printed]
        if self.ended:
            self.ended -= elapsed

    def say(self, at: datetime, *texts: str) -> None:
        """Print lines."""
        self.printed.extend(LogLine(at=at, text=text) for text in texts)


def klog(severity: str, at: datetime, place: str, message: str) -> str:
    """Return a klog line: `E1121 10:53:00.123456       1 reflector.go:166] …`."""
    return f"{severity}{at:%m%d %H:%M:%S}.{at.microsecond:06d}       1 {place}] {message}"
