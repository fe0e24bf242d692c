"""Reviewed: somebody else who may approve has looked at what was done under a break-glass."""

from __future__ import annotations

from bot.errors import Refused
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Close it; its messages and the cards that name it are drawn again, wherever they stand."""
    if not (pressed.value.isascii() and pressed.value.isdigit()):
        raise Refused("This button belongs to no break-glass of this bot.")
    tools.use.gate.review_break_glass(pressed.origin.person, int(pressed.value))
    tools.send(pressed.message.channel)


BUTTON = Button(name="review_break_glass", run=run, for_askers=False)
