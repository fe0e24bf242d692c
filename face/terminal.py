"""The README's picture of a terminal: what `dnsbot diagnose` printed in a real run, drawn by rich as SVG."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.stage import set_stage
from bot.sandbox.world.world import CLUSTER

COLUMNS = 100
"""At GitHub's width a character is some 8 px wide then."""
COMMAND = ("diagnose", CLUSTER, "security-groups", "lookups")
PROBLEM = 2
"""The exit code where a problem was found."""
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
)
"""Nothing is loaded from elsewhere: the reader's own font will do."""


def printed(scenario: str = "security-group", seed: int = 1) -> str:
    """Return what a terminal of `COLUMNS` columns gets of a diagnosis, with its colours."""
    with (
        tempfile.TemporaryDirectory(prefix="dnsbot-face-") as folder,
        set_stage(RunningWorld(scenario=scenario, seed=seed, nodes=3)) as stage,
    ):
        environment = {**stage.http_environment, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
        log = Path(folder) / "dnsbot.log"
        bot = BotProcess(configuration=stage.configuration, environment=environment, log=log)
        return bot.command(*COMMAND, ends_with=PROBLEM)


def svg(ansi: str) -> str:
    """Return the picture of a terminal that shows this."""
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(ansi))
        return console.export_svg(title=f"dnsbot {' '.join(COMMAND)}", code_format=FORMAT, unique_id="report")
