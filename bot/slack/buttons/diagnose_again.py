"""Diagnose again: a new diagnosis of the cluster of this plan, after a repair that did not end well."""

from __future__ import annotations

from bot.domain.cluster import Question
from bot.slack.bench import Bench
from bot.slack.button_value import ButtonValue
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.places import Pressed
from bot.slack.units import Button


def run(pressed: Pressed, bench: Bench) -> None:
    """Begin the diagnosis where the button stands."""
    proposal = bench.desk.proposal(ButtonValue.parse(pressed.value).proposal_id)
    begin_diagnosis(bench, pressed.place, Question(cluster=proposal.plan.cluster), delivery=pressed.delivery)


BUTTON = Button(name="diagnose_again", run=run)
