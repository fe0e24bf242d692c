"""`/dns-diagnose CLUSTER [PLAYBOOK…] [pod=NS/NAME] [name=HOST]`: one diagnosis, reported where it was asked for."""

from __future__ import annotations

from bot.domain.cluster import DIAGNOSE
from bot.slack.asking import plain_words, question_from
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Asked
from bot.slack.picking import offer_clusters
from bot.slack.tools import SlackTools
from bot.slack.units import Command


def run(asked: Asked, tools: SlackTools) -> None:
    """Ask the question that was typed; without a word, let the cluster be chosen."""
    words = plain_words(asked.words)
    if not words:
        offer_clusters(tools, asked.origin)
        return
    question = question_from(
        DIAGNOSE,
        words,
        clusters=tools.use.targets.keys(),
        playbooks=tools.use.playbooks.keys(),
    )
    begin_diagnosis(tools, asked.origin, question, delivery=asked.delivery)


COMMAND = Command(
    name=DIAGNOSE,
    usage="CLUSTER [PLAYBOOK…] [pod=NAMESPACE/NAME] [name=HOST]",
    purpose="Find out why names do not resolve in this cluster. Reads only; a fix is proposed for approval.",
    run=run,
)
