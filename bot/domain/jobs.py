"""Work outside the thread that asked for it: jobs as values, and the port to what runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Lane(StrEnum):
    """Kinds of work that must not starve one another: each lane has threads of its own."""

    QUICK = "quick"
    """Seconds at most: decisions, history, help, modals, single chat messages."""
    DIAGNOSE = "diagnose"
    """Up to a diagnosis's deadline, a minute by default."""
    REPAIR = "repair"
    """Minutes: steps of an approved plan, roll-outs, verification."""
    SEND = "send"
    """Messages of one channel, one after the other, as fast as the chat takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do, as a value: any process that reads it from the history can do it."""

    kind: str
    """The name of a job kind: `repair`, `settle`, `send`."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """What it is about, and nothing else: `{"proposal_id": "…"}`."""

    @property
    def key(self) -> str:
        """The same for the same job: it is queued once at a time."""
        return ":".join((self.kind, *(self.ids[name] for name in sorted(self.ids))))


class Jobs(Protocol):
    """Runs named work in this process.

    Nothing queued here survives the process, and nothing here needs to: what must survive is a row that
    `History.due` gives back.
    """

    def submit(self, lane: Lane, key: str, work: Callable[[], None], *, again: bool = False) -> bool:
        """Queue `work` and return True; False when `key` is queued or running already, or the queue has stopped.

        The same key may be submitted again once its work has ended. `again`: where it is queued or running now, it is
        queued once more when it ends, so that it looks at what has come up since.
        """
        ...

    def running(self) -> tuple[str, ...]:
        """Return the keys that are queued or running now, sorted."""
        ...

    def stop(self, *, grace_seconds: float) -> tuple[str, ...]:
        """Take no more work, drop what has not begun, wait up to `grace_seconds`; return the keys still running."""
        ...
