"""`/dns-log CLUSTER [30m]`: propose CoreDNS's query log for a time; where it is on already, read it."""

from __future__ import annotations

from bot.asking import known_cluster, lasting
from bot.domain.cluster import Question
from bot.domain.phrases import known
from bot.errors import Refused
from bot.slack.asking import plain_words
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Asked
from bot.slack.tools import SlackTools
from bot.slack.units import Command

NAME = "log"
"""The command that the playbook about the query log names."""


def run(asked: Asked, tools: SlackTools) -> None:
    """Diagnose by the query log: without one, the measure that switches it on is proposed."""
    words, clusters = plain_words(asked.words), tools.use.targets.keys()
    if not words or len(words) > 2:  # noqa: PLR2004  # CLUSTER and a duration
        example = f"/dns-{NAME} {next(iter(clusters), 'CLUSTER')} 30m"
        raise Refused(f"Which cluster, and for how long? For example: {example}. {known(clusters, 'cluster')}")
    question = Question(
        cluster=known_cluster(words[0], clusters),
        command=NAME,
        lasting_seconds=lasting(words[1]) if len(words) > 1 else 0,
    )
    begin_diagnosis(tools, asked.origin, question, delivery=asked.delivery)


COMMAND = Command(
    name=NAME,
    usage="CLUSTER [30m]",
    purpose="Who asks CoreDNS what, by its query log. Where that is off, switching it on for a time is proposed.",
    run=run,
)
