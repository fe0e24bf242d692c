"""The message that shows how far a diagnosis has come, until the report takes its place."""

from __future__ import annotations

import threading

from bot.domain.approvals import MessageRef
from bot.domain.jobs import Lane
from bot.slack.bench import Bench
from bot.slack.render import Message
from bot.workflow.desk import Progress


def progress_message(bench: Bench, progress: Progress) -> Message:
    """Return the message for this state."""
    total = len(progress.done) + len(progress.running) + len(progress.waiting)
    return bench.views.message(
        "progress",
        cluster=progress.cluster,
        done=progress.done,
        running=progress.running,
        total=total,
        elapsed=f"{progress.elapsed_ms / 1000:.0f} s",
    )


class ProgressMessage:
    """Sends what the pace allows from another thread: a slow Slack delays no collector."""

    def __init__(self, bench: Bench, ref: MessageRef) -> None:
        self._bench, self.ref = bench, ref
        self._sending = threading.Lock()
        self._closed = False
        self._newest: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Show this state, or drop it under pressure."""
        self._newest = progress
        if not self._closed and self._bench.pace.allows(self.ref.ts):
            self._bench.jobs.submit(Lane.QUICK, f"progress:{self.ref.channel}:{self.ref.ts}", self._send)

    def close(self) -> None:
        """Send no more; returns when nothing is under way that could overwrite the report."""
        self._closed = True
        with self._sending:
            self._bench.pace.spend(self.ref.ts)

    def _send(self) -> None:
        with self._sending:
            if not self._closed and self._newest is not None:
                self._bench.messages.progress(self.ref, progress_message(self._bench, self._newest))
