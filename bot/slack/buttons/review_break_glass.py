"""Reviewed: somebody else who may approve has looked at what was done under a break-glass."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import Refused
from bot.slack.break_glass import glass_message, note_key
from bot.slack.incoming import Pressed
from bot.slack.render import body_of
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Close it, and let its messages say so."""
    if not (pressed.value.isascii() and pressed.value.isdigit()):
        raise Refused("This button belongs to no break-glass of this bot.")
    person, gate = pressed.origin.person, tools.use.gate
    glass = replace(gate.review_break_glass(person, int(pressed.value)), reviewed_by=person)
    policy = gate.glass_policy(glass.cluster)
    target = tools.use.targets.get(glass.cluster)
    channels = (target.channel if target else "", policy.channel if policy else "", pressed.message.channel)
    body = body_of(glass_message(tools, glass))
    for channel in dict.fromkeys(filter(None, channels)):
        tools.use.history.settle(note_key(glass, channel), body)
        tools.send(channel)


BUTTON = Button(name="review_break_glass", run=run, for_askers=False)
