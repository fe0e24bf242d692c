"""Modals and home pages: `views.open`, `.push`, `.update`, `.publish`, and what a submission's answer does to them."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.slack.blocks import check_view
from bot.sandbox.slack.roster import APP_ID, BOT_ID, OUR_TEAM
from bot.sandbox.slack.web_api import Answer, ApiRefused, Arguments, Method, need
from bot.sandbox.slack.workspace import TRIGGER_SECONDS, OpenView, Workspace

STACK: Final = 3
"""How many views may lie on one another."""


def view_json(open_view: OpenView, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a view as Slack sends it: to the app that opened it, and with a submission."""
    return {
        "title": None,
        "submit": None,
        "close": None,
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        **copy.deepcopy(open_view.view),
        "id": open_view.id,
        "hash": open_view.hash,
        "team_id": OUR_TEAM,
        "app_id": APP_ID,
        "bot_id": BOT_ID,
        "root_view_id": open_view.root,
        "previous_view_id": open_view.previous or None,
        "state": {"values": dict(values or {})},
    }


def checked_view(view: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """Return a copy of the view with ids for its blocks, or refuse it as Slack would."""
    flaws = check_view(view)
    if flaws:
        raise ApiRefused("invalid_view", flaws)
    whole: dict[str, Any] = copy.deepcopy(view)
    for block in whole["blocks"]:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in (block.get("element"), block.get("accessory"), *block.get("elements", ())):
            if isinstance(element, dict) and block["type"] in {"input", "section", "actions"}:
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return whole


def put_view(workspace: Workspace, user: str, view: Any, *, on: OpenView | None = None) -> OpenView:  # noqa: ANN401  # any JSON
    """Show a view to this person, on top of another one or as the first."""
    whole = checked_view(view)
    name = workspace.new_id("V")
    opened = OpenView(
        id=name,
        user=user,
        view=whole,
        hash=_new_hash(workspace),
        root=on.root if on else name,
        previous=on.id if on else "",
    )
    workspace.views[name] = opened
    return opened


def replace_view(workspace: Workspace, old: OpenView, view: Any) -> None:  # noqa: ANN401  # any JSON
    """Show another content in the same view."""
    old.view, old.hash = checked_view(view), _new_hash(workspace)


def stack_of(workspace: Workspace, user: str) -> list[OpenView]:
    """Return the views on this person's screen, the top one last."""
    return [view for view in workspace.views.values() if view.user == user and not view.closed]


def _new_hash(workspace: Workspace) -> str:
    return f"{int(workspace.clock())}.{secrets.token_hex(4)}"


def _use_trigger(workspace: Workspace, arguments: Arguments) -> str:
    trigger = workspace.triggers.get(need(arguments, "trigger_id"))
    if trigger is None:
        raise ApiRefused("invalid_trigger_id")
    if trigger.used:
        raise ApiRefused("exchanged_trigger_id")
    if workspace.clock() - trigger.made_at > TRIGGER_SECONDS:
        raise ApiRefused("expired_trigger_id")
    trigger.used = True
    return trigger.user


def _open(workspace: Workspace, arguments: Arguments) -> Answer:
    checked_view(arguments.get("view"))
    user = _use_trigger(workspace, arguments)
    for view in stack_of(workspace, user):
        view.closed = True
    return {"view": view_json(put_view(workspace, user, arguments["view"]))}


def _push(workspace: Workspace, arguments: Arguments) -> Answer:
    checked_view(arguments.get("view"))
    user = _use_trigger(workspace, arguments)
    stack = stack_of(workspace, user)
    if len(stack) >= STACK:
        raise ApiRefused("push_limit_reached")
    return {"view": view_json(put_view(workspace, user, arguments["view"], on=stack[-1] if stack else None))}


def _update(workspace: Workspace, arguments: Arguments) -> Answer:
    external = arguments.get("external_id")
    view = workspace.views.get(str(arguments.get("view_id", "")))
    if view is None and external:
        view = next((v for v in workspace.views.values() if v.view.get("external_id") == external), None)
    if view is None or view.closed:
        raise ApiRefused("not_found")
    if arguments.get("hash") and arguments["hash"] != view.hash:
        raise ApiRefused("hash_conflict")
    replace_view(workspace, view, arguments.get("view"))
    return {"view": view_json(view)}


def _publish(workspace: Workspace, arguments: Arguments) -> Answer:
    user = need(arguments, "user_id")
    whole = checked_view(arguments.get("view"))
    if whole["type"] != "home":
        raise ApiRefused("invalid_arguments")
    if workspace.roster.account(user) is None:
        raise ApiRefused("not_enabled")
    old = workspace.homes.get(user)
    if arguments.get("hash") and (old is None or arguments["hash"] != old.hash):
        raise ApiRefused("hash_conflict")
    name = old.id if old else workspace.new_id("V")
    workspace.homes[user] = OpenView(id=name, user=user, view=whole, hash=_new_hash(workspace), root=name)
    return {"view": view_json(workspace.homes[user])}


VIEW_METHODS: Final[Mapping[str, Method]] = {
    "views.open": _open,
    "views.push": _push,
    "views.update": _update,
    "views.publish": _publish,
}
