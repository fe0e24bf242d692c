"""Draw a card again that does not show the newest version of its plan."""

from __future__ import annotations

from bot.domain.jobs import Job, Lane
from bot.slack.posting import redraw_card
from bot.slack.tools import SlackTools
from bot.slack.units import JobKind


def run(job: Job, tools: SlackTools) -> None:
    """Draw the card from the history."""
    redraw_card(tools, job.ids["proposal_id"])


JOB = JobKind(name="redraw_card", lane=Lane.QUICK, run=run)
