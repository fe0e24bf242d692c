"""Run an approved plan, and show on its card how it goes."""

from __future__ import annotations

from bot.domain.jobs import Job, Lane
from bot.slack.carrying_on import carry_on
from bot.slack.tools import SlackTools
from bot.slack.units import JobKind


def run(job: Job, tools: SlackTools) -> None:
    """Begin the repair; where another process is faster, nothing happens."""
    carry_on(tools, tools.use.repairer, job.ids["proposal_id"])


JOB = JobKind(name="repair", lane=Lane.REPAIR, run=run)
