"""Diagnose a cluster that a digest tells of: a new diagnosis, reported in the digest's thread."""

from __future__ import annotations

from dataclasses import replace

from bot.asking import known_cluster
from bot.domain.cluster import Question
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Begin it in the thread of the message that holds the button."""
    cluster = known_cluster(pressed.value, tools.use.targets.keys())
    origin = replace(pressed.origin, thread_ts=pressed.origin.thread_ts or pressed.message.ts)
    begin_diagnosis(tools, origin, Question(cluster=cluster), delivery=pressed.delivery)


BUTTON = Button(name="diagnose_cluster", run=run)
