"""The reason for a rejection; sending it off is the decision."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.approvals import Choice, MessageRef
from bot.errors import Refused
from bot.slack.button_value import ButtonValue
from bot.slack.deciding import decide
from bot.slack.incoming import Submitted
from bot.slack.tools import SlackTools
from bot.slack.units import Modal

PARTS = 4
"""id, hash, channel, ts"""


def check(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Complain about an empty reason."""
    return {} if fields.get("reason", "").strip() else {"reason": "Say why, so that others need not ask."}


def run(submitted: Submitted, tools: SlackTools) -> None:
    """Take the rejection."""
    words = submitted.value.split()
    if len(words) != PARTS:
        raise Refused("This form belongs to no proposal of this bot.")
    value = ButtonValue.parse(" ".join(words[:2]))
    card = MessageRef(channel=words[2], ts=words[3])
    reason = submitted.fields["reason"].strip()
    decide(tools, value, submitted.origin.person, Choice.REJECT, card=card, reason=reason)


VIEW = Modal(name="reject_reason", check=check, run=run)
