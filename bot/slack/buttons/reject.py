"""Reject: asks whoever may reject for the reason, in a modal; nothing is decided before it is sent off."""

from __future__ import annotations

from bot.domain.approvals import Choice
from bot.errors import Refused
from bot.slack.button_value import ButtonValue
from bot.slack.deciding import check
from bot.slack.incoming import Pressed
from bot.slack.messages import NotPosted
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Open the modal."""
    value = ButtonValue.parse(pressed.value)
    check(tools, value, pressed.origin.person, Choice.REJECT, card=pressed.message)
    proposal = tools.use.history.proposal(value.proposal_id)
    modal = tools.views.modal(
        "reject",
        value=f"{value.text} {pressed.message.channel} {pressed.message.ts}",
        title=f"{proposal.plan.title} on {proposal.plan.cluster}",
    )
    try:
        tools.messages.open_modal(pressed.trigger_id, modal)
    except NotPosted as error:
        raise Refused(f"The form for the reason could not be opened ({error.code}). Press Reject again.") from error


BUTTON = Button(name="reject", run=run, for_askers=False)
