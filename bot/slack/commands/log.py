"""`/dns-log CLUSTER [30m]`: propose CoreDNS's query log for a time; where it is on already, read it."""

from __future__ import annotations

from bot.slack.asking import question_of_measure
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Asked
from bot.slack.tools import SlackTools
from bot.slack.units import Command

NAME = "log"
"""The command that the playbook about the query log names."""


def run(asked: Asked, tools: SlackTools) -> None:
    """Diagnose by the query log: without one, the measure that switches it on is proposed."""
    question = question_of_measure(NAME, asked.words, clusters=tools.use.targets.keys(), example="30m")
    begin_diagnosis(tools, asked.origin, question, delivery=asked.delivery)


COMMAND = Command(
    name=NAME,
    usage="CLUSTER [30m]",
    purpose="Who asks CoreDNS what, by its query log. Where that is off, switching it on for a time is proposed.",
    run=run,
)
