"""One diagnosis in Slack: a message that shows progress and becomes the report, evidence in its thread, cards."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from bot.domain.approvals import MessageRef, Proposed
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis, Progress
from bot.domain.jobs import Lane
from bot.domain.phrases import clock
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.report.diagnosis_words import NOTHING_PROPOSED, OpenCard, diagnosis_words
from bot.report.evidence_words import evidence_words
from bot.slack.incoming import Origin
from bot.slack.messages import NotPosted
from bot.slack.posting import post_card
from bot.slack.progress import ProgressMessage, progress_message
from bot.slack.render import Message
from bot.slack.running import Running
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)

GROUPS = 8
"""Replies with evidence in one thread."""

OWN_FAULT = "This diagnosis ended by a fault of the bot itself; its log has the details. Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where the report will stand: the progress message, or, where the bot cannot post, the asker alone."""

    origin: Origin
    shown: ProgressMessage | None


def begin_diagnosis(tools: SlackTools, origin: Origin, question: Question, *, delivery: str) -> None:
    """Post the message that will hold the report, and queue the diagnosis; or wait for one of the same question.

    Raises `Refused` where as many as there may be are under way.
    """
    running, is_new = tools.running.enter(question, origin.person)
    if not is_new and _told_where(tools, running, origin):
        return
    try:
        slot = Slot(origin=origin, shown=_open_message(tools, origin, question))
    except BaseException:
        if is_new:
            tools.running.end(running)
        raise
    try:
        while not tools.running.wait(running, slot):  # it has ended meanwhile: this is a new one then
            running, is_new = tools.running.enter(question, origin.person)
    except Refused as refusal:
        _settle(tools, slot, _sentence(tools, str(refusal)))
        return
    if not is_new:
        return
    work = partial(run_diagnosis, tools, running)
    if not tools.jobs.submit(Lane.DIAGNOSE, f"diagnose:{delivery}", work):
        text = f"{question.cluster} is not diagnosed: the bot is stopping. Ask again in a minute."
        _settle_all(tools, tools.running.end(running), text)


def _told_where(tools: SlackTools, running: Running[Slot], origin: Origin) -> bool:
    """Tell somebody where the report will stand that others wait for, if that is in the same channel."""
    for slot in tools.running.waiting(running):
        if slot.shown is not None and slot.shown.ref.channel == origin.channel:
            asked_by = tools.names.person(slot.origin.person.user_id)
            link = tools.messages.permalink(slot.shown.ref)
            where = f"the report will stand here: {link}" if link else "the report will stand in this channel"
            tools.tell(origin, f"{asked_by} asked the same, and it is being found out: {where}")
            return True
    return False


def run_diagnosis(tools: SlackTools, running: Running[Slot]) -> None:
    """Diagnose, show the report, its evidence and the proposals. Ends the messages whatever happens."""
    question, settled = running.question, False
    try:
        diagnosis = tools.use.diagnose(
            question, asked_by=running.person, progress=lambda seen: _show(tools.running.waiting(running), seen)
        )
        proposed, note = _propose(tools, diagnosis)
        slots = tools.running.end(running)
        refs = [(slot, _report(tools, slot, diagnosis, proposed, note)) for slot in slots]
        settled = True
    except DnsBotError as error:
        log.warning("diagnosis refused", extra={"cluster": question.cluster, "reason": str(error)})
        _settle_all(tools, tools.running.end(running), f"{question.cluster} was not diagnosed. {error}")
        settled = True
        return
    finally:
        if not settled:
            _settle_all(tools, tools.running.end(running), f"{question.cluster}: {OWN_FAULT}")
    for slot, ref in refs:
        if ref is not None:
            _post_evidence(tools, slot.origin, ref, diagnosis)
    first, ref = refs[0]
    _post_cards(tools, first.origin, ref, diagnosis, proposed)


def _show(slots: Iterable[Slot], progress: Progress) -> None:
    for slot in slots:
        if slot.shown is not None:
            slot.shown.show(progress)


def _settle_all(tools: SlackTools, slots: Iterable[Slot], text: str) -> None:
    for slot in slots:
        _settle(tools, slot, _sentence(tools, text))


def _open_message(tools: SlackTools, origin: Origin, question: Question) -> ProgressMessage | None:
    start = Progress(cluster=question.cluster, done=(), running=(), waiting=(), elapsed_ms=0)
    try:
        ref = tools.messages.post(origin.channel, progress_message(tools, start), thread_ts=origin.thread_ts)
    except NotPosted as error:
        log.info("progress message not posted", extra={"channel": origin.channel, "reason": str(error)})
        if error.no_member:
            tools.tell(
                origin,
                f"Diagnosing {question.cluster}. The bot is no member of this channel, so the report will come to you "
                "alone, without progress and without evidence in a thread. Invite the bot to have it here.",
            )
        return None
    return ProgressMessage(tools, ref)


