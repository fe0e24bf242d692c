"""How a plan ended, in the thread of its card: calls whoever asked."""

from __future__ import annotations

from bot.domain.outbox import OUTCOME, Sending
from bot.report.plan_words import Caller, outcome_words
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind


def draw(sending: Sending, tools: SlackTools) -> Drawn | None:
    """Return the line, or None where there is no outcome."""
    proposal_id = sending.note.about["proposal_id"]
    outcome = tools.use.history.outcome(proposal_id)
    if outcome is None:
        return None
    asker = tools.use.history.proposal(proposal_id).requested_by
    callers = (Caller(id=asker.user_id, name=tools.names.person(asker.user_id)),) if asker else ()
    return Drawn(message=tools.calling(callers, outcome_words(outcome)), version=sending.version)


NOTE = NoteKind(name=OUTCOME, draw=draw)
