"""One diagnosis in Slack: a message that shows progress and becomes the report, evidence in its thread, cards."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from bot.domain.approvals import MessageRef, Proposed
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis, Progress
from bot.domain.jobs import Lane
from bot.domain.outbox import Note
from bot.domain.phrases import timestamp
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.report.diagnosis_words import NOTHING_PROPOSED, DiagnosisWords, OpenCard, diagnosis_words
from bot.report.plan_words import Caller, asked
from bot.slack.audience import not_for_all
from bot.slack.handed_files import hands_files, share_files
from bot.slack.incoming import Origin
from bot.slack.messages import NotPosted
from bot.slack.progress import ProgressMessage, progress_message
from bot.slack.render import Message, body_of
from bot.slack.reports import first_message, thread_messages
from bot.slack.running import Running
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)

OWN_FAULT = "This diagnosis ended with an error of the bot itself; its log has the details. Nothing was changed."
ENDED = (
    "This diagnosis ended with the process that ran it, before its report was shown. Nothing was changed by it. Ask "
    "again; /dns-history lists what was recorded."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where the report will stand: a note of the outbox; where the history is down, a message that nobody keeps."""

    origin: Origin
    key: str
    """Of the note."""
    kept: bool
    """Whether the outbox has it."""
    progress: ProgressMessage
    place: MessageRef | None = None
    """Where the message stands that nobody keeps."""
    alone: bool = False
    """Only the asker is shown what was found."""


def begin_diagnosis(tools: SlackTools, origin: Origin, question: Question, *, delivery: str, because: str = "") -> bool:
    """Say the message that will hold the report, and queue the diagnosis; or wait for one of the same question.

    Return whether it is under way: else its message says why not. `because` is said in its thread. Raises `Refused`
    where as many as there may be are under way.
    """
    running, is_new = tools.running.enter(question, origin.person)
    if not is_new and _told_where(tools, running, origin):
        return True
    try:
        slot = _open_slot(tools, origin, question, because)
    except BaseException:
        if is_new:
            tools.running.end(running)
        raise
    try:
        while not tools.running.wait(running, slot):  # it has ended meanwhile: this is a new one then
            running, is_new = tools.running.enter(question, origin.person)
    except Refused as refusal:
        _settle(tools, slot, tools.sentence(str(refusal)))
        return False
    if not is_new:
        return True
    work = partial(run_diagnosis, tools, running)
    if not tools.jobs.submit(Lane.DIAGNOSE, f"diagnose:{delivery}", work):
        text = f"{question.cluster} is not diagnosed: the bot is stopping. Ask again in a minute."
        _settle_all(tools, tools.running.end(running), text)
        return False
    return True


def _told_where(tools: SlackTools, running: Running[Slot], origin: Origin) -> bool:
    """Tell somebody where the report will stand that others wait for, if that is in the same channel."""
    for slot in tools.running.waiting(running):
        place = _place(tools, slot)
        if place is not None and place.channel == origin.channel:
            asked_by = tools.names.person(slot.origin.person.user_id)
            link = tools.messages.permalink(place)
            where = f"the report will be here: {link}" if link else "the report will be in this channel"
            tools.tell(origin, f"{asked_by} asked the same, and that diagnosis is running: {where}")
            return True
    return False


def _place(tools: SlackTools, slot: Slot) -> MessageRef | None:
    """Return where a slot's message stands, or None: nowhere yet, or nobody knows."""
    if not slot.kept:
        return slot.place
    try:
        return tools.use.history.place(slot.key)
    except HistoryUnavailable:
        return None


def _open_slot(tools: SlackTools, origin: Origin, question: Question, because: str) -> Slot:
    """Say that a diagnosis begins, with what takes its place if this process ends before."""
    start = Progress(cluster=question.cluster, done=(), running=(), waiting=(), elapsed_ms=0)
    message, key = progress_message(tools, start), f"diagnosis:{uuid4().hex}"
    alone = not_for_all(tools, origin.channel, [question.cluster])
    if alone and origin.person.is_machine:
        raise Refused(alone)  # nobody could be told alone
    if alone:
        tools.tell(origin, f"{alone} The report comes to you alone, and its evidence below it.")
    note = Note(
        key=key,
        channel=origin.channel,
        alone=bool(alone),
        body=body_of(message),
        thread_ts=origin.thread_ts,
        person="" if origin.person.is_machine else origin.person.user_id,
        response_url=origin.response_url,
        instead=body_of(tools.sentence(f"{question.cluster}: {ENDED}")),
        promised_by=tools.owner,
    )
    why = Note(key=f"because:{key}", channel=origin.channel, body=body_of(tools.sentence(because)), in_thread_of=key)
    try:
        tools.say(note, *((why,) if because else ()))
    except HistoryUnavailable as error:
        log.warning("a report is not kept until it is shown", extra={"reason": str(error)})
        place = _post_unkept(tools, origin, message) if not alone else None
        return Slot(origin=origin, key=key, kept=False, progress=ProgressMessage(tools, key, place), place=place)
    return Slot(origin=origin, key=key, kept=True, alone=bool(alone), progress=ProgressMessage(tools, key))


def _post_unkept(tools: SlackTools, origin: Origin, message: Message) -> MessageRef | None:
    try:
        return tools.messages.post(origin.channel, message, thread_ts=origin.thread_ts)
    except NotPosted as error:
        log.info("progress message not posted", extra={"channel": origin.channel, "reason": str(error)})
        return None


