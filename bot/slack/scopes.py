"""Which Slack scope each call needs, and what it is for; `doctor`, the manifest and its test read this table.

Source: the method pages of docs.slack.dev. A method that needs no scope stands here with an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One scope of the bot token (or of the app-level token) and what is lost without it."""

    name: str
    unlocks: str


CHAT_WRITE = Scope(name="chat:write", unlocks="reports, cards and private answers in channels the bot is a member of")
COMMANDS = Scope(name="commands", unlocks="/dns-diagnose and all other commands")
MENTIONS = Scope(name="app_mentions:read", unlocks="the same verbs by mention, also in threads")
DIRECT_MESSAGES = Scope(name="im:history", unlocks="the same verbs in direct messages to the bot")
USERS = Scope(
    name="users:read",
    unlocks="asking and approving: whether somebody is a bot, a guest, deactivated or foreign; names on cards",
)
USER_GROUPS = Scope(name="usergroups:read", unlocks="asking and approving by user group; handles on cards")
HISTORY = Scope(
    name="channels:history",
    unlocks="looking in a public channel whether a message whose answer was lost is there, before it is sent again",
)
PRIVATE_HISTORY = Scope(name="groups:history", unlocks="the same in a private channel that the bot is a member of")
MEMBERS = Scope(
    name="channels:read",
    unlocks="reports in other channels than the cluster's: whether everybody in a public channel may see the cluster",
)
PRIVATE_MEMBERS = Scope(name="groups:read", unlocks="the same in a private channel that the bot is a member of")
FILES = Scope(
    name="files:write",
    unlocks="packet captures, records of diagnoses and pictures of digests, as files in their threads",
)
NO_SCOPE = Scope(name="", unlocks="")

BY_METHOD: Mapping[str, Scope] = {
    "auth.test": NO_SCOPE,
    "chat.getPermalink": NO_SCOPE,
    "chat.postEphemeral": CHAT_WRITE,
    "chat.postMessage": CHAT_WRITE,
    "chat.update": CHAT_WRITE,
    "conversations.history": HISTORY,
    "conversations.members": MEMBERS,
    "conversations.replies": HISTORY,
    "files.completeUploadExternal": FILES,
    "files.getUploadURLExternal": FILES,
    "usergroups.list": USER_GROUPS,
    "usergroups.users.list": USER_GROUPS,
    "users.info": USERS,
    "views.open": NO_SCOPE,
    "views.publish": NO_SCOPE,
    "views.update": NO_SCOPE,
}
"""Every Web API method that the code calls with the bot token."""

IN_PRIVATE_CHANNELS: Mapping[str, Scope] = {
    "conversations.history": PRIVATE_HISTORY,
    "conversations.members": PRIVATE_MEMBERS,
    "conversations.replies": PRIVATE_HISTORY,
}
"""What a method needs there."""

BY_LISTENER: Mapping[str, Scope] = {
    "command": COMMANDS,
    "event:app_mention": MENTIONS,
    "event:app_home_opened": NO_SCOPE,
    "event:message.im": DIRECT_MESSAGES,
}
"""What Slack delivers only with a scope."""


def bot_scopes() -> tuple[Scope, ...]:
    """Return the scopes of the bot token, sorted by name, each once."""
    tables = (BY_METHOD, IN_PRIVATE_CHANNELS, BY_LISTENER)
    named = {scope.name: scope for table in tables for scope in table.values() if scope.name}
    return tuple(named[name] for name in sorted(named))
