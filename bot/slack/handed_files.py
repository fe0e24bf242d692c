"""What a diagnosis hands to people, such as configuration for their own DNS servers, as one file in a thread."""

from __future__ import annotations

import logging

from bot.domain.approvals import MessageRef
from bot.domain.diagnosis import Diagnosis
from bot.domain.outbox import Note
from bot.errors import HistoryUnavailable
from bot.slack.messages import NotPosted
from bot.slack.render import body_of
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)
_NAME = "for-your-servers.txt"


def share_files(tools: SlackTools, diagnosis: Diagnosis, thread: MessageRef) -> None:
    """Put all texts of a diagnosis into a thread; where Slack takes no file, say there how to print them."""
    handed = diagnosis.handed
    if not handed:
        return
    title = f"{diagnosis.target.name}: {', '.join(one.title for one in handed)}"
    try:
        content = "\n".join(one.text for one in handed).encode()
        tools.messages.share(thread, name=_NAME, title=title, content=content)
    except NotPosted as error:
        log.warning("a file for people was not posted", extra={"diagnosis": diagnosis.id, "reason": str(error)})
        _say_where_else(tools, diagnosis, thread, error.code)


def share_files_after(tools: SlackTools, verification_id: str, thread: MessageRef | None) -> None:
    """Do the same with what was seen after a repair, where that is known and the plan has a card."""
    if not verification_id or thread is None:
        return
    try:
        diagnosis = tools.use.history.diagnosis(verification_id)
    except HistoryUnavailable as error:
        log.warning("a file for people was not posted", extra={"diagnosis": verification_id, "reason": str(error)})
        return
    if diagnosis is not None:
        share_files(tools, diagnosis, thread)


def _say_where_else(tools: SlackTools, diagnosis: Diagnosis, thread: MessageRef, code: str) -> None:
    text = (
        f"The file with the texts for {', '.join(one.title for one in diagnosis.handed)} could not be posted ({code}): "
        f"`dnsbot show {diagnosis.id}` prints them."
    )
    note = Note(
        key=f"files:{diagnosis.id}:{thread.ts}",
        channel=thread.channel,
        body=body_of(tools.sentence(text)),
        thread_ts=thread.ts,
    )
    try:
        tools.say(note)
    except HistoryUnavailable as error:
        log.warning("nobody was told of a file", extra={"diagnosis": diagnosis.id, "reason": str(error)})
