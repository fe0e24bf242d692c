"""Take back what was approved for a time, and say in the card's thread what became of it."""

from __future__ import annotations

from bot.domain.jobs import Job, Lane
from bot.slack.carrying_on import carry_on
from bot.slack.tools import SlackTools
from bot.slack.units import JobKind


def run(job: Job, tools: SlackTools) -> None:
    """End what is due; where another process is faster, nothing happens."""
    carry_on(tools, tools.use.ender, job.ids["proposal_id"])


JOB = JobKind(name="end_change", lane=Lane.REPAIR, run=run)
