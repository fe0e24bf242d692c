"""The payloads of commands, events, clicks and submissions, as Slack documents them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.roster import APP_ID, BOT_USER, OUR_TEAM, Account, Channel
from bot.sandbox.slack.view_api import view_json
from bot.sandbox.slack.workspace import Message, OpenView, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A button as it stood on someone's screen."""

    block_id: str
    element: Mapping[str, Any]


def command(workspace: Workspace, account: Account, channel: Channel, text: str, base_url: str) -> dict[str, str]:
    """Return the form of a slash command."""
    name, _, rest = text.partition(" ")
    return {
        "token": "deprecated",
        "team_id": account.team_id,
        "team_domain": "sandbox",
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": account.id,
        "user_name": account.name,
        "command": name,
        "text": rest.strip(),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": f"{base_url}/response/{workspace.new_response(account.id, channel.id)}",
        "trigger_id": workspace.new_trigger(account.id),
    }


def mention(workspace: Workspace, account: Account, message: Message) -> dict[str, Any]:
    """Return the `event_callback` of an `app_mention`."""
    event: dict[str, Any] = {
        "type": "app_mention",
        "user": account.id,
        "text": message.text,
        "ts": message.ts,
        "channel": message.channel,
        "event_ts": message.ts,
        "team": account.team_id,
        "blocks": message.blocks,
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    return _event(workspace, event)


def home_opened(workspace: Workspace, account: Account, tab: str) -> dict[str, Any]:
    """Return the `event_callback` of an `app_home_opened`; it names no team of the person."""
    opened = {
        "type": "app_home_opened",
        "user": account.id,
        "channel": f"D{account.id[1:]}",
        "tab": tab,
        "event_ts": workspace.next_ts(),
    }
    home = workspace.homes.get(account.id)
    return _event(workspace, {**opened, "view": view_json(home)} if home else opened)


def _event(workspace: Workspace, event: dict[str, Any]) -> dict[str, Any]:
    return {
        "token": "deprecated",
        "team_id": OUR_TEAM,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(float(event["event_ts"])),
        "authorizations": [{"enterprise_id": None, "team_id": OUR_TEAM, "user_id": BOT_USER, "is_bot": True}],
        "is_ext_shared_channel": False,
    }


def direct_message(workspace: Workspace, account: Account, message: Message) -> dict[str, Any]:
    """Return the `event_callback` of a `message.im`."""
    whole = mention(workspace, account, message)
    whole["event"] |= {"type": "message", "channel_type": "im"}
    return whole


def message_shortcut(
    workspace: Workspace, account: Account, message: Message, callback_id: str, base_url: str
) -> dict[str, Any]:
    """Return the `message_action` payload of a shortcut that was chosen on a message."""
    channel = workspace.channels[message.channel]
    return {
        **_interaction(workspace, account, "message_action"),
        "callback_id": callback_id,
        "channel": {"id": channel.id, "name": channel.name},
        "message_ts": message.ts,
        "message": message.as_json(),
        "response_url": f"{base_url}/response/{workspace.new_response(account.id, channel.id)}",
    }


def click(workspace: Workspace, account: Account, message: Message, press: Press, base_url: str) -> dict[str, Any]:
    """Return the `block_actions` payload of a button in a message."""
    channel = workspace.channels[message.channel]
    response = workspace.new_response(account.id, channel.id, message.ts)
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.only_visible_to),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    return {
        **_interaction(workspace, account, "block_actions"),
        "container": container,
        "channel": {"id": channel.id, "name": channel.name},
        "message": message.as_json(),
        "state": {"values": {}},
        "response_url": f"{base_url}/response/{response}",
        "actions": [_action(workspace, press)],
    }


def click_in_view(workspace: Workspace, account: Account, view: OpenView, press: Press) -> dict[str, Any]:
    """Return the `block_actions` payload of a button in a modal."""
    return {
        **_interaction(workspace, account, "block_actions"),
        "container": {"type": "view", "view_id": view.id},
        "view": view_json(view),
        "actions": [_action(workspace, press)],
    }


def submission(
    workspace: Workspace, account: Account, view: OpenView, values: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the `view_submission` payload of a filled modal."""
    return {
        **_interaction(workspace, account, "view_submission"),
        "view": view_json(view, values),
        "response_urls": [],
    }


def _interaction(workspace: Workspace, account: Account, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "team": {"id": OUR_TEAM, "domain": "sandbox"},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": account.id, "username": account.name, "name": account.name, "team_id": account.team_id},
        "api_app_id": APP_ID,
        "token": "deprecated",
        "trigger_id": workspace.new_trigger(account.id),
    }


def _action(workspace: Workspace, press: Press) -> dict[str, Any]:
    kept = ("type", "action_id", "text", "value", "style", "selected_option")
    action = {key: copy.deepcopy(press.element[key]) for key in kept if key in press.element}
    return {**action, "block_id": press.block_id, "action_ts": workspace.next_ts()}
