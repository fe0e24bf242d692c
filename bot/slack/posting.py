"""Cards of proposals: posted once, updated in place from the stored state."""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.domain.approvals import MessageRef, Outcome, Proposal, ProposalState
from bot.errors import HistoryUnavailable, Refused
from bot.slack.bench import Bench, Card
from bot.slack.card_facts import CardFacts, card_facts, outcome_words
from bot.slack.messages import NotPosted
from bot.slack.render import Message

log = logging.getLogger(__name__)

STEPS_IN_CARD = 6
STEPS_IN_THREAD = 20
DIFF_IN_CARD = 900
COMMAND_IN_CARD = 700


def with_report(bench: Bench, proposal: Proposal, report_url: str) -> Proposal:
    """Return the proposal with the link to the report that it came with; stored, so that later cards have it too."""
    try:
        bench.desk.reported(proposal.id, report_url)
    except HistoryUnavailable as error:
        log.warning("report's link not recorded", extra={"proposal": proposal.id, "reason": str(error)})
    return replace(proposal, report_url=report_url)


def post_card(bench: Bench, proposal: Proposal, channel: str) -> str:
    """Post a proposal with its buttons to the cluster's channel. Return why that failed, or an empty text."""
    facts = card_facts(proposal, bench.names)
    message = bench.views.message("proposal", card=facts)
    try:
        ref = bench.messages.post(channel, message)
    except NotPosted as error:
        log.warning("proposal not posted", extra={"proposal": proposal.id, "reason": str(error)})
        return _why_not(error)
    try:
        bench.desk.posted(proposal.id, ref)
    except HistoryUnavailable:
        log.warning("card's place not recorded", extra={"proposal": proposal.id})
    _post_long_steps(bench, ref, facts, message)
    return ""


def refresh_card(bench: Bench, proposal_id: str, fallback: MessageRef | None = None) -> None:
    """Update a card in place from the stored proposal; of several at once, the last shows the newest state.

    A card that cannot be read or updated now is logged: what was decided or done stands all the same.
    """
    card = bench.cards.of(proposal_id)
    with card.lock:
        try:
            proposal = bench.desk.proposal(proposal_id)
            card.outcome = card.outcome or _stored_outcome(bench, proposal)
            ref = proposal.message or fallback
            if ref is None or not ref.ts:
                return
            bench.pace.spend(ref.ts)
            bench.messages.update(ref, card_message(bench, proposal, card))
        except (NotPosted, HistoryUnavailable, Refused) as error:
            log.warning("card not updated", extra={"proposal": proposal_id, "reason": str(error)})


def _stored_outcome(bench: Bench, proposal: Proposal) -> Outcome | None:
    """Return the outcome that the history holds, for a repair that another process ran or began."""
    if proposal.state not in {ProposalState.DONE, ProposalState.INTERRUPTED}:
        return None
    lines = bench.desk.history(proposal.plan.cluster)
    outcomes = (outcome for line in lines for outcome in line.outcomes)
    return next((outcome for outcome in outcomes if outcome.proposal_id == proposal.id), None)


def card_message(bench: Bench, proposal: Proposal, card: Card) -> Message:
    """Return the card as it is to be shown now."""
    outcome = card.outcome
    journal = outcome.steps if outcome is not None and outcome.steps else card.journal
    status = outcome_words(outcome) if outcome is not None else card.ended
    facts = card_facts(proposal, bench.names, journal=journal, status=status)
    if proposal.state is ProposalState.PENDING:
        return bench.views.message("proposal", card=facts)
    if status or proposal.state is ProposalState.INTERRUPTED:
        return bench.views.message(
            "outcome", card=facts, further=further_words(card), again=offers_diagnosis(proposal, card)
        )
    return bench.views.message("decided", card=facts)


def offers_diagnosis(proposal: Proposal, card: Card) -> bool:
    """Return whether a new diagnosis is offered: always, but where the repair is verified."""
    verified = card.outcome is not None and card.outcome.result.value == "verified"
    return proposal.state is ProposalState.INTERRUPTED or not verified


def further_words(card: Card) -> tuple[str, ...]:
    """Return what follows from an outcome."""
    if card.outcome is not None and card.outcome.inverse_proposal_id:
        return ("Taking the change back is proposed on a card of its own and needs its own approval.",)
    return ()


def _why_not(error: NotPosted) -> str:
    if error.no_member:
        return f"the bot is no member there ({error.code}); invite it and diagnose again"
    if error.ambiguous:
        return f"Slack's answer was lost ({error.code}); the card may stand there all the same"
    return f"Slack answered {error.code}"


def _post_long_steps(bench: Bench, ref: MessageRef, facts: CardFacts, message: Message) -> None:
    """Where the card shortens a step, post every step whole in its thread: nobody approves what they cannot read."""
    long = [step for step in facts.steps if len(step.diff) > DIFF_IN_CARD or len(step.command) > COMMAND_IN_CARD]
    if message.whole and not long and len(facts.steps) <= STEPS_IN_CARD:
        return
    for step in facts.steps[:STEPS_IN_THREAD]:
        try:
            bench.messages.post(ref.channel, bench.views.message("steps", step=step), thread_ts=ref.ts)
        except NotPosted as error:
            log.warning("step not posted", extra={"reason": str(error)})
            return
