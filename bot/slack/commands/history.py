"""`/dns-history [CLUSTER]`: the newest diagnoses with their proposals and outcomes, to the asker alone."""

from __future__ import annotations

from bot.asking import known_cluster
from bot.domain.phrases import clock
from bot.report.history_words import history_words
from bot.slack.asking import plain_words
from bot.slack.incoming import Asked
from bot.slack.tools import SlackTools
from bot.slack.units import Command

NEWEST = 10


def run(asked: Asked, tools: SlackTools) -> None:
    """Show the history."""
    words = plain_words(asked.words)
    cluster = words[0] if words else ""
    if cluster:
        known_cluster(cluster, tools.use.targets.keys())
    lines = history_words(tools.use.history.recent(cluster, limit=NEWEST), tools.names, at=clock)
    title = f"DNS history of {cluster}" if cluster else "DNS history of all clusters"
    tools.messages.alone(asked.origin, tools.views.message("history", title=title, lines=lines))


COMMAND = Command(
    name="history",
    usage="[CLUSTER]",
    purpose="The newest diagnoses, what was proposed, who decided, and how it ended. Shown to you alone.",
    run=run,
)
