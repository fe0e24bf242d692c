"""Which cluster? A list to choose from, for one person alone."""

from __future__ import annotations

import logging

from bot.slack.incoming import Origin
from bot.slack.messages import NotPosted
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)


def offer_clusters(tools: SlackTools, origin: Origin) -> None:
    """Let somebody choose a cluster; the report will stand where they asked."""
    clusters = tuple(sorted(tools.use.targets))
    if not clusters:
        tools.tell(origin, "There are no clusters: none is configured in dnsbot.yaml.")
        return
    message = tools.views.message("pick_cluster", clusters=clusters, thread_ts=origin.thread_ts)
    try:
        tools.messages.alone(origin, message)
    except NotPosted as error:
        log.warning("could not answer a person", extra={"person": str(origin.person), "reason": str(error)})
