"""That a plan still waits for a decision, in the thread of its card: calls those who may decide, once."""

from __future__ import annotations

from bot.domain.approvals import ProposalState
from bot.domain.outbox import REMINDER, Sending
from bot.slack.cards import plan_facts
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind


def draw(sending: Sending, tools: SlackTools) -> Drawn | None:
    """Return the reminder, or None where it is decided or expired."""
    story = tools.use.history.story(sending.note.about["proposal_id"])
    if story.proposal.state is not ProposalState.PENDING or story.proposal.not_approvable:
        return None
    facts = plan_facts(tools, story)
    said = f"this plan still waits for a decision; it expires at {facts.until}."
    return Drawn(message=tools.calling(facts.approvers, said), version=sending.version)


NOTE = NoteKind(name=REMINDER, draw=draw)
