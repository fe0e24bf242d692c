"""Presses of Approve and Reject: one call to the desk, then the card as it stands, then the repair."""

from __future__ import annotations

import logging

from bot.domain.approvals import Choice, MessageRef, Proposal, ProposalState, StepRecord
from bot.domain.jobs import Lane
from bot.domain.people import Person
from bot.errors import DnsBotError, HistoryUnavailable, Refused
from bot.slack.bench import Bench
from bot.slack.button_value import ButtonValue
from bot.slack.card_facts import outcome_words
from bot.slack.messages import NotPosted
from bot.slack.posting import post_card, refresh_card, with_report

log = logging.getLogger(__name__)


def decide(
    bench: Bench, value: ButtonValue, person: Person, choice: Choice, *, card: MessageRef, reason: str = ""
) -> None:
    """Take one press. Raises `Refused` or `HistoryUnavailable`, which is shown to that person alone."""
    decided = bench.desk.decide(
        proposal_id=value.proposal_id, plan_hash=value.plan_hash, person=person, choice=choice, reason=reason
    )
    if choice is Choice.APPROVE and decided.proposal.state is ProposalState.APPROVED:
        start_repair(bench, decided.proposal, card)
    refresh_card(bench, value.proposal_id, card)


def start_repair(bench: Bench, proposal: Proposal, card: MessageRef) -> None:
    """Queue the repair of an approved proposal; the same one is never queued twice at a time."""
    taken = bench.jobs.submit(Lane.REPAIR, f"repair:{proposal.id}", lambda: run_repair(bench, proposal.id, card))
    if not taken:
        log.warning("repair not queued", extra={"proposal": proposal.id})
        bench.cards.of(
            proposal.id
        ).ended = "Refused: the bot is stopping, and nothing was changed. Diagnose again when it is back."


def run_repair(bench: Bench, proposal_id: str, card_ref: MessageRef) -> None:
    """Apply, verify, and show every step as it is taken; the outcome is said on the card and in its thread."""
    card = bench.cards.of(proposal_id)
    ended = False

    def show() -> None:
        refresh_card(bench, proposal_id, card_ref)

    def told(record: StepRecord) -> None:
        card.journal.append(record)
        if bench.pace.allows(card_ref.ts):
            bench.jobs.submit(Lane.QUICK, f"card:{proposal_id}", show)

    try:
        card.outcome = bench.desk.repair(proposal_id, told=told)
        ended = True
    except Refused as error:
        card.ended = f"Refused: {error}"
        ended = True
    except DnsBotError as error:
        card.ended = f"Stopped: {error}"
        ended = True
    finally:
        if not ended:
            card.ended = (
                "Stopped by a fault of the bot itself; its log has the details. "
                "Steps may have been made: check the objects named below."
            )
        _announce(bench, proposal_id, card_ref)


def _announce(bench: Bench, proposal_id: str, card_ref: MessageRef) -> None:
    card = bench.cards.of(proposal_id)
    refresh_card(bench, proposal_id, card_ref)
    words = outcome_words(card.outcome) if card.outcome is not None else card.ended
    try:
        bench.messages.post(
            card_ref.channel, bench.views.message("refusal", reason=words, hints=()), thread_ts=card_ref.ts
        )
    except NotPosted as error:
        log.warning("outcome not posted in the thread", extra={"proposal": proposal_id, "reason": str(error)})
    if card.outcome is not None and card.outcome.inverse_proposal_id:
        _offer_undo(bench, proposal_id, card.outcome.inverse_proposal_id, card_ref.channel)


def _offer_undo(bench: Bench, proposal_id: str, inverse_id: str, channel: str) -> None:
    """Post the card of the plan that takes a repair back; where the history is down it stays listed there."""
    try:
        inverse = bench.desk.proposal(inverse_id)
        report_url = bench.desk.proposal(proposal_id).report_url
    except (HistoryUnavailable, Refused) as error:
        log.warning("undo not posted", extra={"proposal": inverse_id, "reason": str(error)})
        return
    post_card(bench, with_report(bench, inverse, report_url), channel)


def show_expired(bench: Bench) -> None:
    """Mark what has run out of time, and say so on the cards. Called by the clock."""
    for proposal in bench.desk.expire():
        refresh_card(bench, proposal.id)


def show_interrupted(bench: Bench) -> None:
    """At start-up: mark repairs that a former process left running, and say so on the cards."""
    for proposal in bench.desk.interrupted():
        refresh_card(bench, proposal.id)
