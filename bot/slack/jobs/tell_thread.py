"""Say in a card's thread what became of its plan, where Slack did not take it or nobody was left to say it."""

from __future__ import annotations

from bot.domain.jobs import Job, Lane
from bot.slack.telling import tell_thread
from bot.slack.tools import SlackTools
from bot.slack.units import JobKind


def run(job: Job, tools: SlackTools) -> None:
    """Say it; where another process is faster, nothing happens."""
    tell_thread(tools, job.ids["proposal_id"])


JOB = JobKind(name="tell_thread", lane=Lane.QUICK, run=run)
