"""The Bolt app: listeners that hand over and acknowledge, the same in Socket Mode and HTTP mode."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse

import bot.slack.buttons
import bot.slack.commands
import bot.slack.jobs
import bot.slack.notes
import bot.slack.shortcuts
import bot.slack.views
from bot.domain.jobs import Jobs, Lane
from bot.domain.phrases import nearest
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.slack.asking import after_mention, plain_words
from bot.slack.connection import SlackConnection, SlackSettings
from bot.slack.digests import send_due_digests
from bot.slack.directory import SlackNames
from bot.slack.home import Homes, home_opened, renew_homes
from bot.slack.incoming import (
    Asked,
    Origin,
    Pressed,
    asked_by_command,
    asked_by_mention,
    chosen_shortcut,
    fields_of,
    pressed_button,
    submitted_modal,
)
from bot.slack.limits import Payload
from bot.slack.messages import Messages
from bot.slack.metrics import Metrics
from bot.slack.post_rate import PostRate
from bot.slack.refusals import refusal_words
from bot.slack.render import Views
from bot.slack.running import RunningDiagnoses
from bot.slack.seen_once import SeenOnce
from bot.slack.tools import OWN_FAULT, SlackTools
from bot.slack.units import Button, Command, Form, JobKind, Modal, NoteKind, Shortcut, units
from bot.slack.unsettled import Unsettled
from bot.slack.update_rate import UpdateRate
from bot.slack.watching import watch_clusters
from bot.workflow.use_cases import UseCases

log = logging.getLogger(__name__)

ACK_THREADS = 16
"""For listeners, which only queue and acknowledge. Apart from all work, so that work cannot starve them."""

POLITE_WORDS = 4
"""Words of a mention among which a command is looked for: `please can you diagnose`."""
NO_ID = "Slack delivered this without an id, so nobody can tell whether it was served before. Nothing was done."

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackBot:
    """The app with what the composition root calls."""

    bolt: App
    tools: SlackTools
    acks: ThreadPoolExecutor

    def expire(self) -> None:
        """Mark proposals that have run out of time; their cards are due then. For the clock, every minute."""
        for proposal in self.tools.use.history.expire():
            self.tools.metrics.ended(proposal.state)

    def look_for_work(self) -> None:
        """Queue what is due: approved plans that nobody has begun, repairs that nobody runs any more, unsent messages.

        For the clock, every few seconds, and at the start: whatever a former process left is among it.
        """
        history = self.tools.use.history
        try:
            history.keep_promises(self.tools.owner)
            self.tools.unsettled.hand_over(history.settle)
            due = history.due()
        except HistoryUnavailable as error:
            log.warning("the history is not available; diagnoses go on unrecorded", extra={"reason": str(error)})
            return
        for job in due:
            self.tools.enqueue(job)

    def send_digests(self) -> None:
        """Queue the digests that are due. For the clock, every half minute."""
        send_due_digests(self.tools)

    def watch_clusters(self) -> None:
        """Queue the looks at watched clusters that are due. For the clock, several times a minute."""
        watch_clusters(self.tools)

    def renew_homes(self) -> None:
        """Renew the home pages that somebody opened lately. For the clock."""
        renew_homes(self.tools)

    def stop(self) -> None:
        """End the acknowledging threads."""
        self.acks.shutdown(wait=True, cancel_futures=True)


def build_app(
    settings: SlackSettings,
    *,
    connection: SlackConnection,
    use: UseCases,
    jobs: Jobs,
    templates: Path,
    owner: str,
    update_rate: UpdateRate | None = None,
    post_rate: PostRate | None = None,
) -> SlackBot:
    """Return the app with all commands, buttons and modals of their folders.

    `owner` names this process among all that work on the database. Raises `ConfigurationError` for missing or blank
    secrets and `UnitError` for a malformed unit, before anything is started.
    """
    settings.check()
    commands = units(bot.slack.commands, "COMMAND", Command)
    tools = SlackTools(
        use=use,
        jobs=jobs,
        messages=Messages(connection),
        views=Views(templates),
        names=SlackNames(connection.safe),
        update_rate=update_rate or UpdateRate(),
        seen_once=SeenOnce(use.history.once, use.history.seen),
        commands=commands,
        job_kinds={kind.name: kind for kind in units(bot.slack.jobs, "JOB", JobKind)},
        running=RunningDiagnoses(use.door.policy),
        note_kinds={kind.name: kind for kind in units(bot.slack.notes, "NOTE", NoteKind)},
        post_rate=post_rate or PostRate(),
        unsettled=Unsettled(),
        homes=Homes(),
        awaited={},
        metrics=Metrics(),
        owner=owner,
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
        raise_error_for_unhandled_request=True,
    )
    for command in commands:
        _listen_for_command(app, tools, command)
    for button in units(bot.slack.buttons, "BUTTON", Button):
        _listen_for_button(app, tools, button)
    for shortcut in units(bot.slack.shortcuts, "SHORTCUT", Shortcut):
        _listen_for_shortcut(app, tools, shortcut)
    for modal in units(bot.slack.views, "VIEW", Modal):
        _listen_for_modal(app, tools, modal)
    _listen_for_what_is_written(app, tools)
    _listen_for_homes(app, tools)
    app.error(_failed)
    return SlackBot(bolt=app, tools=tools, acks=acks)


def _listen_for_command(app: App, tools: SlackTools, command: Command) -> None:
    def listen(ack: Ack, body: Body) -> None:
        asked = asked_by_command(body)
        _hand_over(tools, asked.origin, asked.delivery, lambda: _run_command(tools, command, asked))
        ack()

    app.command(f"/dns-{command.typed}")(listen)


def _listen_for_button(app: App, tools: SlackTools, button: Button) -> None:
    def listen(ack: Ack, body: Body) -> None:
        pressed = pressed_button(body)
        _hand_over(tools, pressed.origin, pressed.delivery, lambda: _run_button(tools, button, pressed), decides=True)
        ack()

    # several of a kind in one message bear numbers: `diagnose_cluster.2`
    app.action(re.compile(rf"{button.name}(?:\.\d+)?"))(listen)


def _listen_for_shortcut(app: App, tools: SlackTools, shortcut: Shortcut) -> None:
    def listen(ack: Ack, body: Body) -> None:
        chosen = chosen_shortcut(body)

        def work() -> None:
            tools.use.door.check(chosen.origin.person)
            shortcut.run(chosen, tools)

        _hand_over(tools, chosen.origin, chosen.delivery, work)
        ack()

    app.shortcut({"type": "message_action", "callback_id": shortcut.name})(listen)


def _listen_for_modal(app: App, tools: SlackTools, modal: Modal) -> None:
    def listen(ack: Ack, body: Body) -> None:
        complaints = modal.check(fields_of(body.get("view") or {}))
        if complaints:
            errors = _by_block(body, complaints)
            if errors:
                ack(response_action="errors", errors=errors)
            else:  # the form has no such field, so nothing can be said beside one
                log.warning("a form without its fields is not taken", extra={"form": modal.name})
                ack()
            return
        sent = submitted_modal(body)
        _hand_over(tools, sent.origin, sent.delivery, lambda: modal.run(sent, tools), decides=True)
        ack()

    app.view(modal.name)(listen)


def _listen_for_what_is_written(app: App, tools: SlackTools) -> None:
    """Serve mentions, and what is written to the bot alone: it is answered as a mention is."""
    by_typed = {command.typed: command for command in tools.commands}

    def mentioned(body: Body) -> None:
        event = body.get("event") or {}
        if event.get("bot_id") or event.get("subtype") or not event.get("user"):
            return
        asked = asked_by_mention(body)
        _hand_over(tools, asked.origin, asked.delivery, lambda: _run_mention(tools, by_typed, asked))

    def written(body: Body) -> None:
        if (body.get("event") or {}).get("channel_type") == "im":
            mentioned(body)

    app.event("app_mention")(mentioned)
    app.event("message")(written)


def _listen_for_homes(app: App, tools: SlackTools) -> None:
    def listen(body: Body) -> None:
        home_opened(tools, body)

    app.event("app_home_opened")(listen)


def _run_mention(tools: SlackTools, by_typed: Mapping[str, Command], asked: Asked) -> None:
    """Run the command that is named in a mention; the mention alone asks for help.

    People write to a bot as to each other: what stands before the mention, and a few words before the command, count
    for nothing. What is no command at all is complained about by the first word.
    """
    words = plain_words(after_mention(asked.words)) or plain_words(asked.words) or ["help"]
    at = next((at for at, word in enumerate(words[:POLITE_WORDS]) if word.lower() in by_typed), None)
    if at is None:
        raise Refused(f"{words[0]!r} is not a command. {nearest(words[0].lower(), by_typed, 'command')}")
    _run_command(tools, by_typed[words[at].lower()], replace(asked, words=" ".join(words[at + 1 :])))


def _run_command(tools: SlackTools, command: Command, asked: Asked) -> None:
    """Run the command for somebody who may; before the words are read, since a complaint about them names clusters."""

    def run() -> Payload | None:
        if command.for_askers:
            tools.use.door.check(asked.origin.person)
        return command.run(asked, tools)

    _run(tools, asked.trigger_id, command.opens(asked), run)


def _run_button(tools: SlackTools, button: Button, pressed: Pressed) -> None:
    def run() -> Payload | None:
        if button.for_askers:
            tools.use.door.check(pressed.origin.person)
        return button.run(pressed, tools)

    _run(tools, pressed.trigger_id, button.form, run)


def _run(tools: SlackTools, trigger_id: str, form: Form | None, run: Callable[[], Payload | None]) -> None:
    if form is None:
        run()
    else:
        tools.open_form(trigger_id, form, run)


def _hand_over(
    tools: SlackTools, origin: Origin, delivery: str, work: Callable[[], None], *, decides: bool = False
) -> None:
    """Queue the work of one delivery; a retry of it, now or later, does nothing. One without an id is not served.

    Comes before the acknowledgement, and takes no time: what is acknowledged is queued. What `decides` needs the
    history, and why it is not taken is kept until the person is told.
    """
    refuse = partial(tools.refuse, origin, delivery) if decides else partial(tools.tell, origin)

    def serve() -> None:
        said = False
        try:
            if tools.seen_once.first(delivery, without_history=not decides):
                work()
            said = True
        except DnsBotError as error:
            said = True
            log.info("refused", extra={"person": str(origin.person), "reason": str(error)})
            refuse(refusal_words(error, tools.names))
        finally:
            if not said:
                refuse(f"{OWN_FAULT} See /dns-history first.")

    if delivery.endswith(":"):
        _refuse_nameless(tools, origin, delivery)
    elif not tools.jobs.submit(Lane.QUICK, delivery, serve):
        log.info("delivery dropped: the same one is being served, or the bot is stopping", extra={"delivery": delivery})


def _refuse_nameless(tools: SlackTools, origin: Origin, delivery: str) -> None:
    """Refuse what Slack gave no id: all of these would be one delivery, and served once for all."""
    log.warning("a delivery without an id is refused", extra={"delivery": delivery})
    tools.jobs.submit(Lane.QUICK, f"{delivery}{uuid4().hex}", lambda: tools.tell(origin, NO_ID))


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


def _failed(error: Exception, body: Body) -> BoltResponse | None:
    """Log what a listener raised, without the request: its body may hold what people typed.

    What nobody listens for is acknowledged: Slack switches subscriptions off where too few deliveries are.
    """
    if not isinstance(error, BoltUnhandledRequestError):
        log.error("a listener failed", exc_info=error)
        return None
    log.info("delivery without a listener", extra={"type": _kind_of(body)})
    said = "" if "command" not in body else "This bot has no such command. See /dns-help."
    return BoltResponse(status=200, body=said)


def _kind_of(body: Body) -> str:
    """Return what kind of delivery this is, by Slack's own words for it."""
    event, actions = body.get("event") or {}, body.get("actions") or [{}]
    words = (body.get("type"), event.get("type"), actions[0].get("action_id"), body.get("command"))
    return " ".join(str(word) for word in words if word)[:100] or "unknown"
