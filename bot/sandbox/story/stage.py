"""The stage of a play: a running world, a local Slack, and the configuration that an operator would be given."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.running.standing_world import StandingWorld
from bot.sandbox.slack import SlackFarEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What stands while the context lasts."""

    world: StandingWorld
    slack: SlackFarEnd
    configuration: Path
    """The dnsbot.yaml."""
    http_environment: Mapping[str, str]
    """What `dnsbot run` needs to serve HTTP."""
    socket_environment: Mapping[str, str]
    """What it needs to connect by Socket Mode instead."""


@contextmanager
def set_stage(world: RunningWorld) -> Iterator[Stage]:
    """Start the world and all but the bot, on loopback and free ports; nothing is left when the context ends."""
    with world, stage_on(world) as stage:
        yield stage


@contextmanager
def stage_on(world: StandingWorld) -> Iterator[Stage]:
    """Add a local Slack and a place for the history to a world that stands."""
    with tempfile.TemporaryDirectory(prefix="dnsbot-history-") as folder, SlackFarEnd() as slack:
        shared = {
            **world.environment,
            "DATABASE_URL": f"sqlite:///{folder}/dnsbot.db",
            "SLACK_API_URL": slack.url,
            "SLACK_BOT_TOKEN": slack.bot_token,
        }
        yield Stage(
            world=world,
            slack=slack,
            configuration=world.directory / "dnsbot.yaml",
            http_environment={**shared, "SLACK_SIGNING_SECRET": slack.signing_secret},
            socket_environment={**shared, "SLACK_APP_TOKEN": slack.app_token},
        )
