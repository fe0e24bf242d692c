"""Commands: the whole plan in a form for one person: each command, difference and undo, never shortened."""

from __future__ import annotations

from bot.errors import Refused, UnitError
from bot.slack.button_value import ButtonValue
from bot.slack.cards import plan_facts, whole_plan
from bot.slack.incoming import Pressed
from bot.slack.limits import Payload
from bot.slack.tools import SlackTools
from bot.slack.units import Button, Form


def run(pressed: Pressed, tools: SlackTools) -> Payload:
    """Return it as the plan stands now."""
    story = tools.use.history.story(ButtonValue.parse(pressed.value).proposal_id)
    try:
        return whole_plan(tools, plan_facts(tools, story))
    except UnitError as error:
        raise Refused("This plan is too long for a form: every step is in the thread of its card.") from error


FORM = Form(what="The plan", again="Press the button again.")
BUTTON = Button(name="commands", run=run, form=FORM)
