"""`/dns-history [CLUSTER]`: the newest diagnoses with their proposals and outcomes, to the asker alone."""

from __future__ import annotations

from bot.errors import Refused
from bot.slack.asking import nearest, plain_words
from bot.slack.bench import Bench
from bot.slack.history_facts import history_lines
from bot.slack.places import Asked
from bot.slack.units import Command

NEWEST = 10


def run(asked: Asked, bench: Bench) -> None:
    """Show the history."""
    words = plain_words(asked.words)
    cluster = words[0] if words else ""
    clusters = bench.desk.clusters().keys()
    if cluster and cluster not in clusters:
        raise Refused(f"There is no cluster {cluster!r}. {nearest(cluster, clusters, 'cluster')}")
    lines = history_lines(bench.desk.history(cluster, limit=NEWEST), bench.names)
    title = f"DNS history of {cluster}" if cluster else "DNS history of all clusters"
    bench.messages.alone(asked.place, bench.views.message("history", title=title, lines=lines))


COMMAND = Command(
    name="history",
    usage="[CLUSTER]",
    purpose="The newest diagnoses, what was proposed, who decided, and how it ended. Shown to you alone.",
    run=run,
)
