"""One run of a container's program, as its status needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

_SIGNALLED = 128


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class ContainerRun:
    """One run of a container's program."""

    log: Path
    process_id: int
    started: datetime = field(default_factory=now)
    ended: datetime | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    """Whether the kernel killed it for exceeding its memory limit."""
    identity: str = field(default_factory=lambda: f"containerd://{token_hex(32)}")

    def end(self, status: int, *, out_of_memory: bool = False) -> None:
        """Note how it ended; `status` as subprocess gives it: negative is a signal's number."""
        self.ended, self.out_of_memory = now(), out_of_memory
        self.exit_code = status if status >= 0 else _SIGNALLED - status