def run_diagnosis(tools: SlackTools, running: Running[Slot]) -> None:
    """Diagnose, show the report, its evidence and the proposals. Ends the messages whatever happens."""
    question, settled = running.question, False
    try:
        diagnosis = tools.use.diagnose(
            question, asked_by=running.person, progress=lambda seen: _show(tools.running.waiting(running), seen)
        )
        tools.metrics.diagnosed(diagnosis)
        first = tools.running.waiting(running)[0]
        proposed, note = _propose(tools, diagnosis, first)
        for slot in tools.running.end(running):
            _report(tools, slot, diagnosis, proposed, note)
        settled = True
    except DnsBotError as error:
        log.warning("diagnosis refused", extra={"cluster": question.cluster, "reason": str(error)})
        _settle_all(tools, tools.running.end(running), f"{question.cluster} was not diagnosed. {error}")
        settled = True
        return
    finally:
        if not settled:
            _settle_all(tools, tools.running.end(running), f"{question.cluster}: {OWN_FAULT}")
    if diagnosis.target.channel:
        tools.send(diagnosis.target.channel)
    else:
        _tell_of_no_channel(tools, first.origin, proposed)


def _show(slots: Iterable[Slot], progress: Progress) -> None:
    for slot in slots:
        slot.progress.show(progress)


def _settle_all(tools: SlackTools, slots: Iterable[Slot], text: str) -> None:
    for slot in slots:
        _settle(tools, slot, tools.sentence(text))


def _propose(tools: SlackTools, diagnosis: Diagnosis, slot: Slot) -> tuple[Proposed, str]:
    """Return the stored proposals, and a sentence where there can be none."""
    if not (diagnosis.root_causes or diagnosis.lacking):
        return NOTHING_PROPOSED, ""
    try:
        return tools.use.proposer.propose(diagnosis, after=slot.key), ""
    except DnsBotError as error:
        return NOTHING_PROPOSED, f"No fix is proposed: {error}"


def _report(tools: SlackTools, slot: Slot, diagnosis: Diagnosis, proposed: Proposed, note: str) -> None:
    """Show the report, and its evidence below it; say how much of that could not be kept."""
    asked_by = tools.names.person(slot.origin.person.user_id)
    facts = diagnosis_words(
        diagnosis, proposed, asked_by=asked_by, at=timestamp, note=note, open_cards=_open_cards(tools, proposed)
    )
    evidence = _evidence(tools, slot, diagnosis, facts)
    dropped = 0
    if slot.kept:
        try:
            dropped = tools.use.history.say(*evidence)
        except HistoryUnavailable:
            dropped = len(evidence)
    lost = f"{dropped} of {len(evidence)} messages of the thread are not posted: too much waits." if dropped else ""
    _settle(tools, slot, first_message(tools.views, diagnosis, facts, *filter(None, (note, lost))))
    _hand_over(tools, slot, diagnosis)


def _hand_over(tools: SlackTools, slot: Slot, diagnosis: Diagnosis) -> None:
    """Put what people are handed below the report, at once or when it stands."""
    if not hands_files(diagnosis):
        return
    tools.awaited[slot.key] = partial(share_files, tools, diagnosis)
    place = _place(tools, slot)
    if place is not None and tools.awaited.pop(slot.key, None) is not None:
        share_files(tools, diagnosis, place)


def _settle(tools: SlackTools, slot: Slot, message: Message) -> None:
    """Put the final message in place of the progress. While the history is down it is shown, and kept when it is up."""
    slot.progress.close()
    if not slot.kept:
        _show_unkept(tools, slot, message)
        return
    try:
        tools.use.history.settle(slot.key, body_of(message))
    except HistoryUnavailable as error:
        log.warning("a report waits for the history", extra={"reason": str(error)})
        tools.unsettled.put(slot.key, body_of(message))
    tools.send(slot.origin.channel)
    tools.send(f"{slot.origin.channel}/{slot.origin.person.user_id}")


def _show_unkept(tools: SlackTools, slot: Slot, message: Message) -> None:
    """Show a message that nobody keeps: in place, else posted, else to the asker alone."""
    try:
        if slot.place is not None:
            tools.messages.update(slot.place, message)
            return
        tools.messages.alone(slot.origin, message)
    except NotPosted as error:
        log.error("report not delivered", extra={"person": str(slot.origin.person), "reason": str(error)})  # noqa: TRY400  # the reason says it all


def _evidence(tools: SlackTools, slot: Slot, diagnosis: Diagnosis, facts: DiagnosisWords) -> list[Note]:
    """Return the report's thread: the cause in full, which calls the asker; then lookups and checks; then sources."""
    number = slot.origin.person.user_id
    asker = Caller(id=number, name=tools.names.person(number))
    return [
        Note(
            key=f"evidence:{slot.key}:{index}",
            channel=slot.origin.channel,
            body=body_of(message),
            in_thread_of="" if slot.alone else slot.key,
            after=slot.key,
            person=slot.origin.person.user_id if slot.alone else "",
            alone=slot.alone,
            supplement=True,
        )
        for index, message in enumerate(thread_messages(tools.views, diagnosis, facts, asker))
    ]


def _open_cards(tools: SlackTools, proposed: Proposed) -> tuple[OpenCard, ...]:
    """Return the cards that wait for a decision already, on the same plan that this diagnosis led to."""
    return tuple(
        OpenCard(
            title=proposal.plan.title,
            asked_by=asked(proposal.requested_by, tools.names),
            url=tools.messages.permalink(proposal.posted.message),
        )
        for proposal in proposed.proposals
        if proposal.posted is not None
    )


def _tell_of_no_channel(tools: SlackTools, origin: Origin, proposed: Proposed) -> None:
    """Tell the asker of proposals whose cards have nowhere to go."""
    for proposal in proposed.proposals:
        tools.tell(
            origin,
            f"The proposal {proposal.plan.title!r} for {proposal.plan.cluster} could not be posted: no channel is "
            "configured for this cluster (channel: in dnsbot.yaml). "
            f"It stays listed in /dns-history {proposal.plan.cluster}.",
        )
