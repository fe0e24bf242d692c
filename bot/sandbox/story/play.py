"""`dnsbot sandbox --play`: the whole story without a person, against the real bot as a child process."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack.roster import CLUSTER_CHANNEL
from bot.sandbox.story.bot_process import BotFailed, BotProcess
from bot.sandbox.story.screen import Screen
from bot.sandbox.story.stage import Stage, set_stage
from bot.sandbox.story.story import ADVISED, FIXED, UNEXPECTED, Story, Unexpected
from bot.sandbox.world.scenario import ByFixThenHand
from bot.sandbox.world.world import CLUSTER

INTERRUPTED = 130
WORDS = {
    FIXED: "The story ends well.",
    ADVISED: "The story ends here: this cause has no fix that the bot may apply.",
    UNEXPECTED: "The story went another way than it should have.",
}


def play(world: RunningWorld, *, port: int = 0, out: TextIO | None = None) -> int:
    """Play the story of a world that has not been started yet, and print it.

    Return 0 when the problem was found, fixed and verified (or nothing is wrong and the report says so),
    2 when the cause has no fix and the advice was printed, 1 on anything unexpected.
    """
    screen = Screen(out or sys.stdout)
    screen.step(f"A world is built: {world.scenario.name}, seed {world.seed}")
    log = Path(tempfile.mkdtemp(prefix="dnsbot-play-")) / "dnsbot.log"
    code = UNEXPECTED
    try:
        with _ended_by_sigterm(), set_stage(world) as stage:
            code = _play_on(stage, screen, log, port)
    except (BotFailed, Unexpected) as error:
        screen.step("This was not expected")
        screen.say(str(error))
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    finally:
        _keep_or_remove(log, screen, code)
    screen.step(f"{WORDS[code]} Everything that was started has ended; exit {code}")
    return code


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: end everything in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _play_on(stage: Stage, screen: Screen, log: Path, port: int) -> int:
    scenario = stage.world.scenario
    screen.say(f"{scenario.title}.\n{scenario.story}")
    screen.say(f"Simulated AWS {stage.world.aws_url}, Kubernetes {stage.world.kubernetes_url}, Slack {stage.slack.url}")
    screen.step("The bot starts: `dnsbot run`, a process of its own, with only this configuration")
    screen.say(f"DNSBOT_CONFIG={stage.configuration}")
    screen.say("\n".join(f"{name}={_shown(name, value)}" for name, value in sorted(stage.http_environment.items())))
    bot = BotProcess(configuration=stage.configuration, environment=stage.http_environment, log=log, port=port)
    with bot:
        stage.slack.deliver_to(bot.url)
        screen.say(f"It listens on {bot.url}; Slack delivers there with signed requests.")
        story = Story(
            slack=stage.slack,
            screen=screen,
            cluster=CLUSTER,
            healthy=not scenario.broken,
            names=scenario.names,
            forward=_left_to_people(stage),
        )
        try:
            code = story.tell()
            _check_history(bot, screen, scenario.root_cause)
        except Unexpected as error:
            seen, said = _last_seen(stage), bot.log_tail()
            raise Unexpected(f"{error}\nOn ben's screen last:\n{seen}\nThe bot's log ends:\n{said}") from error
        return code


def _left_to_people(stage: Stage) -> Callable[[], None] | None:
    """Return what a person does after the scenario's fix."""
    healing, world = stage.world.scenario.healed_by, stage.world
    return partial(healing.acts, world.world, world.operator) if isinstance(healing, ByFixThenHand) else None


def _check_history(bot: BotProcess, screen: Screen, root_cause: str) -> None:
    screen.step("The history keeps it all: `dnsbot history cluster-prod`")
    screen.say(bot.command("history", CLUSTER))
    diagnoses = json.loads(bot.command("history", CLUSTER, "--output", "json"))["diagnoses"]
    named = diagnoses[-1]["root_causes"] if diagnoses else ["(nothing recorded)"]
    wanted = [root_cause] if root_cause else []
    if named != wanted:
        raise Unexpected(f"The first diagnosis named {named or 'no cause'}; this world's cause is {wanted or 'none'}.")


def _last_seen(stage: Stage) -> str:
    return stage.slack.person("ben").sees_text(CLUSTER_CHANNEL)[-1500:]


def _shown(name: str, value: str) -> str:
    return "(secret)" if any(word in name for word in ("TOKEN", "SECRET", "KEY")) else value


def _keep_or_remove(log: Path, screen: Screen, code: int) -> None:
    if code == UNEXPECTED and log.exists():
        screen.say(f"The bot's log is kept: {log}")
        return
    log.unlink(missing_ok=True)
    log.parent.rmdir()
