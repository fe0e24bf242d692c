"""What became of a plan, said in the thread of its card: once, and again as long as Slack does not take it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bot.domain.approvals import MessageRef, ProposalState
from bot.domain.history import Story, Untold
from bot.domain.phrases import clock
from bot.errors import HistoryUnavailable, RecordUnreadable, Refused
from bot.report.plan_words import ending_line, outcome_words
from bot.slack.messages import NotPosted
from bot.slack.posting import post_card
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)

NOTHING = Untold()


def tell_thread(tools: SlackTools, proposal_id: str) -> None:
    """Say what is to be said now, and post the card of the plan that takes a repair back, if there is one.

    What Slack does not take is logged, and due again a minute later, for a day: an hour later where people must act
    first, and never where Slack would not take it then. A lost answer is not sent again.
    """
    history = tools.use.history
    try:
        untold = history.begin_telling(proposal_id)
        if untold == NOTHING:
            return
        story = history.story(proposal_id)
        if story.proposal.posted is None:
            return
        if untold.outcome:
            _offer_undo(tools, story)
        for step, words in _lines(story, untold):
            _say(tools, story.proposal.posted.message, words)
            history.told(proposal_id, step)
    except RecordUnreadable as error:
        log.error("nothing more is said of a plan", extra={"proposal": proposal_id, "reason": str(error)})  # noqa: TRY400  # the reason says it all
        with suppress(HistoryUnavailable):
            history.set_aside(proposal_id)
    except NotPosted as error:
        _put_off(tools, proposal_id, error)
    except (HistoryUnavailable, Refused) as error:
        log.warning("not said in the card's thread", extra={"proposal": proposal_id, "reason": str(error)})


def _put_off(tools: SlackTools, proposal_id: str, error: NotPosted) -> None:
    given_up = False
    with suppress(HistoryUnavailable):
        given_up = tools.use.history.not_told(proposal_id, error.why)
    said = "never said in the card's thread" if given_up else "not said in the card's thread"
    log.warning(said, extra={"proposal": proposal_id, "reason": str(error)})


def _lines(story: Story, untold: Untold) -> Iterator[tuple[int | None, str]]:
    """Yield what is to be said: of the outcome (no step), and of each step's end."""
    if untold.outcome and story.outcome is not None:
        yield None, outcome_words(story.outcome)
    for ending in story.endings:
        if ending.index in untold.steps:
            yield ending.index, ending_line(ending, story.proposal.plan.steps, clock)


def _say(tools: SlackTools, card: MessageRef, words: str) -> None:
    """Post one line. Raises `NotPosted` where it does not stand there."""
    with _sent_once():
        tools.messages.post(card.channel, tools.views.message("refusal", reason=words, hints=()), thread_ts=card.ts)


def _offer_undo(tools: SlackTools, undone: Story) -> None:
    """Post the card of the plan that takes a repair back, unless it has one. Raises `NotPosted`."""
    inverse_id, posted = undone.outcome.inverse_proposal_id if undone.outcome else "", undone.proposal.posted
    if not inverse_id or posted is None:
        return
    try:
        story = tools.use.history.story(inverse_id)
    except Refused as error:  # the history lost it, or it cannot be read
        log.warning("undo not posted", extra={"proposal": inverse_id, "reason": str(error)})
        return
    if story.proposal.posted is None and story.proposal.state is ProposalState.PENDING:
        with _sent_once():
            post_card(tools, story, posted.message.channel, report_url=posted.report_url)


@contextmanager
def _sent_once() -> Iterator[None]:
    """Let what Slack's answer was lost for stand as sent: it may be there already."""
    try:
        yield
    except NotPosted as error:
        if not error.ambiguous:
            raise
        log.warning("Slack's answer was lost, and nothing is sent again", extra={"reason": str(error)})
