"""A real run, with a real bot before the local Slack: what its people see, message by message."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import Seen, as_text
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.stage import set_stage
from bot.sandbox.world.world import CLUSTER

WAIT_SECONDS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The messages of one story, each as it stood."""

    report: Seen
    thread: tuple[Seen, ...]
    card: Seen
    refusal: Seen
    outcome: Seen
    digest: Seen

    @property
    def screens(self) -> dict[str, tuple[Seen, ...]]:
        """What is drawn, by the picture's name."""
        return {
            "report": (self.report,),
            "thread": self.thread[:2],
            "card": (self.card,),
            "refusal": (self.refusal,),
            "outcome": (self.outcome,),
            "digest": (self.digest,),
        }


def run(scenario: str = "security-group", seed: int = 1) -> Shown:
    """Let ana ask and be refused, ben approve, and ana ask for the digest; return what was seen."""
    with tempfile.TemporaryDirectory(prefix="dnsbot-face-") as folder:
        log = Path(folder) / "dnsbot.log"
        with set_stage(RunningWorld(scenario=scenario, seed=seed, nodes=3)) as stage:
            bot = BotProcess(configuration=stage.configuration, environment=stage.http_environment, log=log)
            with bot:
                stage.slack.deliver_to(bot.url)
                ana, ben = stage.slack.person("ana"), stage.slack.person("ben")

                def wait(fits: Callable[[Seen], bool]) -> Seen:
                    return ana.wait_for(fits, timeout_seconds=WAIT_SECONDS)

                ana.types(f"/dns-diagnose {CLUSTER}")
                report = wait(reading.is_report)
                card = wait(reading.can_be_approved)
                wait(lambda m: m.thread_ts == report.ts and "[ Record ]" in as_text(m))
                thread = tuple(message for message in ana.sees() if message.thread_ts == report.ts)
                ana.clicks(card, "approve")
                refusal = wait(lambda m: bool(m.only_visible_to))
                ben.clicks(card, "approve")
                outcome = wait(lambda m: m.ts == card.ts and bool(reading.outcome(m)))
                known = {message.ts for message in ana.sees()}
                ana.types("/dns-digest now")
                digest = wait(lambda m: m.ts not in known and any(one["type"] == "table" for one in m.blocks))
    return Shown(report=report, thread=thread, card=card, refusal=refusal, outcome=outcome, digest=digest)
