"""`/dns-diagnose CLUSTER [PLAYBOOK…] [pod=NS/NAME] [name=HOST]`: one diagnosis, reported where it was asked for."""

from __future__ import annotations

from bot.slack.asking import plain_words, question_from
from bot.slack.bench import Bench
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.places import Asked
from bot.slack.units import Command


def run(asked: Asked, bench: Bench) -> None:
    """Ask the question that was typed."""
    question = question_from(
        plain_words(asked.words), clusters=bench.desk.clusters().keys(), playbooks=bench.desk.playbooks().keys()
    )
    begin_diagnosis(bench, asked.place, question, delivery=asked.delivery)


COMMAND = Command(
    name="diagnose",
    usage="CLUSTER [PLAYBOOK…] [pod=NAMESPACE/NAME] [name=HOST]",
    purpose="Find out why names do not resolve in this cluster. Reads only; a fix is proposed for approval.",
    run=run,
)
