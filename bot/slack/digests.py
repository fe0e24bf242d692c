"""Digests in Slack: each slot is posted once, by whichever process holds it; its picture stands in the thread."""

from __future__ import annotations

import logging
from functools import partial

from bot.domain.approvals import MessageRef
from bot.domain.digests import Digest
from bot.domain.jobs import Lane
from bot.domain.outbox import Note
from bot.domain.phrases import timestamp
from bot.errors import HistoryUnavailable
from bot.report.digest_picture import picture
from bot.report.digest_words import digest_words
from bot.slack.audience import not_for_all
from bot.slack.incoming import Origin
from bot.slack.messages import NotPosted
from bot.slack.render import Message, body_of
from bot.slack.tools import SlackTools
from bot.workflow.digest import Digester
from bot.workflow.digest_slots import DueDigest, due_digests, holding

log = logging.getLogger(__name__)


def send_due_digests(tools: SlackTools) -> None:
    """Queue the digests whose slots are due; one that is made, or being made, is found out by its job."""
    digester = tools.use.digester
    if digester is None:
        return
    try:
        found = due_digests(tools.use.schedules(), digester.store)
    except HistoryUnavailable as error:
        log.warning("no digest can be made", extra={"reason": str(error)})
        return
    for due in found:
        tools.jobs.submit(Lane.DIAGNOSE, due.key, partial(send_digest, tools, digester, due))


def send_digest(tools: SlackTools, digester: Digester, due: DueDigest) -> None:
    """Make one digest and let it be posted, unless another process does or has done so."""
    store, owner = digester.store, digester.rounds.owner
    name, slot = due.schedule.name, due.slot
    with holding(store, due, owner) as held:
        if not held:
            return
        closed = not_for_all(tools, due.schedule.channel, due.schedule.clusters)
        if closed:
            last = store.last_said(name)
            _say_closed(tools, due, closed)
            store.done(name, slot, owner, last[1] if last is not None else {})
            return
        digest = digester.make(due.schedule, slot=slot)
        if due.schedule.quiet and not digest.changed:
            log.info("digest is quiet: nothing changed", extra={"schedule": name, "slot": slot})
        else:
            say_digest(tools, digest, key=due.key, channel=due.schedule.channel)
            log.info("digest made", extra={"schedule": name, "slot": slot})
        store.done(name, slot, owner, digest.said)


def say_digest(tools: SlackTools, digest: Digest, *, key: str, channel: str, thread_ts: str = "") -> None:
    """Let a digest be posted, once for its key; its picture follows in the thread. Raises `HistoryUnavailable`."""
    tools.awaited[key] = partial(share_picture, tools, digest)
    tools.say(Note(key=key, channel=channel, body=body_of(digest_message(tools, digest)), thread_ts=thread_ts))


def say_digest_alone(tools: SlackTools, digest: Digest, *, key: str, origin: Origin) -> None:
    """Let one person be shown a digest, once for its key. Raises `HistoryUnavailable`."""
    tools.say(
        Note(
            key=key,
            channel=origin.channel,
            body=body_of(digest_message(tools, digest)),
            thread_ts=origin.thread_ts,
            person=origin.person.user_id,
            alone=True,
            response_url=origin.response_url,
        )
    )


def _say_closed(tools: SlackTools, due: DueDigest, closed: str) -> None:
    """Say once a day that a channel is not shown the digest that it subscribed to, since not all there may see it."""
    log.warning("a digest is not shown", extra={"schedule": due.schedule.name, "slot": due.slot, "reason": closed})
    text = f"The digest that this channel subscribed to is not shown. {closed} /dns-digest unsubscribe ends it."
    key = f"closed:{due.schedule.name}:{due.slot[: len('2026-12-01')]}"
    tools.say(Note(key=key, channel=due.schedule.channel, body=body_of(tools.sentence(text))))


def digest_message(tools: SlackTools, digest: Digest) -> Message:
    """Return a digest as Slack shows it."""
    return tools.views.message("digest", digest=digest_words(digest, tools.names, at=timestamp))


def share_picture(tools: SlackTools, digest: Digest, ref: MessageRef) -> None:
    """Put the picture into the digest's thread; that it could not be is logged, since the table says the same."""
    made = picture(digest)
    if made is None:
        return
    try:
        tools.messages.share(ref, name="dns-health.png", title=made.title, content=made.png, alt_text=made.alt_text)
    except NotPosted as error:
        log.warning("a digest's picture was not posted", extra={"reason": str(error)})
