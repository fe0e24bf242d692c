"""Who broke the glass for a cluster and why, and who reviewed it, as the audit chain has it now."""

from __future__ import annotations

from bot.domain.outbox import GLASS, Sending
from bot.slack.break_glass import glass_message
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind


def draw(sending: Sending, tools: SlackTools) -> Drawn | None:
    """Return the message, or None where the chain knows of no such break-glass."""
    number = sending.note.about["number"]
    found = next((one for one in tools.use.history.broken_glass() if str(one.number) == number), None)
    return Drawn(message=glass_message(tools, found), version=sending.version) if found is not None else None


NOTE = NoteKind(name=GLASS, draw=draw)
