"""Choose a cluster from the list: a diagnosis of it, where it was asked for."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.asking import known_cluster
from bot.domain.cluster import Question
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button

THREAD = re.compile(r"\d{1,20}\.\d{1,10}")


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Begin it, in the thread that the list was for, if any."""
    cluster, _, thread = pressed.value.partition(" ")
    origin = replace(pressed.origin, thread_ts=thread) if THREAD.fullmatch(thread) else pressed.origin
    question = Question(cluster=known_cluster(cluster, tools.use.targets.keys()))
    begin_diagnosis(tools, origin, question, delivery=pressed.delivery)


BUTTON = Button(name="pick_cluster", run=run)
