"""How a plan ended, in the thread of its card."""

from __future__ import annotations

from bot.domain.outbox import OUTCOME, Sending
from bot.report.plan_words import outcome_words
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind


def draw(sending: Sending, tools: SlackTools) -> Drawn | None:
    """Return the line, or None where there is no outcome."""
    outcome = tools.use.history.outcome(sending.note.about["proposal_id"])
    if outcome is None:
        return None
    return Drawn(message=tools.sentence(outcome_words(outcome)), version=sending.version)


NOTE = NoteKind(name=OUTCOME, draw=draw)
