"""Whether Slack knows what dnsbot.yaml names: people, user groups, channels. For `doctor`; nothing is posted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.people import Person
from bot.errors import NotLookedUp, Refused
from bot.slack.connection import SlackConnection
from bot.slack.directory import SlackDirectory
from bot.slack.messages import Messages, NotPosted


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Ids that the file names, each once."""

    users: tuple[str, ...]
    """Of those who may approve or ask."""
    user_groups: tuple[str, ...]
    channels: tuple[str, ...]
    """Of clusters and digests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """Something that is named, and does not do."""

    text: str
    disables: str
    unknown: bool = False
    """It could not be looked up."""


def check_named(connection: SlackConnection, named: Named) -> Iterator[NotFound]:
    """Look everything up, and yield what is not there."""
    directory, messages = SlackDirectory(connection.safe, team_id=connection.team_id), Messages(connection)
    for user in named.users:
        yield from _user(directory, connection.team_id, user)
    for group in named.user_groups:
        yield from _group(directory, group)
    for channel in named.channels:
        yield from _channel(messages, channel)


def _user(directory: SlackDirectory, team_id: str, user: str) -> Iterator[NotFound]:
    disables = f"approving and asking by {user}"
    try:
        standing = directory.standing(Person(team_id=team_id, user_id=user))
    except Refused as refusal:
        yield _not_found(f"{user}, whom dnsbot.yaml names,", refusal, disables)
        return
    marks = {
        "a bot": standing.is_bot,
        "a guest": standing.is_guest,
        "deactivated": standing.is_deactivated,
        "of another workspace": standing.is_stranger,
    }
    for mark in (name for name, holds in marks.items() if holds):
        yield NotFound(text=f"{user}, whom dnsbot.yaml names, is {mark}", disables=disables)


def _group(directory: SlackDirectory, group: str) -> Iterator[NotFound]:
    try:
        directory.group_members([group])
    except Refused as refusal:
        disables = f"approving and asking by members of {group}"
        yield _not_found(f"user group {group}, which dnsbot.yaml names,", refusal, disables)


def _not_found(who: str, refusal: Refused, disables: str) -> NotFound:
    unknown = isinstance(refusal, NotLookedUp)
    said = "could not be looked up" if unknown else "was not found"
    return NotFound(text=f"{who} {said}. {refusal}", disables=disables, unknown=unknown)


def _channel(messages: Messages, channel: str) -> Iterator[NotFound]:
    disables = f"cards and digests in {channel}"
    try:
        messages.reach(channel)
    except NotPosted as error:
        text = f"channel {channel} could not be looked up: {error.code}"
        if error.no_member:
            text = f"channel {channel}, which dnsbot.yaml names: {error.code}. Invite the bot there, or correct the id"
        yield NotFound(text=text, disables=disables, unknown=not error.no_member)
