"""Views as they are rendered, and messages as a person reads them."""

from __future__ import annotations

from bot.sandbox.slack import Seen, as_text
from bot.slack.render import Message, Views
from tests.slack.conftest import TEMPLATES

VIEWS = Views(TEMPLATES)
VALUE = f"p-1 {'0' * 64}"


class PlainNames:
    """Names as hostile as the test wants."""

    def __init__(self, name: str) -> None:
        self._name = name

    def person(self, user_id: str) -> str:
        """Return the name."""
        return self._name or user_id

    def group(self, group_id: str) -> str:
        """Return the name."""
        return self._name or group_id


def as_text_of(message: Message) -> str:
    """Return a message as a person reads it."""
    seen = Seen(
        channel="C",
        ts="1",
        thread_ts="",
        user="U",
        text=message.text,
        blocks=tuple(message.blocks),
        attachments=(),
        only_visible_to="",
        edited=0,
    )
    return as_text(seen)
