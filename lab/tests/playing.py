"""The whole story over a lab, as `make demo` plays it over the sandbox."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.screen import Screen
from bot.sandbox.story.stage import Stage, stage_on
from bot.sandbox.story.story import Story
from bot.sandbox.world.world import CLUSTER
from lab.running import RunningLab


def play(lab: RunningLab, people: Callable[[Stage], None] | None = None) -> tuple[int, str]:
    """Play it: signed slash command, report, second person's click; return how it ended, and what was shown.

    `people` do what the fix leaves to them.
    """
    screen, folder = io.StringIO(), tempfile.TemporaryDirectory(prefix="dnsbot-story-")
    with folder, stage_on(lab) as stage:
        log = Path(folder.name) / "bot.log"
        with BotProcess(configuration=stage.configuration, environment=stage.http_environment, log=log) as bot:
            stage.slack.deliver_to(bot.url)
            code = Story(
                slack=stage.slack,
                screen=Screen(screen),
                cluster=CLUSTER,
                healthy=not lab.scenario.broken,
                names=lab.scenario.names,
                forward=partial(people, stage) if people else None,
            ).tell()
    return code, screen.getvalue()