def _propose(tools: SlackTools, diagnosis: Diagnosis) -> tuple[Proposed, str]:
    """Return the stored proposals, and a sentence where there can be none."""
    if not (diagnosis.root_causes or diagnosis.lacking):
        return NOTHING_PROPOSED, ""
    try:
        return tools.use.proposer.propose(diagnosis), ""
    except DnsBotError as error:
        return NOTHING_PROPOSED, f"No fix is proposed: {error}"


def _report(tools: SlackTools, slot: Slot, diagnosis: Diagnosis, proposed: Proposed, note: str) -> MessageRef | None:
    """Show the report, and return where it stands; None when only the asker sees it."""
    asked_by = tools.names.person(slot.origin.person.user_id)
    facts = diagnosis_words(
        diagnosis, proposed, asked_by=asked_by, at=clock, note=note, open_cards=_open_cards(tools, proposed)
    )
    return _settle(tools, slot, tools.views.message("report", report=facts))


def _settle(tools: SlackTools, slot: Slot, message: Message) -> MessageRef | None:
    """Put the final message in place of the progress; else post it; else show it to the asker alone."""
    if slot.shown is not None:
        slot.shown.close()
        try:
            tools.messages.update(slot.shown.ref, message)
        except NotPosted as error:
            log.warning("report not updated in place", extra={"reason": str(error)})
        else:
            return slot.shown.ref
    if not slot.origin.response_url or slot.shown is not None:
        try:
            return tools.messages.post(slot.origin.channel, message, thread_ts=slot.origin.thread_ts)
        except NotPosted as error:
            log.warning("report not posted", extra={"reason": str(error)})
    try:
        tools.messages.alone(slot.origin, message)
    except NotPosted as error:
        log.error("report not delivered", extra={"person": str(slot.origin.person), "reason": str(error)})  # noqa: TRY400  # the reason says it all
    return None


def _post_evidence(tools: SlackTools, origin: Origin, ref: MessageRef, diagnosis: Diagnosis) -> None:
    for group in evidence_words(diagnosis, at=clock)[:GROUPS]:
        try:
            tools.messages.post(
                ref.channel, tools.views.message("evidence", group=group), thread_ts=origin.thread_ts or ref.ts
            )
        except NotPosted as error:
            log.warning("evidence not posted", extra={"reason": str(error)})


def _open_cards(tools: SlackTools, proposed: Proposed) -> tuple[OpenCard, ...]:
    """Return the cards that wait for a decision already, on the same plan that this diagnosis led to."""
    return tuple(
        OpenCard(
            title=proposal.plan.title,
            asked_by=tools.names.person(proposal.requested_by.user_id) if proposal.requested_by else "the schedule",
            url=tools.messages.permalink(proposal.posted.message),
        )
        for proposal in proposed.proposals
        if proposal.posted is not None
    )


def _post_cards(
    tools: SlackTools, origin: Origin, ref: MessageRef | None, diagnosis: Diagnosis, proposed: Proposed
) -> None:
    """Post each proposal that has no card yet to the cluster's channel; tell the asker of those that could not be."""
    channel = diagnosis.target.channel
    report_url = tools.messages.permalink(ref) if ref is not None and proposed.proposals else ""
    for proposal in proposed.proposals:
        if proposal.posted is not None:
            continue
        if why := _post_card(tools, proposal.id, channel, report_url):
            tools.tell(
                origin,
                f"The proposal {proposal.plan.title!r} for {proposal.plan.cluster} could not be posted"
                f"{' to ' + channel if channel else ''}: {why}. "
                f"It stays listed in /dns-history {proposal.plan.cluster}.",
            )


def _post_card(tools: SlackTools, proposal_id: str, channel: str, report_url: str) -> str:
    """Post one card; return why there is none, or an empty text."""
    if not channel:
        return "no channel is configured for this cluster (channel: in dnsbot.yaml)"
    try:
        post_card(tools, tools.use.history.story(proposal_id), channel, report_url=report_url)
    except NotPosted as error:
        return _why_not(error)
    except (HistoryUnavailable, Refused) as error:
        return str(error).rstrip(".")
    return ""


def _why_not(error: NotPosted) -> str:
    if error.no_member:
        return f"the bot is no member there ({error.code}); invite it and diagnose again"
    if error.ambiguous:
        return f"Slack's answer was lost ({error.code}); the card may stand there all the same"
    return f"Slack answered {error.code}"


def _sentence(tools: SlackTools, text: str) -> Message:
    return tools.views.message("refusal", reason=text, hints=())
