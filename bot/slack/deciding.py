"""Presses of Approve and Reject: one call to the gate, then the card as it stands, then the repair."""

from __future__ import annotations

from bot.domain.approvals import Choice, MessageRef, ProposalState
from bot.domain.history import Press
from bot.domain.jobs import Job
from bot.domain.people import Person
from bot.errors import DnsBotError
from bot.slack.button_value import ButtonValue
from bot.slack.cards import redraw_pressed
from bot.slack.tools import SlackTools


def check(tools: SlackTools, value: ButtonValue, person: Person, choice: Choice, *, card: MessageRef) -> None:
    """Return where a press would be taken. Raises as `decide` does; the pressed message is drawn again then."""
    press = Press(proposal_id=value.proposal_id, plan_hash=value.plan_hash, person=person, choice=choice)
    try:
        tools.use.gate.check(press)
    except DnsBotError:
        redraw_pressed(tools, value.proposal_id, card)
        raise


def decide(
    tools: SlackTools, value: ButtonValue, person: Person, choice: Choice, *, card: MessageRef, reason: str = ""
) -> None:
    """Take one press. Raises `Refused` or `HistoryUnavailable`, which is shown to that person alone.

    The pressed message is drawn again whatever comes of the press: it may be an older card of the plan, or one
    that missed its last update. An approval needs no further step to be run: the row that it wrote is the queue.
    """
    press = Press(proposal_id=value.proposal_id, plan_hash=value.plan_hash, person=person, choice=choice, reason=reason)
    try:
        decided = tools.use.gate.decide(press)
        tools.metrics.decided(decided)
        if decided.proposal.state is ProposalState.APPROVED:
            tools.enqueue(Job(kind="repair", ids={"proposal_id": value.proposal_id}))
    finally:
        redraw_pressed(tools, value.proposal_id, card)
