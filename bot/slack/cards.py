"""Cards of proposals: one note each, drawn from the stored state; and the message that somebody pressed."""

from __future__ import annotations

import logging

from bot.domain.approvals import MessageRef, Posted, ProposalState, Result, StepState
from bot.domain.history import Story
from bot.domain.outbox import card_key
from bot.domain.phrases import timestamp
from bot.errors import HistoryUnavailable, Refused
from bot.report.glass_words import card_glass
from bot.report.plan_words import ENDS_BY_ITSELF, PlanWords, ends_by_itself, plan_words
from bot.slack.button_value import ButtonValue
from bot.slack.limits import Payload
from bot.slack.render import Message
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)


def redraw_card(tools: SlackTools, proposal_id: str) -> None:
    """Let the card be drawn now, if it is behind."""
    try:
        posted = tools.use.history.story(proposal_id).proposal.posted
    except (HistoryUnavailable, Refused) as error:
        log.warning("card not updated", extra={"proposal": proposal_id, "reason": str(error)})
        return
    if posted is not None:
        tools.send(posted.message.channel)


def redraw_pressed(tools: SlackTools, proposal_id: str, pressed: MessageRef) -> None:
    """Draw the card again, whatever it waits for, and the pressed message, which may be an older one of the plan.

    Where the card stands that nobody remembers is known from the press.
    """
    try:
        story = tools.use.history.story(proposal_id)
        posted = story.proposal.posted
        if posted is None and pressed.ts:
            posted = Posted(message=pressed, report_url=story.report_url)
            tools.use.history.remember(proposal_id, posted)
        elif posted is not None and pressed.ts and pressed != posted.message:
            tools.use.history.shown_also(proposal_id, pressed)
        tools.use.history.hurry(card_key(proposal_id))
    except (HistoryUnavailable, Refused) as error:
        log.warning("card not updated", extra={"proposal": proposal_id, "reason": str(error)})
        return
    if posted is None:
        return
    tools.send(posted.message.channel)
    tools.send(pressed.channel)


def card_message(tools: SlackTools, story: Story, facts: PlanWords) -> Message:
    """Return the card as it is to be shown now."""
    state = story.proposal.state
    if state is ProposalState.PENDING:
        glass = card_glass(story.glass, tools.names)
        return tools.views.message("proposal", card=facts, glass=glass, value=_value(story))
    if story.outcome is not None or state is ProposalState.INTERRUPTED:
        return tools.views.message(
            "outcome",
            card=facts,
            value=_value(story),
            further=further_words(story),
            again=offers_diagnosis(story),
            undo=offers_undo(story),
        )
    return tools.views.message("decided", card=facts, value=_value(story))


def plan_facts(tools: SlackTools, story: Story) -> PlanWords:
    """Return what is said of a plan as it stands now."""
    return plan_words(story, tools.names, at=timestamp, checks=tools.use.checks)


def whole_plan(tools: SlackTools, facts: PlanWords) -> Payload:
    """Return the form with every step of a plan, whole. Raises `UnitError` where Slack would not take so much."""
    return tools.views.modal("commands", card=facts)


def _value(story: Story) -> str:
    return ButtonValue(proposal_id=story.proposal.id, plan_hash=story.proposal.plan_hash).text


def offers_diagnosis(story: Story) -> bool:
    """Return whether a new diagnosis is offered: always, but where a fix, which leaves nothing to find, is verified."""
    verified = story.outcome is not None and story.outcome.result is Result.VERIFIED
    return bool(story.proposal.plan.yields) or not verified


def offers_undo(story: Story) -> bool:
    """Return whether taking the change back is offered: some of it was made, can be undone, and is not proposed yet."""
    plan, outcome = story.proposal.plan, story.outcome
    if outcome is None or outcome.inverse_proposal_id or plan.undoes:
        return False
    made = {record.index for record in story.journal if record.state is StepState.DONE}
    return any(step.undo and not step.ends_after_seconds for at, step in enumerate(plan.steps) if at in made)


def further_words(story: Story) -> tuple[str, ...]:
    """Return what follows from an outcome."""
    if story.outcome is None or not story.outcome.inverse_proposal_id:
        return ()
    proposed = "The undo is proposed on a card of its own, with its own approval."
    waits = any(ending.ended_at is None for ending in story.endings)
    return (f"{proposed} {ENDS_BY_ITSELF}",) if waits and ends_by_itself(story.proposal.plan) else (proposed,)
