"""Details: every check of a diagnosis with its id, its conclusion and its proof, in a form for one person."""

from __future__ import annotations

from bot.errors import Refused
from bot.report.evidence_words import check_details
from bot.slack.button_value import stored_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.limits import Payload
from bot.slack.tools import SlackTools
from bot.slack.units import Button, Form


def run(pressed: Pressed, tools: SlackTools) -> Payload:
    """Return them, as the history has them."""
    diagnosis = stored_diagnosis(pressed.value, tools.use.history)
    if diagnosis is None:
        raise Refused("This diagnosis is not in the history. Its thread has the proof; diagnose again for details.")
    return tools.views.modal(
        "details",
        title=f"{diagnosis.target.name}, dnsbot show {diagnosis.id}",
        diagnosis_id=diagnosis.id,
        checks=check_details(diagnosis),
    )


FORM = Form(what="The details", again="Press Details again.")
BUTTON = Button(name="details", run=run, form=FORM)
