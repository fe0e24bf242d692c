"""Reject: asks whoever may reject for the reason, in a modal; nothing is decided before it is sent off."""

from __future__ import annotations

from bot.domain.approvals import Choice
from bot.slack.button_value import ButtonValue
from bot.slack.deciding import check
from bot.slack.incoming import Pressed
from bot.slack.limits import Payload
from bot.slack.tools import SlackTools
from bot.slack.units import Button, Form


def run(pressed: Pressed, tools: SlackTools) -> Payload:
    """Return the modal."""
    value = ButtonValue.parse(pressed.value)
    check(tools, value, pressed.origin.person, Choice.REJECT, card=pressed.message)
    proposal = tools.use.history.proposal(value.proposal_id)
    return tools.views.modal(
        "reject",
        value=f"{value.text} {pressed.message.channel} {pressed.message.ts}",
        title=f"{proposal.plan.title} on {proposal.plan.cluster}",
    )


FORM = Form(what="The form for the reason", again="Press Reject again.")
BUTTON = Button(name="reject", run=run, for_askers=False, form=FORM)
