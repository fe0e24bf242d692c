"""`/dns-help`: what the bot does and its commands, to the asker alone; clusters and playbooks to those who may ask."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import Refused
from bot.slack.incoming import Asked
from bot.slack.refusals import refusal_words
from bot.slack.tools import SlackTools
from bot.slack.units import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """One command as help shows it."""

    usage: str
    purpose: str


def run(asked: Asked, tools: SlackTools) -> None:
    """Show the help."""
    refused = _refused(asked, tools)
    message = tools.views.message(
        "help",
        commands=tuple(
            CommandHelp(usage=f"/dns-{command.typed} {command.usage}".rstrip(), purpose=command.purpose)
            for command in tools.commands
        ),
        clusters=refused or tuple(sorted(tools.use.targets)) or ("none configured",),
        playbooks=refused or tuple(sorted(tools.use.playbooks)) or ("none loaded",),
        name=tools.bot_name,
    )
    tools.messages.alone(asked.origin, message)


def _refused(asked: Asked, tools: SlackTools) -> tuple[str, ...]:
    """Return why this person is not shown what there is to ask about; empty: shown."""
    try:
        tools.use.door.check(asked.origin.person)
    except Refused as refusal:
        return (f"not shown: {refusal_words(refusal, tools.names)}",)
    return ()


COMMAND = Command(name="help", usage="", purpose="This text.", run=run, for_askers=False)
