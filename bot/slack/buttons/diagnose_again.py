"""Diagnose again: a new diagnosis of the cluster of this plan, after a measure or a repair that did not end well."""

from __future__ import annotations

from bot.domain.cluster import Question
from bot.slack.button_value import ButtonValue
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Begin it where the button stands: of everything, or of the playbook that a measure got evidence for."""
    plan = tools.use.history.proposal(ButtonValue.parse(pressed.value).proposal_id).plan
    question = Question(cluster=plan.cluster, playbooks=(plan.playbook,) if plan.yields else ())
    begin_diagnosis(tools, pressed.origin, question, delivery=pressed.delivery)


BUTTON = Button(name="diagnose_again", run=run)
