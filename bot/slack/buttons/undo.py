"""Undo: proposes to take back what a plan changed, on a card of its own and for its own approval."""

from __future__ import annotations

from bot.slack.button_value import ButtonValue
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Propose it in the name of whoever pressed; nothing is changed before somebody approves."""
    value = ButtonValue.parse(pressed.value)
    proposal = tools.use.propose_undo(value.proposal_id, pressed.origin.person)
    if proposal.posted is not None:
        link = tools.messages.permalink(proposal.posted.message)
        tools.tell(pressed.origin, f"The undo waits for a decision already. {link}".strip())
        return
    target = tools.use.targets.get(proposal.plan.cluster)
    if target is not None and target.channel:
        tools.send(target.channel)


BUTTON = Button(name="undo", run=run)
