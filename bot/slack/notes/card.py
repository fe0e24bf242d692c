"""The card of a plan, as the plan stands now; what it leaves out follows whole in its thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.history import Story
from bot.domain.outbox import CARD, Note, Sending
from bot.errors import UnitError
from bot.report.plan_words import PlanWords, StepWords
from bot.slack.cards import card_message, plan_facts, whole_plan
from bot.slack.render import Message, body_of
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn, NoteKind

STEPS_IN_THREAD = 100
PIECE = 5_000
"""Characters of a command or a difference in one message of the thread."""


def draw(sending: Sending, tools: SlackTools) -> Drawn:
    """Return the card."""
    story = _with_report(tools, tools.use.history.story(sending.note.about["proposal_id"]), sending.note)
    facts = plan_facts(tools, story)
    message = card_message(tools, story, facts)
    following = () if sending.place else tuple(_steps(tools, sending.note, facts, message))
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


def _steps(tools: SlackTools, card: Note, facts: PlanWords, message: Message) -> list[Note]:
    """Return every step whole where the card or the form shortens one: nobody approves what they cannot read."""
    plans = facts.choices or (facts,)
    changes = (*facts.shared, *(change for plan in plans for change in plan.changes))
    if message.whole and all(change.whole for change in changes) and _fits_form(tools, facts):
        return []
    steps = [
        (f"Plan {number}, {step.heading}" if facts.choices else step.heading, step)
        for number, plan in enumerate(plans, 1)
        for step in plan.steps
    ]
    said = [
        (f"{index}.{part}", heading, label, text)
        for index, (heading, step) in enumerate(steps[:STEPS_IN_THREAD])
        for part, (label, text) in enumerate(_pieces(step))
    ]
    return [
        Note(
            key=f"step:{facts.plan_id}:{number}",
            channel=card.channel,
            body=body_of(tools.views.message("steps", heading=heading, label=label, text=text)),
            in_thread_of=card.key,
        )
        for number, heading, label, text in said
    ]


def _pieces(step: StepWords) -> Iterator[tuple[str, str]]:
    """Yield a step's difference and command, each whole, in as many pieces as messages are needed."""
    for label, text in (("Difference.", step.diff), ("The same command.", step.command)):
        parts = [text[start : start + PIECE] for start in range(0, len(text), PIECE)] or [""]
        for number, part in enumerate(parts, 1):
            yield label if len(parts) == 1 else f"{label} Part {number} of {len(parts)}.", part


def _fits_form(tools: SlackTools, facts: PlanWords) -> bool:
    try:
        whole_plan(tools, facts)
    except UnitError:
        return False
    return True


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
