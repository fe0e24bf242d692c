"""The message that shows how far a diagnosis has come, until the report takes its place."""

from __future__ import annotations

import threading

from bot.domain.approvals import MessageRef
from bot.domain.diagnosis import Progress
from bot.domain.jobs import Lane
from bot.slack.render import Message
from bot.slack.tools import SlackTools


def progress_message(tools: SlackTools, progress: Progress) -> Message:
    """Return the message for this state."""
    total = len(progress.done) + len(progress.running) + len(progress.waiting)
    return tools.views.message(
        "progress",
        cluster=progress.cluster,
        done=progress.done,
        running=progress.running,
        total=total,
        elapsed=f"{progress.elapsed_ms / 1000:.0f} s",
    )


class ProgressMessage:
    """Sends what the update rate allows from another thread: a slow Slack delays no collector.

    Nothing is sent before the message stands, nor after it was closed.
    """

    def __init__(self, tools: SlackTools, key: str, place: MessageRef | None = None) -> None:
        self._tools, self._key, self._place = tools, key, place
        self._sending = threading.Lock()
        self._closed = False
        self._newest: Progress | None = None
        if place is None:
            tools.awaited[key] = self._stands

    def _stands(self, place: MessageRef) -> None:
        """Show what came up before the message stood."""
        self._place = place
        if self._newest is not None:
            self._tools.jobs.submit(Lane.QUICK, f"progress:{self._key}", self._send)

    def show(self, progress: Progress) -> None:
        """Show this state, or drop it under pressure."""
        self._newest = progress
        if self._place is not None and not self._closed and self._tools.update_rate.allows(self._key):
            self._tools.jobs.submit(Lane.QUICK, f"progress:{self._key}", self._send)

    def close(self) -> None:
        """Send no more; returns when nothing is under way that could overwrite the report."""
        self._closed = True
        self._tools.awaited.pop(self._key, None)
        with self._sending:
            self._tools.update_rate.spend(self._key)

    def _send(self) -> None:
        with self._sending:
            if not self._closed and self._newest is not None and self._place is not None:
                self._tools.messages.progress(self._place, progress_message(self._tools, self._newest))
