"""`/dns-capture CLUSTER [60s]`: propose a capture of DNS packets on the nodes of a client and of CoreDNS pods."""

from __future__ import annotations

from functools import partial

from bot.asking import lasting
from bot.slack.asking import question_of_measure
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Asked
from bot.slack.tools import SlackTools
from bot.slack.units import Command

NAME = "capture"
"""The command that the playbook about packets names."""
SHORTEST_SECONDS, LONGEST_SECONDS = 20, 60
"""Lookups take some seconds to be asked again; a capture is bounded to a minute."""


def run(asked: Asked, tools: SlackTools) -> None:
    """Diagnose by packets: while none are captured, the measure that does so is proposed."""
    question = question_of_measure(
        NAME,
        asked.words,
        clusters=tools.use.targets.keys(),
        example="60s",
        lasts=partial(lasting, shortest=SHORTEST_SECONDS, longest=LONGEST_SECONDS),
    )
    begin_diagnosis(tools, asked.origin, question, delivery=asked.delivery)


COMMAND = Command(
    name=NAME,
    usage="CLUSTER [60s]",
    purpose=(
        "Where DNS packets are lost. Capturing them for a minute at most is proposed; names in them may be "
        "private, and the files are posted in the thread."
    ),
    run=run,
)
