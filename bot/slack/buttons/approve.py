"""Approve: takes one person's approval; the repair begins when enough have approved."""

from __future__ import annotations

from bot.domain.approvals import Choice
from bot.slack.button_value import ButtonValue
from bot.slack.deciding import decide
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Take the press."""
    value = ButtonValue.parse(pressed.value)
    decide(tools, value, pressed.origin.person, Choice.APPROVE, card=pressed.message)


BUTTON = Button(name="approve", run=run, for_askers=False)
