"""Send what waits for one channel, or for one person in it, one message after the other."""

from __future__ import annotations

from bot.domain.jobs import Job, Lane
from bot.slack.sending import send_queue
from bot.slack.tools import SlackTools
from bot.slack.units import JobKind


def run(job: Job, tools: SlackTools) -> None:
    """Send it; where another process does, nothing happens."""
    send_queue(tools, job.ids["queue"])


JOB = JobKind(name="send", lane=Lane.SEND, run=run)
