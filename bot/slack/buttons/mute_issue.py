"""Mute a known issue: asks in a modal which, why and for how long; nothing is muted before it is sent off."""

from __future__ import annotations

from bot.errors import Refused
from bot.report.digest_words import known_issues
from bot.slack.incoming import Pressed
from bot.slack.limits import Payload
from bot.slack.tools import SlackTools
from bot.slack.units import Button, Form


def run(pressed: Pressed, tools: SlackTools) -> Payload:
    """Return the modal with the issues that are open now."""
    digester = tools.use.digester
    clusters = [name for name in pressed.value.split() if name in tools.use.targets]
    if digester is None or not clusters:
        raise Refused("This button belongs to no digest of this bot.")
    issues = known_issues(digester.open_problems(clusters))
    if not issues:
        raise Refused("There is nothing open to mute any more.")
    value = f"mute digest {pressed.message.channel} {pressed.message.ts}"
    return tools.views.modal("mute", value=value, issues=issues)


FORM = Form(what="The form", again="Press Mute again.")
BUTTON = Button(name="mute_issue", run=run, form=FORM)
