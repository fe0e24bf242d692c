"""Settle a repair whose process ended, was frozen or lost its database, and say on its card how it stands."""

from __future__ import annotations

from bot.domain.jobs import Job, Lane
from bot.slack.carrying_on import carry_on
from bot.slack.tools import SlackTools
from bot.slack.units import JobKind


def run(job: Job, tools: SlackTools) -> None:
    """Take the repair over; where another process is faster, nothing happens."""
    carry_on(tools, tools.use.settler, job.ids["proposal_id"])


JOB = JobKind(name="settle", lane=Lane.REPAIR, run=run)
