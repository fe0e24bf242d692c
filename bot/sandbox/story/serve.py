"""`dnsbot sandbox --serve`: keep a world and a local Slack up, and print how to use them."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from types import FrameType
from typing import TextIO

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack.control import PersonControl
from bot.sandbox.story.stage import Stage, set_stage


def serve(world: RunningWorld, *, port: int = 0, out: TextIO | None = None) -> int:
    """Start a world and serve it until Ctrl-C or SIGTERM.

    `port` is where the bot under play would listen in HTTP mode; 0: Socket Mode.
    Lines that begin with `export` are for a shell; all others begin with `#`.
    """
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    former = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with set_stage(world) as stage:
            if port:
                stage.slack.deliver_to(f"http://127.0.0.1:{port}/slack/events")
            with PersonControl(stage.slack) as control:
                _print(stage, control, out or sys.stdout, port)
                told.wait()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    return 0


def _print(stage: Stage, control: PersonControl, out: TextIO, port: int) -> None:
    scenario = stage.world.scenario
    environment = stage.http_environment if port else stage.socket_environment
    asked = "".join(f" --name {name}" for name in scenario.names)
    start = f"dnsbot run --port {port}" if port else "dnsbot run"
    lines = [
        f"# {scenario.name}: {scenario.title}",
        f"# {scenario.story}",
        f"# Configuration: {stage.configuration}",
        "# Environment, for another shell:",
        f"export DNSBOT_CONFIG={shlex.quote(str(stage.configuration))}",
        *(f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())),
        f"# Then: dnsbot diagnose cluster-prod{asked}    or: {start}",
        "# With the bot running, people (ana asks, ben and chloe may approve) act so:",
        *(f"#   {line}" for line in control.examples()),
        "# Ready. Ctrl-C ends it.",
    ]
    out.write("\n".join(lines) + "\n")
    out.flush()
