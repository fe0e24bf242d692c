"""The card of a plan, as the plan stands now; steps that it shortens follow whole in its thread."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.history import Story
from bot.domain.outbox import CARD, Note, Sending
from bot.domain.phrases import clock
from bot.report.plan_words import PlanWords, plan_words
from bot.slack.cards import card_message
from bot.slack.render import Message, body_of
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind

STEPS_IN_CARD = 6
STEPS_IN_THREAD = 20
DIFF_IN_CARD = 900
COMMAND_IN_CARD = 700


def draw(sending: Sending, tools: SlackTools) -> Drawn:
    """Return the card."""
    story = _with_report(tools, tools.use.history.story(sending.note.about["proposal_id"]), sending.note)
    facts = plan_words(story, tools.names, at=clock)
    message = card_message(tools, story, facts)
    following = () if sending.place else tuple(_long_steps(tools, sending.note, facts, message))
    return Drawn(message=message, version=story.version, following=following)


def _with_report(tools: SlackTools, story: Story, card: Note) -> Story:
    """Return the story with the link to its report, which is remembered once it is known."""
    if story.report_url or not card.after:
        return story
    report = tools.use.history.place(card.after)
    url = tools.messages.permalink(report) if report is not None else ""
    if url:
        tools.use.history.report_stands(story.proposal.id, url)
    return replace(story, report_url=url)


def _long_steps(tools: SlackTools, card: Note, facts: PlanWords, message: Message) -> list[Note]:
    """Return every step whole where the card shortens one: nobody approves what they cannot read."""
    long = [step for step in facts.steps if len(step.diff) > DIFF_IN_CARD or len(step.command) > COMMAND_IN_CARD]
    if message.whole and not long and len(facts.steps) <= STEPS_IN_CARD:
        return []
    return [
        Note(
            key=f"step:{facts.plan_id}:{index}",
            channel=card.channel,
            body=body_of(tools.views.message("steps", step=step)),
            in_thread_of=card.key,
        )
        for index, step in enumerate(facts.steps[:STEPS_IN_THREAD])
    ]


def refused(sending: Sending, tools: SlackTools, code: str) -> None:
    """Tell whoever asked, where they asked, that the card is not there."""
    proposal = tools.use.history.proposal(sending.note.about["proposal_id"])
    report = tools.use.history.said(sending.note.after)
    if proposal.requested_by is None or proposal.requested_by.is_machine:
        return
    text = (
        f"The proposal {proposal.plan.title!r} for {proposal.plan.cluster} could not be posted to "
        f"{sending.note.channel}: the bot is no member there ({code}); invite it, and it comes within the hour. It "
        f"stays listed in /dns-history {proposal.plan.cluster}."
    )
    tools.say(
        Note(
            key=f"no-card:{proposal.id}",
            channel=report.channel if report else sending.note.channel,
            body=body_of(tools.sentence(text)),
            person=proposal.requested_by.user_id,
            alone=True,
            response_url=report.response_url if report else "",
        )
    )


NOTE = NoteKind(name=CARD, draw=draw, refused=refused)
