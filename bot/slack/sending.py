"""Sending what the outbox keeps: each queue in order, by one process at a time, until Slack shows it."""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.domain.approvals import MessageRef
from bot.domain.outbox import NotTaken, Sending
from bot.domain.people import Person
from bot.errors import HistoryUnavailable, RecordUnreadable, Refused
from bot.slack.incoming import Origin
from bot.slack.messages import LOST, NotPosted
from bot.slack.tools import SlackTools
from bot.slack.units import Drawn

log = logging.getLogger(__name__)

RESPONSE_URL_SECONDS = 25 * 60.0
"""Slack takes answers by response_url for half an hour."""
WAITED_FOR_SECONDS = 5.0
"""A pause that Slack asks for is waited for here when it is no longer; else the queue is due again after it."""
NO_MEMBER = (
    "The bot is no member of this channel, so this comes to you alone, without progress and without evidence in a "
    "thread. Invite the bot to have it here."
)


def send_queue(tools: SlackTools, queue: str) -> None:
    """Send what is due in a queue, unless another process does. What the database refuses is due again later."""
    history = tools.use.history
    try:
        if not history.begin_sending(queue, tools.owner):
            return
        while (sending := history.next_to_send(queue, tools.owner)) is not None:
            _send(tools, sending)
        history.end_sending(queue, tools.owner)
    except HistoryUnavailable as error:
        log.warning("messages wait for the history", extra={"queue": queue, "reason": str(error)})


def _send(tools: SlackTools, sending: Sending) -> None:
    """Make one note true, or put it off."""
    key, version = sending.note.key, sending.version
    try:
        drawn = tools.note_kinds[sending.note.kind].draw(sending, tools)
        if drawn is None:
            tools.use.history.sent(key, sending.place, version)
            return
        version = drawn.version
        place = _show(tools, sending, drawn)
        tools.use.history.sent(key, place, version, *drawn.following)
        if place is not None and (awaits := tools.awaited.pop(key, None)) is not None:
            awaits(place)
    except (RecordUnreadable, KeyError, TypeError, ValueError, AttributeError, Refused) as error:
        reason = str(error) if isinstance(error, Refused) else type(error).__name__
        log.error("a message cannot be drawn", extra={"note": key, "reason": reason})  # noqa: TRY400  # the reason says it all
        tools.use.history.not_sent(key, version, NotTaken(reason="unreadable", again_within_seconds=None))
    except NotPosted as error:
        _put_off(tools, sending, version, error)


def _show(tools: SlackTools, sending: Sending, drawn: Drawn) -> MessageRef | None:
    """Let Slack show a note. Raises `NotPosted`."""
    note = sending.note
    if note.alone:
        _show_alone(tools, sending, drawn)
        return None
    if sending.thread_lost:
        raise NotPosted("a message", "thread_not_found")  # what it stands below was given up, or is shown to one alone
    if sending.place is not None:
        tools.update_rate.spend(note.key)
        tools.messages.update(sending.place, drawn.message)
        return sending.place
    if sending.tried and (found := _found(tools, sending)) is not None:
        log.info("a message whose answer was lost is there", extra={"note": note.key})
        tools.messages.update(found, drawn.message)
        return found
    tools.post_rate.wait(note.channel)
    return tools.messages.post(note.channel, drawn.message, thread_ts=sending.thread_ts, mark=note.key)


def _found(tools: SlackTools, sending: Sending) -> MessageRef | None:
    """Return where a message stands that was posted and whose answer was lost. Raises `NotPosted`."""
    try:
        return tools.messages.find(
            sending.note.channel,
            sending.note.key,
            thread_ts=sending.thread_ts,
            said_before_seconds=sending.waited_seconds,
        )
    except NotPosted as error:
        if error.why.again_within_seconds is None:
            return None  # there is no such thread, so nothing stands in it
        if error.no_right:
            raise NotPosted("a message", LOST) from error
        raise NotPosted(
            "a look at the channel", error.code, ambiguous=True, pause_seconds=error.pause_seconds
        ) from error


def _show_alone(tools: SlackTools, sending: Sending, drawn: Drawn) -> None:
    """Show a note to its person alone: what is lost on the way is not sent again, since nobody can look for it.

    By response_url while Slack takes that; else in the channel; else in their direct messages. Raises `NotPosted`.
    """
    note = sending.note
    url = note.response_url if sending.waited_seconds < RESPONSE_URL_SECONDS else ""
    person = Person(team_id="", user_id=note.person)
    origin = Origin(person=person, channel=note.channel, thread_ts=note.thread_ts, response_url=url)
    try:
        try:
            tools.messages.alone(origin, drawn.message)
        except NotPosted as error:
            if error.ambiguous or not url:
                raise
            tools.messages.alone(replace(origin, response_url=""), drawn.message)
    except NotPosted as error:
        if error.no_member:
            tools.messages.post(note.person, drawn.message)
            return
        if not error.ambiguous:
            raise
        log.warning("the answer to one person may be lost", extra={"note": note.key, "reason": str(error)})


def _put_off(tools: SlackTools, sending: Sending, version: int, error: NotPosted) -> None:
    """Let a note be sent later, to its person alone, or never."""
    note, history = sending.note, tools.use.history
    if error.no_member and note.person and not note.alone:
        history.show_alone(note.key)
        log.info("shown to one person alone", extra={"note": note.key, "reason": str(error)})
        person = Person(team_id="", user_id=note.person)
        tools.tell(Origin(person=person, channel=note.channel, response_url=note.response_url), NO_MEMBER)
        tools.send(f"{note.channel}/{note.person}")
        return
    refused = tools.note_kinds[note.kind].refused
    if error.no_member and not sending.put_off and refused is not None:
        refused(sending, tools, error.code)
    tools.metrics.refused(error.code)
    given_up = history.not_sent(note.key, version, error.why)
    said = "a message is given up" if given_up else "a message is put off"
    level = logging.INFO if note.supplement and sending.thread_lost else logging.WARNING
    log.log(level, said, extra={"note": note.key, "reason": str(error)})
    if not given_up and error.pause_seconds is not None and error.pause_seconds <= WAITED_FOR_SECONDS:
        tools.post_rate.sleep(error.pause_seconds)
