"""A real run, with a real bot before the local Slack: what its people see, message by message."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import Seen, SlackFarEnd, Typist, as_text
from bot.sandbox.story import report_reading as reading
from bot.sandbox.story.bot_process import BotProcess
from bot.sandbox.story.stage import set_stage
from bot.sandbox.world.crawler import crawler
from bot.sandbox.world.world import CLUSTER

WAIT_SECONDS = 240.0
_INCIDENT = re.compile(r"\b[0-9a-f]{32}\b")
"""A diagnosis or a plan."""


_ASKED_A_SECOND, _BETWEEN_SECONDS = 40, 10.0
ROUNDS = 4
"""Digests that are asked for: a line needs two looks after the first, which goes back to the pods' start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPicture:
    """What stands in a digest's thread."""

    title: str
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The messages of one story, each as it stood."""

    report: Seen
    thread: tuple[Seen, ...]
    card: Seen
    refusal: Seen
    outcome: Seen
    digest: Seen
    home: Seen
    """The app's Home tab."""
    history: Seen
    timeline: Seen

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
            "home": (self.home,),
            "history": (self.history,),
            "timeline": (self.timeline,),
        }


def run(scenario: str = "security-group", seed: int = 1) -> Shown:
    """Let ana ask and be refused, ben approve, and ana ask for digests, history and Home; return what was seen."""
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
                digest = _asked(ana, "/dns-digest now", wait, _has_table)
                history = _asked(ana, "/dns-history", wait, lambda m: "DNS history" in as_text(m))
                named = f"/dns-history incident={_INCIDENT.findall(as_text(history))[-1]}"
                timeline = _asked(ana, named, wait, lambda m: "Incident of" in as_text(m))
                home = _home(stage.slack, ana)
    return Shown(
        report=report,
        thread=thread,
        card=card,
        refusal=refusal,
        outcome=outcome,
        digest=digest,
        home=home,
        history=history,
        timeline=timeline,
    )


def _asked(
    who: Typist, words: str, wait: Callable[[Callable[[Seen], bool]], Seen], fits: Callable[[Seen], bool]
) -> Seen:
    """Let somebody type something, and return the new message that fits."""
    known = {message.ts for message in who.sees()}
    who.types(words)
    return wait(lambda m: m.ts not in known and fits(m))


def _has_table(message: Seen) -> bool:
    return any(block["type"] == "table" for block in message.blocks)


def shared_picture() -> SharedPicture:
    """Let an application ask all the time and ana ask for digests; return the picture in the last one's thread."""
    with tempfile.TemporaryDirectory(prefix="dnsbot-face-") as folder:
        world = RunningWorld(scenario="healthy", seed=1, nodes=3)
        with set_stage(world) as stage:
            world.operator.apply(*crawler(queries_per_second=_ASKED_A_SECOND))
            log = Path(folder) / "dnsbot.log"
            with BotProcess(configuration=stage.configuration, environment=stage.http_environment, log=log) as bot:
                stage.slack.deliver_to(bot.url)
                ana = stage.slack.person("ana")

                def wait(fits: Callable[[Seen], bool]) -> Seen:
                    return ana.wait_for(fits, timeout_seconds=WAIT_SECONDS)

                for _ in range(ROUNDS):
                    time.sleep(_BETWEEN_SECONDS)
                    digest = _asked(ana, "/dns-digest now", wait, _has_table)
                return _picture(stage.slack, digest)


def _picture(slack: SlackFarEnd, digest: Seen) -> SharedPicture:
    """Return the picture in the thread of a digest."""

    def shared() -> list[SharedPicture]:
        found = [one for message in slack.messages(digest.channel) if message.thread_ts == digest.ts
                 for one in message.files]  # fmt: skip
        return [SharedPicture(title=one.title, png=one.content) for one in found if one.content]

    if not slack.wait_until(lambda: bool(shared()), WAIT_SECONDS):
        raise TimeoutError(f"no picture came into the digest's thread within {WAIT_SECONDS:g} s")
    return shared()[0]


def _home(slack: SlackFarEnd, who: Typist) -> Seen:
    """Return the Home tab as if its blocks were a message's."""
    who.opens_home()

    def published() -> bool:
        try:
            return bool(who.home())
        except LookupError:
            return False

    slack.wait_until(published, WAIT_SECONDS)
    return replace(who.sees()[-1], blocks=tuple(who.home().view["blocks"]), only_visible_to="")
