"""A note that holds its own text."""

from __future__ import annotations

from bot.domain.outbox import WORDS, Sending
from bot.slack.render import message_of
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind


def draw(sending: Sending, tools: SlackTools) -> Drawn:
    """Return the text as it was said."""
    del tools
    return Drawn(message=message_of(sending.note.body or {}), version=sending.version)


NOTE = NoteKind(name=WORDS, draw=draw)
