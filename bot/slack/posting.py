"""Cards of proposals: posted once, updated in place from the stored state."""

from __future__ import annotations

import logging
from contextlib import suppress

from bot.domain.approvals import MessageRef, Posted, ProposalState, Result
from bot.domain.history import Story
from bot.domain.phrases import clock
from bot.errors import HistoryUnavailable, RecordUnreadable, Refused
from bot.report.plan_words import PlanWords, plan_words
from bot.slack.button_value import ButtonValue
from bot.slack.messages import NotPosted
from bot.slack.render import Message
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)

STEPS_IN_CARD = 6
STEPS_IN_THREAD = 20
DIFF_IN_CARD = 900
COMMAND_IN_CARD = 700


def post_card(tools: SlackTools, story: Story, channel: str, *, report_url: str) -> None:
    """Post a proposal with its buttons to the cluster's channel. Raises `NotPosted`."""
    proposal = story.proposal
    facts = plan_words(story, tools.names, at=clock, report_url=report_url)
    message = tools.views.message("proposal", card=facts, value=_value(story))
    try:
        ref = tools.messages.post(channel, message)
    except NotPosted as error:
        log.warning("proposal not posted", extra={"proposal": proposal.id, "reason": str(error)})
        raise
    try:
        tools.use.history.remember(proposal.id, Posted(message=ref, report_url=report_url))
        tools.use.history.drawn(proposal.id, story.version)
    except HistoryUnavailable:
        log.warning("card's place not recorded", extra={"proposal": proposal.id})
    _post_long_steps(tools, ref, facts, message)


def redraw_card(tools: SlackTools, proposal_id: str, *, pressed: MessageRef | None = None) -> None:
    """Draw a card again from the history, until what it shows is the newest; and the pressed message, if another.

    A card that cannot be read or updated now is logged, and drawn again at a later look at what is due: soon, then ever
    more seldom, for a day. One that was deleted, or that Slack never takes, is left alone until there is news.
    """
    version = -1
    try:
        while (story := tools.use.history.story(proposal_id)).version != version:
            version = story.version
            posted = story.proposal.posted or _found(tools, proposal_id, pressed)
            message = card_message(tools, story)
            if posted is not None:
                tools.update_rate.spend(f"card:{proposal_id}")
                tools.messages.update(posted.message, message)
            tools.use.history.drawn(proposal_id, version)
            if pressed is not None and pressed.ts and posted is not None and pressed != posted.message:
                _redraw_other(tools, proposal_id, pressed, message)
    except RecordUnreadable as error:
        log.error("card is drawn no more", extra={"proposal": proposal_id, "reason": str(error)})  # noqa: TRY400  # the reason says it all
        with suppress(HistoryUnavailable):
            tools.use.history.set_aside(proposal_id)
    except NotPosted as error:
        _put_off(tools, proposal_id, version, error)
    except (HistoryUnavailable, Refused) as error:
        log.warning("card not updated", extra={"proposal": proposal_id, "reason": str(error)})


def _redraw_other(tools: SlackTools, proposal_id: str, pressed: MessageRef, message: Message) -> None:
    """Update a message that shows the plan and is not its card any more."""
    tools.update_rate.spend(f"card:{proposal_id}")
    try:
        tools.messages.update(pressed, message)
    except NotPosted as error:
        log.warning("pressed message not updated", extra={"proposal": proposal_id, "reason": str(error)})


def _put_off(tools: SlackTools, proposal_id: str, version: int, error: NotPosted) -> None:
    given_up = False
    with suppress(HistoryUnavailable):
        given_up = tools.use.history.not_drawn(proposal_id, version, error.why)
    said = "card is left as it is until there is news" if given_up else "card not updated"
    log.warning(said, extra={"proposal": proposal_id, "reason": str(error)})


def _found(tools: SlackTools, proposal_id: str, pressed: MessageRef | None) -> Posted | None:
    """Return the pressed message as the plan's card, and remember it: where the card stands was not known."""
    if pressed is None or not pressed.ts:
        return None
    found = Posted(message=pressed)
    try:
        tools.use.history.remember(proposal_id, found)
    except HistoryUnavailable:
        log.warning("card's place not recorded", extra={"proposal": proposal_id})
    return found


def card_message(tools: SlackTools, story: Story) -> Message:
    """Return the card as it is to be shown now."""
    facts = plan_words(story, tools.names, at=clock)
    state = story.proposal.state
    if state is ProposalState.PENDING:
        return tools.views.message("proposal", card=facts, value=_value(story))
    if story.outcome is not None or state is ProposalState.INTERRUPTED:
        return tools.views.message(
            "outcome", card=facts, value=_value(story), further=further_words(story), again=offers_diagnosis(story)
        )
    return tools.views.message("decided", card=facts)


def _value(story: Story) -> str:
    return ButtonValue(proposal_id=story.proposal.id, plan_hash=story.proposal.plan_hash).text


def offers_diagnosis(story: Story) -> bool:
    """Return whether a new diagnosis is offered: always, but where a fix, which leaves nothing to find, is verified."""
    verified = story.outcome is not None and story.outcome.result is Result.VERIFIED
    return bool(story.proposal.plan.yields) or not verified


def further_words(story: Story) -> tuple[str, ...]:
    """Return what follows from an outcome."""
    if story.outcome is not None and story.outcome.inverse_proposal_id:
        return ("Taking the change back is proposed on a card of its own and needs its own approval.",)
    return ()


def _post_long_steps(tools: SlackTools, ref: MessageRef, facts: PlanWords, message: Message) -> None:
    """Where the card shortens a step, post every step whole in its thread: nobody approves what they cannot read."""
    long = [step for step in facts.steps if len(step.diff) > DIFF_IN_CARD or len(step.command) > COMMAND_IN_CARD]
    if message.whole and not long and len(facts.steps) <= STEPS_IN_CARD:
        return
    for step in facts.steps[:STEPS_IN_THREAD]:
        try:
            tools.messages.post(ref.channel, tools.views.message("steps", step=step), thread_ts=ref.ts)
        except NotPosted as error:
            log.warning("step not posted", extra={"reason": str(error)})
            return
