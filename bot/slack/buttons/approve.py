"""Approve: takes one person's approval; the repair begins when enough have approved."""

from __future__ import annotations

from bot.domain.approvals import Choice
from bot.slack.bench import Bench
from bot.slack.button_value import ButtonValue
from bot.slack.deciding import decide
from bot.slack.places import Pressed
from bot.slack.units import Button


def run(pressed: Pressed, bench: Bench) -> None:
    """Take the press."""
    value = ButtonValue.parse(pressed.value)
    decide(bench, value, pressed.place.person, Choice.APPROVE, card=pressed.message)


BUTTON = Button(name="approve", run=run)
