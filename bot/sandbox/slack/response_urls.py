"""Response addresses: five uses in thirty minutes, for the asker alone unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack.roster import BOT_USER
from bot.sandbox.slack.web_api import ApiRefused, checked_content
from bot.sandbox.slack.workspace import RESPONSE_SECONDS, RESPONSE_USES, Message, ResponseAddress, Workspace


def respond(workspace: Workspace, name: str, body: Mapping[str, Any]) -> None:
    """Do what was posted to a response address, or raise `ApiRefused`."""
    address = workspace.responses.get(name)
    if address is None or workspace.clock() - address.made_at > RESPONSE_SECONDS:
        raise ApiRefused("expired_url")
    if address.uses >= RESPONSE_USES:
        raise ApiRefused("used_url")
    original = workspace.find(address.channel, address.message_ts)
    if body.get("delete_original"):
        if original is not None:
            workspace.messages.remove(original)
    elif body.get("replace_original") and original is not None:
        original.text, original.blocks, original.attachments = checked_content(body)
        original.edited += 1
        workspace.dress(original)
    else:
        say(workspace, address, body)
    address.uses += 1


def say(workspace: Workspace, address: ResponseAddress, body: Mapping[str, Any]) -> None:
    """Add a message in answer to a command or click; needs no membership in the channel."""
    text, blocks, attachments = checked_content(body)
    workspace.add_message(
        Message(
            channel=address.channel,
            ts=workspace.next_ts(),
            user=BOT_USER,
            text=text,
            blocks=blocks,
            attachments=attachments,
            thread_ts=str(body.get("thread_ts") or ""),
            only_visible_to="" if body.get("response_type") == "in_channel" else address.user,
        )
    )
