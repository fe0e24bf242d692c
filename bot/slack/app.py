"""The Bolt app: listeners that hand over and acknowledge, the same in Socket Mode and HTTP mode."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult

import bot.slack.buttons
import bot.slack.commands
import bot.slack.views
from bot.domain.jobs import Jobs, Lane
from bot.errors import DnsBotError, Refused
from bot.slack import deciding
from bot.slack.asking import nearest, plain_words
from bot.slack.bench import Bench, Cards
from bot.slack.card_facts import Names
from bot.slack.connection import SlackConnection, SlackSettings
from bot.slack.deliveries import Deliveries
from bot.slack.directory import SlackNames
from bot.slack.messages import Messages
from bot.slack.pace import Pace
from bot.slack.places import (
    Asked,
    Place,
    asked_by_command,
    asked_by_mention,
    fields_of,
    pressed_button,
    submitted_modal,
)
from bot.slack.render import Views
from bot.slack.units import Button, Command, Modal, units
from bot.workflow.desk import Desk

log = logging.getLogger(__name__)

ACK_THREADS = 16
"""For listeners, which only queue and acknowledge. Apart from all work, so that work cannot starve them."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackBot:
    """The app with what the composition root calls."""

    bolt: App
    bench: Bench
    acks: ThreadPoolExecutor

    def expire(self) -> None:
        """Say on their cards which proposals have run out of time. For the clock, every minute."""
        deciding.show_expired(self.bench)

    def interrupted(self) -> None:
        """Say on their cards which repairs a former process left running. Once, at start-up."""
        deciding.show_interrupted(self.bench)

    def stop(self) -> None:
        """End the acknowledging threads."""
        self.acks.shutdown(wait=True, cancel_futures=True)


def build_app(
    settings: SlackSettings,
    *,
    connection: SlackConnection,
    desk: Desk,
    jobs: Jobs,
    templates: Path,
    names: Names | None = None,
    pace: Pace | None = None,
) -> SlackBot:
    """Return the app with all commands, buttons and modals of their folders.

    Raises `ConfigurationError` for missing or blank secrets and `UnitError` for a malformed unit, before
    anything is started.
    """
    settings.check()
    commands = units(bot.slack.commands, "COMMAND", Command)
    bench = Bench(
        desk=desk,
        jobs=jobs,
        messages=Messages(connection),
        views=Views(templates),
        names=names or SlackNames(connection.safe),
        pace=pace or Pace(),
        deliveries=Deliveries(desk.once),
        cards=Cards(),
        commands=commands,
        bot_name="dnsbot",
    )
    acks = ThreadPoolExecutor(max_workers=ACK_THREADS, thread_name_prefix="slack-ack")
    who = AuthorizeResult(
        enterprise_id=None,
        team_id=connection.team_id,
        bot_user_id=connection.bot_user_id,
        bot_id=connection.bot_id,
        bot_token=(settings.bot_token or "").strip(),
    )
    app = App(
        client=connection.safe,
        signing_secret=settings.signing_secret or "",
        authorize=lambda: who,
        listener_executor=acks,
        logger=_bolt_log(),
    )
    for command in commands:
        _listen_for_command(app, bench, command)
    for button in units(bot.slack.buttons, "BUTTON", Button):
        _listen_for_button(app, bench, button)
    for modal in units(bot.slack.views, "VIEW", Modal):
        _listen_for_modal(app, bench, modal)
    _listen_for_mentions(app, bench)
    app.error(_failed)
    return SlackBot(bolt=app, bench=bench, acks=acks)


def _listen_for_command(app: App, bench: Bench, command: Command) -> None:
    def listen(ack: Ack, body: Body) -> None:
        asked = asked_by_command(body)
        _hand_over(bench, asked.place, asked.delivery, lambda: command.run(asked, bench), without_history=True)
        ack()

    app.command(f"/dns-{command.name}")(listen)


def _listen_for_button(app: App, bench: Bench, button: Button) -> None:
    def listen(ack: Ack, body: Body) -> None:
        pressed = pressed_button(body)
        _hand_over(bench, pressed.place, pressed.delivery, lambda: button.run(pressed, bench), without_history=False)
        ack()

    app.action(button.name)(listen)


def _listen_for_modal(app: App, bench: Bench, modal: Modal) -> None:
    def listen(ack: Ack, body: Body) -> None:
        complaints = modal.check(fields_of(body.get("view") or {}))
        if complaints:
            ack(response_action="errors", errors=_by_block(body, complaints))
            return
        sent = submitted_modal(body)
        _hand_over(bench, sent.place, sent.delivery, lambda: modal.run(sent, bench), without_history=False)
        ack()

    app.view(modal.name)(listen)


def _listen_for_mentions(app: App, bench: Bench) -> None:
    by_name = {command.name: command for command in bench.commands}

    def listen(body: Body) -> None:
        event = body.get("event") or {}
        if event.get("bot_id") or not event.get("user"):
            return
        asked = asked_by_mention(body)
        _hand_over(
            bench, asked.place, asked.delivery, lambda: _run_mention(bench, by_name, asked), without_history=True
        )

    app.event("app_mention")(listen)


def _run_mention(bench: Bench, by_name: Mapping[str, Command], asked: Asked) -> None:
    """Run the command that the first word after the mention names; the mention alone asks for help."""
    words = plain_words(asked.words) or ["help"]
    command = by_name.get(words[0].lower())
    if command is None:
        raise Refused(f"{words[0]!r} is no command. {nearest(words[0].lower(), by_name, 'command')}")
    command.run(replace(asked, words=" ".join(words[1:])), bench)


def _hand_over(bench: Bench, place: Place, delivery: str, work: Callable[[], None], *, without_history: bool) -> None:
    """Queue the work of one delivery; a retry of it, now or later, does nothing.

    Comes before the acknowledgement, and takes no time: what is acknowledged is queued.
    """

    def serve() -> None:
        said = False
        try:
            if bench.deliveries.first(delivery, without_history=without_history):
                work()
            said = True
        except DnsBotError as error:
            said = True
            log.info("refused", extra={"person": str(place.person), "reason": str(error)})
            bench.tell(place, str(error))
        finally:
            if not said:
                bench.tell(
                    place, "The bot failed by a fault of its own; its log has the details. See /dns-history first."
                )

    if not bench.jobs.submit(Lane.QUICK, delivery, serve):
        log.info("delivery dropped: the same one is being served, or the bot is stopping", extra={"delivery": delivery})


def _by_block(body: Body, complaints: Mapping[str, str]) -> dict[str, str]:
    """Return complaints by block_id, as Slack wants them."""
    values = ((body.get("view") or {}).get("state") or {}).get("values") or {}
    return {
        block_id: complaints[action_id]
        for block_id, block in values.items()
        for action_id in block
        if action_id in complaints
    }


def _bolt_log() -> logging.Logger:
    """Return Bolt's logger: errors alone, since its warnings print whole requests."""
    logger = logging.getLogger("bot.slack.bolt")
    logger.setLevel(logging.ERROR)
    return logger


def _failed(error: Exception) -> None:
    """Log what a listener raised, without the request: its body may hold what people typed."""
    log.error("a listener failed", exc_info=error)
