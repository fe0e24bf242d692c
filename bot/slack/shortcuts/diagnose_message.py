"""Diagnose DNS, from the menu of any message: of the cluster that the message names, reported in its thread."""

from __future__ import annotations

import re

from bot.domain.cluster import Question
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.picking import offer_clusters
from bot.slack.tools import SlackTools
from bot.slack.units import Shortcut

MOST_CHARACTERS = 4_000
"""Of the message that are read."""


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Begin at once where one cluster is meant; else let whoever asks choose one."""
    known = tuple(tools.use.targets)
    words = set(re.findall(r"[\w.-]+", pressed.value[:MOST_CHARACTERS]))
    meant = [cluster for cluster in known if cluster in words] or list(known)
    if len(meant) != 1:
        offer_clusters(tools, pressed.origin)
        return
    begin_diagnosis(tools, pressed.origin, Question(cluster=meant[0]), delivery=pressed.delivery)


SHORTCUT = Shortcut(name="diagnose_message", run=run)
