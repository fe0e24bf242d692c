"""The Web API methods that the local Slack knows, each a function of the workspace and the arguments.

An unknown method answers `unknown_method`, as Slack does.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from bot.sandbox.slack.blocks import ATTACHMENTS, check_message, check_view, too_long
from bot.sandbox.slack.roster import APP_ID, BOT_ID, BOT_USER, OUR_TEAM, Channel
from bot.sandbox.slack.shape_checks import Flaw
from bot.sandbox.slack.workspace import Message, Workspace

Arguments: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]


class ApiRefused(Exception):
    """The call is answered with `ok: false` and this error code."""

    def __init__(self, code: str, flaws: tuple[Flaw, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.flaws = flaws

    def answer(self) -> Answer:
        """Return Slack's answer."""
        answer: Answer = {"ok": False, "error": self.code}
        if self.flaws:
            texts = [flaw.text for flaw in self.flaws]
            answer |= {"errors": texts, "response_metadata": {"messages": [f"[ERROR] {text}" for text in texts]}}
        return answer


def _auth_test(_workspace: Workspace, _arguments: Arguments) -> Answer:
    return {
        "url": "https://dnsbot.slack.com/",
        "team": "sandbox",
        "user": "dnsbot",
        "team_id": OUR_TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


def _api_test(_workspace: Workspace, arguments: Arguments) -> Answer:
    if "error" in arguments:
        raise ApiRefused(str(arguments["error"]))
    return {"args": dict(arguments)}


def need(arguments: Arguments, key: str, code: str = "invalid_arguments") -> str:
    """Return a required text argument."""
    value = arguments.get(key)
    if not isinstance(value, str) or not value:
        raise ApiRefused(code)
    return value


def checked_content(arguments: Arguments) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Return text, blocks and attachments, or refuse them as Slack would."""
    text, blocks, attachments = (arguments.get(key) or empty for key, empty in _CONTENT.items())
    if not isinstance(text, str):
        raise ApiRefused("invalid_arguments")
    if not (text.strip() or blocks or attachments):
        raise ApiRefused("no_text")
    flaws = list(check_message(blocks))
    if not isinstance(attachments, list) or len(attachments) > ATTACHMENTS:
        raise ApiRefused("too_many_attachments" if isinstance(attachments, list) else "invalid_attachments")
    for index, attachment in enumerate(attachments):
        flaws += check_message(attachment.get("blocks") or [], f"/attachments/{index}/blocks")
    if flaws:
        raise ApiRefused("invalid_blocks", tuple(flaws))
    if too_long([*blocks, *(attachment.get("blocks") or [] for attachment in attachments)]):
        raise ApiRefused("msg_blocks_too_long")
    return text, copy.deepcopy(blocks), copy.deepcopy(attachments)


_CONTENT: Final[Mapping[str, Any]] = {"text": "", "blocks": [], "attachments": []}


def channel_of(workspace: Workspace, arguments: Arguments, *, to_write: bool = False) -> Channel:
    """Return the channel that is named, or refuse it as Slack would."""
    channel = workspace.channel_for(need(arguments, "channel", "channel_not_found"))
    if channel is None or (channel.is_private and not channel.has_bot):
        raise ApiRefused("channel_not_found")
    if not channel.has_bot and to_write:
        raise ApiRefused("not_in_channel")
    if channel.is_archived and to_write:
        raise ApiRefused("is_archived")
    return channel


def thread_of(workspace: Workspace, channel: Channel, arguments: Arguments) -> str:
    """Return the thread that is named, if any, or refuse it as Slack would."""
    thread = arguments.get("thread_ts") or ""
    if thread and workspace.find(channel.id, str(thread)) is None:
        raise ApiRefused("thread_not_found")
    return str(thread)


def _post(workspace: Workspace, arguments: Arguments, *, only_visible_to: str = "") -> Message:
    channel = channel_of(workspace, arguments, to_write=True)
    text, blocks, attachments = checked_content(arguments)
    return workspace.add_message(
        Message(
            channel=channel.id,
            ts=workspace.next_ts(),
            user=BOT_USER,
            text=text,
            blocks=blocks,
            attachments=attachments,
            thread_ts=thread_of(workspace, channel, arguments),
            only_visible_to=only_visible_to,
            metadata=_metadata(arguments),
        )
    )


def _metadata(arguments: Arguments) -> dict[str, Any] | None:
    metadata = arguments.get("metadata")
    if metadata is None:
        return None
    well = isinstance(metadata, dict) and isinstance(metadata.get("event_type"), str)
    if not well or not isinstance(metadata.get("event_payload"), dict):
        raise ApiRefused("invalid_metadata_format")
    return dict(metadata)


def _post_message(workspace: Workspace, arguments: Arguments) -> Answer:
    message = _post(workspace, arguments)
    return {"channel": message.channel, "ts": message.ts, "message": message.as_json()}


def _post_ephemeral(workspace: Workspace, arguments: Arguments) -> Answer:
    user = need(arguments, "user", "user_not_in_channel")
    if workspace.roster.account(user) is None:
        raise ApiRefused("user_not_in_channel")
    return {"message_ts": _post(workspace, arguments, only_visible_to=user).ts}


def _own_message(workspace: Workspace, arguments: Arguments, refusal: str) -> Message:
    channel = channel_of(workspace, arguments, to_write=True)
    message = workspace.find(channel.id, need(arguments, "ts", "message_not_found"))
    if message is None or message.only_visible_to:
        raise ApiRefused("message_not_found")
    if message.user != BOT_USER:
        raise ApiRefused(refusal)
    return message


def _update(workspace: Workspace, arguments: Arguments) -> Answer:
    message = _own_message(workspace, arguments, "cant_update_message")
    message.text, message.blocks, message.attachments = checked_content(arguments)
    message.edited += 1
    workspace.dress(message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": message.as_json()}


def _delete(workspace: Workspace, arguments: Arguments) -> Answer:
    message = _own_message(workspace, arguments, "cant_delete_message")
    workspace.messages.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def _permalink(workspace: Workspace, arguments: Arguments) -> Answer:
    channel = channel_of(workspace, arguments)
    ts = need(arguments, "message_ts", "message_not_found")
    if workspace.find(channel.id, ts) is None:
        raise ApiRefused("message_not_found")
    place = f"{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": f"https://dnsbot.slack.com/archives/{place}"}


def _conversation(workspace: Workspace, arguments: Arguments) -> Answer:
    return {"channel": channel_of(workspace, arguments).as_json()}


def _members(workspace: Workspace, arguments: Arguments) -> Answer:
    channel = channel_of(workspace, arguments)
    everybody = channel.members or tuple(account.id for account in workspace.roster.accounts)
    start, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
    more = len(everybody) > start + limit
    cursor = str(start + limit) if more else ""
    return {"members": list(everybody[start : start + limit]), "response_metadata": {"next_cursor": cursor}}


def _page(messages: list[Message], arguments: Arguments) -> Answer:
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
    inside = [message for message in messages if oldest <= float(message.ts) <= latest]
    start, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
    more = len(inside) > start + limit
    shown = [message.as_json() for message in inside[start : start + limit]]
    if not _true(arguments.get("include_all_metadata", False)):
        for message in shown:
            message.pop("metadata", None)
    return {
        "messages": shown,
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
    }


def _public(workspace: Workspace, arguments: Arguments) -> list[Message]:
    channel = channel_of(workspace, arguments)
    if not channel.has_bot:
        raise ApiRefused("not_in_channel")
    return [m for m in workspace.messages if m.channel == channel.id and not m.only_visible_to]


def _history(workspace: Workspace, arguments: Arguments) -> Answer:
    top = [message for message in _public(workspace, arguments) if message.thread_ts in {"", message.ts}]
    return _page(top[::-1], arguments)


def _replies(workspace: Workspace, arguments: Arguments) -> Answer:
    ts = need(arguments, "ts", "thread_not_found")
    thread = [message for message in _public(workspace, arguments) if ts in {message.ts, message.thread_ts}]
    if not thread:
        raise ApiRefused("thread_not_found")
    return _page(thread, arguments)


def _user(workspace: Workspace, arguments: Arguments) -> Answer:
    account = workspace.roster.account(need(arguments, "user", "user_not_found"))
    if account is None:
        raise ApiRefused("user_not_found")
    return {"user": account.as_json()}


def _true(value: object) -> bool:
    return value in (True, "1", "true", "True")


def _groups(workspace: Workspace, arguments: Arguments) -> Answer:
    with_users = _true(arguments.get("include_users", False))
    return {"usergroups": [group.as_json(with_users=with_users) for group in workspace.roster.groups]}


def _group_users(workspace: Workspace, arguments: Arguments) -> Answer:
    wanted = need(arguments, "usergroup", "no_such_subteam")
    for group in workspace.roster.groups:
        if group.id == wanted:
            return {"users": list(group.members)}
    raise ApiRefused("no_such_subteam")


def _validate(_workspace: Workspace, arguments: Arguments) -> Answer:
    flaws = check_view(arguments["view"]) if "view" in arguments else check_message(arguments.get("blocks", []))
    if flaws:
        raise ApiRefused("invalid_view" if "view" in arguments else "invalid_blocks", flaws)
    return {}


def _connections_open(workspace: Workspace, _arguments: Arguments) -> Answer:
    return {"ticket": workspace.new_id("ticket-") + secrets.token_hex(8)}


Method: TypeAlias = Callable[[Workspace, Arguments], Answer]
METHODS: Final[Mapping[str, Method]] = {
    "api.test": _api_test,
    "apps.connections.open": _connections_open,
    "auth.test": _auth_test,
    "blocks.validate": _validate,
    "chat.delete": _delete,
    "chat.getPermalink": _permalink,
    "chat.postEphemeral": _post_ephemeral,
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "conversations.history": _history,
    "conversations.info": _conversation,
    "conversations.members": _members,
    "conversations.replies": _replies,
    "usergroups.list": _groups,
    "usergroups.users.list": _group_users,
    "users.info": _user,
}
"""Methods by name; those of views stand in `view_api`, of files in `file_api`."""
