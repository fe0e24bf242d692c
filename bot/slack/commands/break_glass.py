"""`/dns-break-glass CLUSTER REASON`: approve plans for a cluster alone, for a short time; everybody is told."""

from __future__ import annotations

from bot.asking import known_cluster
from bot.domain.cluster import Question
from bot.domain.outbox import GLASS, Note, glass_key
from bot.domain.phrases import known
from bot.errors import Refused
from bot.slack.asking import plain_words
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Asked
from bot.slack.tools import SlackTools
from bot.slack.units import Command


def run(asked: Asked, tools: SlackTools) -> None:
    """Write it down, tell everybody who may approve, and diagnose."""
    words, clusters = plain_words(asked.words), tools.use.targets.keys()
    if not words:
        example = f"/dns-break-glass {next(iter(clusters), 'CLUSTER')} CoreDNS is down and nobody answers"
        raise Refused(f"Which cluster, and why? For example: {example}. {known(clusters, 'cluster')}")
    cluster = known_cluster(words[0], clusters)
    glass = tools.use.gate.break_glass(asked.origin.person, cluster, " ".join(words[1:]))
    policy = tools.use.gate.glass_policy(cluster)
    channels = (tools.use.targets[cluster].channel or asked.origin.channel, policy.channel if policy else "")
    about = {"number": str(glass.number)}
    tools.say(
        *(
            Note(key=glass_key(glass.number, channel), channel=channel, kind=GLASS, about=about)
            for channel in dict.fromkeys(filter(None, channels))
        )
    )
    begin_diagnosis(tools, asked.origin, Question(cluster=cluster), delivery=asked.delivery)


COMMAND = Command(
    name="break_glass",
    usage="CLUSTER REASON",
    purpose="In an emergency: approve plans for this cluster alone for a short time, outside of change windows, too. "
    "All who may approve are told, and one of them must review it afterwards.",
    run=run,
)
