"""One diagnosis in Slack: a message that shows progress and becomes the report, evidence in its thread, cards."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.domain.approvals import MessageRef
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.jobs import Lane
from bot.errors import DnsBotError
from bot.slack.bench import Bench
from bot.slack.evidence_facts import evidence_groups
from bot.slack.messages import NotPosted
from bot.slack.places import Place
from bot.slack.posting import post_card, with_report
from bot.slack.progress import ProgressMessage, progress_message
from bot.slack.render import Message
from bot.slack.report_facts import report_facts
from bot.workflow.desk import Progress, Proposed

log = logging.getLogger(__name__)

NOTHING_PROPOSED = Proposed(proposals=(), not_offered=())
OWN_FAULT = "This diagnosis ended by a fault of the bot itself; its log has the details. Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where the report will stand: the progress message, or, where the bot cannot post, the asker alone."""

    place: Place
    shown: ProgressMessage | None


def begin_diagnosis(bench: Bench, place: Place, question: Question, *, delivery: str) -> None:
    """Post the message that will hold the report, and queue the diagnosis."""
    slot = Slot(place=place, shown=_open_message(bench, place, question))
    taken = bench.jobs.submit(Lane.DIAGNOSE, f"diagnose:{delivery}", lambda: run_diagnosis(bench, slot, question))
    if not taken:
        _settle(
            bench,
            slot,
            _sentence(bench, f"{question.cluster} is not diagnosed: the bot is stopping. Ask again in a minute."),
        )


def run_diagnosis(bench: Bench, slot: Slot, question: Question) -> None:
    """Diagnose, show the report, its evidence and the proposals. Ends the message whatever happens."""
    settled = False
    try:
        diagnosis = bench.desk.diagnose(
            question, asked_by=slot.place.person, progress=slot.shown.show if slot.shown else None
        )
        proposed, note = _propose(bench, diagnosis)
        ref = _report(bench, slot, diagnosis, proposed, note)
        settled = True
    except DnsBotError as error:
        log.warning("diagnosis refused", extra={"cluster": question.cluster, "reason": str(error)})
        _settle(bench, slot, _sentence(bench, f"{question.cluster} was not diagnosed. {error}"))
        settled = True
        return
    finally:
        if not settled:
            _settle(bench, slot, _sentence(bench, f"{question.cluster}: {OWN_FAULT}"))
    if ref is not None:
        _post_evidence(bench, slot.place, ref, diagnosis)
    _post_cards(bench, slot.place, ref, diagnosis, proposed)


def _open_message(bench: Bench, place: Place, question: Question) -> ProgressMessage | None:
    start = Progress(cluster=question.cluster, done=(), running=(), waiting=(), elapsed_ms=0)
    try:
        ref = bench.messages.post(place.channel, progress_message(bench, start), thread_ts=place.thread_ts)
    except NotPosted as error:
        log.info("progress message not posted", extra={"channel": place.channel, "reason": str(error)})
        if error.no_member:
            bench.tell(
                place,
                f"Diagnosing {question.cluster}. The bot is no member of this channel, so the report will come to you "
                "alone, without progress and without evidence in a thread. Invite the bot to have it here.",
            )
        return None
    return ProgressMessage(bench, ref)


def _propose(bench: Bench, diagnosis: Diagnosis) -> tuple[Proposed, str]:
    """Return the stored proposals, and a sentence where there can be none."""
    if diagnosis.verdict is not Verdict.PROBLEM:
        return NOTHING_PROPOSED, ""
    try:
        return bench.desk.propose(diagnosis), ""
    except DnsBotError as error:
        return NOTHING_PROPOSED, f"No fix is proposed: {error}"


def _report(bench: Bench, slot: Slot, diagnosis: Diagnosis, proposed: Proposed, note: str) -> MessageRef | None:
    """Show the report, and return where it stands; None when only the asker sees it."""
    asked_by = bench.names.person(slot.place.person.user_id)
    facts = report_facts(diagnosis, proposed, asked_by=asked_by, note=note)
    return _settle(bench, slot, bench.views.message("report", report=facts))


def _settle(bench: Bench, slot: Slot, message: Message) -> MessageRef | None:
    """Put the final message in place of the progress; else post it; else show it to the asker alone."""
    if slot.shown is not None:
        slot.shown.close()
        try:
            bench.messages.update(slot.shown.ref, message)
        except NotPosted as error:
            log.warning("report not updated in place", extra={"reason": str(error)})
        else:
            return slot.shown.ref
    if not slot.place.response_url or slot.shown is not None:
        try:
            return bench.messages.post(slot.place.channel, message, thread_ts=slot.place.thread_ts)
        except NotPosted as error:
            log.warning("report not posted", extra={"reason": str(error)})
    try:
        bench.messages.alone(slot.place, message)
    except NotPosted as error:
        log.error("report not delivered", extra={"person": str(slot.place.person), "reason": str(error)})  # noqa: TRY400  # the reason says it all
    return None


def _post_evidence(bench: Bench, place: Place, ref: MessageRef, diagnosis: Diagnosis) -> None:
    for group in evidence_groups(diagnosis):
        try:
            bench.messages.post(
                ref.channel, bench.views.message("evidence", group=group), thread_ts=place.thread_ts or ref.ts
            )
        except NotPosted as error:
            log.warning("evidence not posted", extra={"reason": str(error)})


def _post_cards(bench: Bench, place: Place, ref: MessageRef | None, diagnosis: Diagnosis, proposed: Proposed) -> None:
    """Post each proposal to the cluster's channel; tell the asker of those that could not be."""
    channel = diagnosis.target.channel
    report_url = bench.messages.permalink(ref) if ref is not None and proposed.proposals else ""
    for proposal in proposed.proposals:
        why = (
            post_card(bench, with_report(bench, proposal, report_url), channel)
            if channel
            else "no channel is configured for this cluster (channel: in dnsbot.yaml)"
        )
        if why:
            bench.tell(
                place,
                f"The proposal {proposal.plan.title!r} for {proposal.plan.cluster} could not be posted"
                f"{' to ' + channel if channel else ''}: {why}. "
                f"It stays listed in /dns-history {proposal.plan.cluster}.",
            )


def _sentence(bench: Bench, text: str) -> Message:
    return bench.views.message("refusal", reason=text, hints=())
