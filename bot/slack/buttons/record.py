"""Record: puts what was read for this report into its thread, as a file to attach to a bug report or to replay."""

from __future__ import annotations

from bot.domain.approvals import MessageRef
from bot.domain.phrases import timestamp
from bot.errors import Refused
from bot.slack.button_value import stored_diagnosis
from bot.slack.incoming import Pressed
from bot.slack.messages import NotPosted
from bot.slack.tools import SlackTools
from bot.slack.units import Button
from bot.workflow.record import record_of
from bot.workflow.record_files import own_version


def run(pressed: Pressed, tools: SlackTools) -> None:
    """Make the record from the history, and share it where the button stands."""
    diagnosis = stored_diagnosis(pressed.value, tools.use.history)
    if diagnosis is None:
        raise Refused("This diagnosis is not in the history, so there is no record of it. Diagnose again.")
    if diagnosis.evidence_deleted_at is not None:
        raise Refused(
            f"What diagnosis {diagnosis.id} had read was deleted at {timestamp(diagnosis.evidence_deleted_at)}, being "
            "old (`retention:` in dnsbot.yaml): there is nothing left to record or replay. Diagnose again."
        )
    tools.use.door.check_channel(pressed.message.channel, tools.use.homes(diagnosis.target.name))
    thread = MessageRef(channel=pressed.message.channel, ts=pressed.origin.thread_ts or pressed.message.ts)
    try:
        tools.messages.share(
            thread,
            name=f"{diagnosis.target.name}-{diagnosis.id[:8]}.dnsrec",
            title=f"Record of diagnosis {diagnosis.id} of {diagnosis.target.name}: dnsbot replay FILE",
            content=record_of(diagnosis, version=own_version()),
        )
    except NotPosted as error:
        hint = " Give the app the scope files:write." if error.code == "missing_scope" else ""
        raise Refused(f"The record could not be put into this thread ({error.code}).{hint}") from error


BUTTON = Button(name="record", run=run)
