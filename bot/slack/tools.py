"""What every Slack unit works with, handed to it; nothing is global."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.approvals import MessageRef
from bot.domain.jobs import Job, Jobs
from bot.domain.outbox import Note, queue_of
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.report.plan_words import Caller, Names
from bot.slack.home import Homes
from bot.slack.incoming import Origin
from bot.slack.limits import Payload
from bot.slack.messages import Messages, NotPosted
from bot.slack.metrics import Metrics
from bot.slack.post_rate import PostRate
from bot.slack.refusals import refusal_words
from bot.slack.render import Message, Views, body_of
from bot.slack.running import RunningDiagnoses
from bot.slack.seen_once import SeenOnce
from bot.slack.units import Command, Form, JobKind, NoteKind
from bot.slack.unsettled import Unsettled
from bot.slack.update_rate import UpdateRate
from bot.workflow.use_cases import UseCases

if TYPE_CHECKING:
    from bot.slack.diagnosing import Slot

log = logging.getLogger(__name__)

OWN_FAULT = "The bot failed with an error of its own; its log has the details."


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackTools:
    """What people can ask for, and the tools to show what comes of it."""

    use: UseCases
    jobs: Jobs
    messages: Messages
    views: Views
    names: Names
    update_rate: UpdateRate
    seen_once: SeenOnce
    commands: tuple[Command, ...]
    job_kinds: Mapping[str, JobKind]
    """By name."""
    running: RunningDiagnoses[Slot]
    note_kinds: Mapping[str, NoteKind]
    """By name."""
    post_rate: PostRate
    unsettled: Unsettled
    homes: Homes
    awaited: dict[str, Callable[[MessageRef], None]]
    """By the key of a note: who waits until this process has posted it."""
    metrics: Metrics
    owner: str
    """Names this process among all that work on the database."""
    bot_name: str

    def enqueue(self, job: Job) -> bool:
        """Queue a job in this process; False when it is queued already, or the bot is stopping."""
        kind = self.job_kinds[job.kind]
        return self.jobs.submit(kind.lane, job.key, lambda: kind.run(job, self))

    def send(self, queue: str) -> None:
        """Let what waits in a queue of the outbox be sent; what has just been said is among it."""
        kind = self.job_kinds["send"]
        job = Job(kind=kind.name, ids={"queue": queue})
        self.jobs.submit(kind.lane, job.key, lambda: kind.run(job, self), again=True)

    def say(self, *notes: Note) -> int:
        """Keep notes that must arrive, and send them; return how many were dropped. Raises `HistoryUnavailable`."""
        dropped = self.use.history.say(*notes)
        for queue in dict.fromkeys(map(queue_of, notes)):
            self.send(queue)
        return dropped

    def sentence(self, text: str) -> Message:
        """Return a message that is one sentence."""
        return self.views.message("refusal", reason=text, hints=())

    def calling(self, callers: Sequence[Caller], text: str) -> Message:
        """Return a message that calls people and groups, and says one sentence."""
        return self.views.message("called", callers=tuple(callers), said=text)

    def open_form(self, trigger_id: str, form: Form, make: Callable[[], Payload | None]) -> None:
        """Open a form and then make what stands in it: Slack takes one for three seconds, and looking up may last.

        Where `make` raises, the form says why, and the error goes on. Raises `Refused`, which says how to ask for it
        again, where Slack does not show it.
        """
        try:
            opened = self.messages.open_modal(
                trigger_id, self._said_in_form("One moment", f"{form.what} is being made.")
            )
            made = self._made(opened, make)
            if made is not None:
                self.messages.fill_modal(opened, made)
        except NotPosted as error:
            raise Refused(f"{form.what} could not be opened ({error.code}). {form.again}") from error

    def _made(self, opened: str, make: Callable[[], Payload | None]) -> Payload | None:
        try:
            return make()
        except Exception as error:
            why = refusal_words(error, self.names) if isinstance(error, DnsBotError) else OWN_FAULT
            with suppress(NotPosted):  # what is raised is said beside it anyway
                self.messages.fill_modal(opened, self._said_in_form("Not opened", why))
            raise

    def _said_in_form(self, title: str, words: str) -> Payload:
        return self.views.modal("in_form", title=title, said=words)

    def refuse(self, origin: Origin, delivery: str, reason: str) -> None:
        """Say to whoever pressed why it was not taken; it is kept until Slack takes it.

        While the history is down it is said once, and a failure to do so is logged.
        """
        note = Note(
            key=f"refused:{delivery}",
            channel=origin.channel,
            body=body_of(self.sentence(reason)),
            thread_ts=origin.thread_ts,
            person=origin.person.user_id,
            alone=True,
            response_url=origin.response_url,
        )
        try:
            self.say(note)
        except HistoryUnavailable:
            self.tell(origin, reason)

    def tell(self, origin: Origin, reason: str, *, hints: Sequence[str] = ()) -> None:
        """Say something to one person alone; a failure to do so is logged, and so is what a program would be told."""
        if origin.person.is_machine:
            log.info("not told to anybody", extra={"person": str(origin.person), "reason": reason})
            return
        message = self.views.message("refusal", reason=reason, hints=tuple(hints))
        try:
            self.messages.alone(origin, message)
        except NotPosted as error:
            log.warning("could not answer a person", extra={"person": str(origin.person), "reason": str(error)})
