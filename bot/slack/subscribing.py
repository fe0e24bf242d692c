"""Subscriptions of channels to digests: what the command, its forms and the channel are shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bot.domain.digests import DigestSchedule, Subscription, Subscriptions
from bot.domain.outbox import Note
from bot.domain.phrases import and_more
from bot.errors import Refused
from bot.slack.incoming import Asked, Submitted
from bot.slack.limits import Payload
from bot.slack.render import body_of
from bot.slack.tools import SlackTools

SUBSCRIBE, UNSUBSCRIBE = "subscribe", "unsubscribe"
MOST_OF_CHANNEL = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A subscription as the form offers it."""

    title: str
    value: str


def subscriptions_of(tools: SlackTools) -> Subscriptions:
    """Return where they are kept, or raise `Refused`."""
    if tools.use.subscriptions is None:
        raise Refused("This process keeps no subscriptions: it has no history.")
    return tools.use.subscriptions


def of_channel(tools: SlackTools, channel: str) -> tuple[Subscription, ...]:
    """Return those of a channel."""
    return tuple(one for one in subscriptions_of(tools).all() if one.schedule.channel == channel)


def form_of(asked: Asked, tools: SlackTools, word: str) -> Payload:
    """Return the form to subscribe a channel, or to end a subscription. Raises `Refused`."""
    if not asked.trigger_id:
        raise Refused(f"Slack opens forms for slash commands alone: type /dns-digest {word}.")
    channel = asked.origin.channel
    value = f"{word} digest {channel}"
    if word == SUBSCRIBE:
        of_file = next((one.timezone for one in tools.use.digests if one.channel == channel), "UTC")
        return tools.views.modal("subscribe", value=value, clusters=sorted(tools.use.targets), timezone=of_file)
    subscribed = [
        Offered(title=in_words(one.schedule), value=value_of(one.schedule)) for one in of_channel(tools, channel)
    ]
    if not subscribed:
        raise Refused("This channel has no subscription. Digests of dnsbot.yaml are ended there.")
    return tools.views.modal("unsubscribe", value=value, subscribed=subscribed[:MOST_OF_CHANNEL])


def value_of(schedule: DigestSchedule) -> str:
    """Return what stands for a schedule in a form."""
    return hashlib.sha256(schedule.name.encode()).hexdigest()[:32]


def in_words(schedule: DigestSchedule) -> str:
    """Return when, and of what: `0 9 * * mon-fri Europe/Paris, all clusters`."""
    clusters = and_more(schedule.clusters, 5) or "all clusters"
    quiet = ", nothing where nothing changed" if schedule.quiet else ""
    return f"{schedule.cron.text} {schedule.timezone}, {clusters}{quiet}"


def say_in_channel(tools: SlackTools, submitted: Submitted, what: str) -> None:
    """Say in the channel who did what, so that nobody wonders."""
    person = submitted.origin.person.user_id
    text = f"{tools.names.person(person)} {what}."
    body = body_of(tools.sentence(text))
    tools.say(Note(key=submitted.delivery, channel=submitted.origin.channel, body=body, person=person))
