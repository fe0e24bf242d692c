"""How the end of a step's change stands that was approved for a time, in the thread of the plan's card."""

from __future__ import annotations

from bot.domain.outbox import ENDING, Sending
from bot.domain.phrases import timestamp
from bot.report.plan_words import ending_line
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind


def draw(sending: Sending, tools: SlackTools) -> Drawn | None:
    """Return the line, or None where the step has no end."""
    story = tools.use.history.story(sending.note.about["proposal_id"])
    for ending in story.endings:
        if str(ending.index) == sending.note.about.get("step"):
            line = ending_line(ending, story.proposal.plan.steps, timestamp)
            return Drawn(message=tools.sentence(line), version=sending.version)
    return None


NOTE = NoteKind(name=ENDING, draw=draw)
