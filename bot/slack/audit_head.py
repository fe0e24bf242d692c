"""The newest row of the audit chain, told to a channel: a place that whoever can write to the database cannot reach."""

from __future__ import annotations

import logging

from bot.domain.outbox import Note
from bot.errors import HistoryUnavailable
from bot.slack.render import body_of
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)


def tell_audit_head(tools: SlackTools, channel: str) -> None:
    """Tell the channel the newest row, once, whichever process does. For the clock, every hour."""
    try:
        head = tools.use.history.audit_head()
        if head is None:
            return
        text = f"Audit chain at row {head.seq}. To compare: `dnsbot audit verify --head {head.text}`"
        tools.say(Note(key=f"audit-head:{head.seq}", channel=channel, body=body_of(tools.sentence(text))))
    except HistoryUnavailable as error:
        log.warning("the audit chain's head is not told", extra={"reason": str(error)})
