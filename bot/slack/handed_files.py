"""What a diagnosis hands to people, as files in a thread: texts for their own DNS servers, and packet captures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from bot.domain.approvals import MessageRef
from bot.domain.diagnosis import Diagnosis
from bot.domain.kept_files import KeptFile
from bot.domain.outbox import Note
from bot.errors import HistoryUnavailable, RecordUnreadable
from bot.slack.messages import NotPosted
from bot.slack.render import body_of
from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)
_NAME = "for-your-servers.txt"


def hands_files(diagnosis: Diagnosis) -> bool:
    """Return whether there is anything to be shared of a diagnosis that was just made."""
    return bool(diagnosis.handed or diagnosis.files)


def share_files(tools: SlackTools, diagnosis: Diagnosis, thread: MessageRef, kept: Sequence[KeptFile] = ()) -> None:
    """Put them into a thread; where Slack takes one not, say there how to get it.

    `kept`: those that the history has of a diagnosis that was read back.
    """
    for file, command in _files(diagnosis, (*diagnosis.files, *kept)):
        try:
            tools.messages.share(thread, name=file.name, title=file.title, content=file.content)
        except NotPosted as error:
            log.warning("a file for people was not posted", extra={"diagnosis": diagnosis.id, "reason": str(error)})
            text = f"The file {file.name} ({file.title}) could not be posted ({error.code}): {command}."
            _say(tools, f"files:{diagnosis.id}:{thread.ts}:{file.name}", text, thread)


def share_files_after(tools: SlackTools, verification_id: str, thread: MessageRef | None) -> None:
    """Do the same with what was seen after a repair, where that is known and the plan has a card."""
    if not verification_id or thread is None:
        return
    try:
        diagnosis = tools.use.history.diagnosis(verification_id)
        kept = tools.use.history.files(verification_id)
    except (HistoryUnavailable, RecordUnreadable) as error:
        log.warning("a file for people was not posted", extra={"diagnosis": verification_id, "reason": str(error)})
        return
    if diagnosis is not None:
        share_files(tools, diagnosis, thread, kept)


def _files(diagnosis: Diagnosis, kept: tuple[KeptFile, ...]) -> Iterator[tuple[KeptFile, str]]:
    """Yield each file with what gets it elsewhere; all texts are one."""
    handed = diagnosis.handed
    if handed:
        title = f"{diagnosis.target.name}: {', '.join(one.title for one in handed)}"
        content = "\n".join(one.text for one in handed).encode()
        yield KeptFile(name=_NAME, title=title, content=content), f"`dnsbot show {diagnosis.id}` prints them"
    for file in kept:
        yield file, f"`dnsbot show {diagnosis.id} --files FOLDER` writes it there"


def _say(tools: SlackTools, key: str, text: str, thread: MessageRef) -> None:
    note = Note(key=key, channel=thread.channel, body=body_of(tools.sentence(text)), thread_ts=thread.ts)
    try:
        tools.say(note)
    except HistoryUnavailable as error:
        log.warning("nobody was told of a file", extra={"key": key, "reason": str(error)})
