"""`/dns-help`: what the bot does, its commands, clusters and playbooks, to the asker alone."""

from __future__ import annotations

from dataclasses import dataclass

from bot.slack.bench import Bench
from bot.slack.places import Asked
from bot.slack.units import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """One command as help shows it."""

    usage: str
    purpose: str


def run(asked: Asked, bench: Bench) -> None:
    """Show the help."""
    message = bench.views.message(
        "help",
        commands=tuple(
            CommandHelp(usage=f"/dns-{command.name} {command.usage}".rstrip(), purpose=command.purpose)
            for command in bench.commands
        ),
        clusters=tuple(sorted(bench.desk.clusters())) or ("none configured",),
        playbooks=tuple(sorted(bench.desk.playbooks())) or ("none loaded",),
        name=bench.bot_name,
    )
    bench.messages.alone(asked.place, message)


COMMAND = Command(name="help", usage="", purpose="This text.", run=run)
