"""Diagnose again: the question of a report once more, or a diagnosis of the cluster of a plan."""

from __future__ import annotations

from bot.domain.cluster import Question
from bot.slack.again import question_again
from bot.slack.button_value import ButtonValue
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.tools import SlackTools
from bot.slack.units import Button


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Begin it where the button stands: of what was asked, or of the playbook that a measure got evidence for."""
    question = question_again(pressed.value, tools.use) or _of_plan(pressed, tools)
    begin_diagnosis(tools, pressed.origin, question, delivery=pressed.delivery)


def _of_plan(pressed: Pressed, tools: SlackTools) -> Question:
    plan = tools.use.history.proposal(ButtonValue.parse(pressed.value).proposal_id).plan
    return Question(cluster=plan.cluster, playbooks=(plan.playbook,) if plan.yields else ())


BUTTON = Button(name="diagnose_again", run=run)
