"""Whether everybody in a channel may see what is found out about clusters."""

from __future__ import annotations

import logging
from collections.abc import Collection

from bot.errors import Refused
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)


def not_for_all(tools: SlackTools, channel: str, clusters: Collection[str]) -> str:
    """Return why what is found in these clusters may not be shown to everybody in the channel, or nothing."""
    try:
        tools.use.door.check_channel(channel, tools.use.homes(*clusters))
    except Refused as refusal:
        log.info("not shown to a whole channel", extra={"channel": channel, "reason": str(refusal)})
        return str(refusal)
    return ""
