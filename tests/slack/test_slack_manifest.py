from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import bot.slack.commands
from bot.slack.scopes import BY_LISTENER, BY_METHOD, bot_scopes

ROOT = Path(__file__).parents[2]
PREFIXES = (
    "api_",
    "apps_",
    "auth_",
    "chat_",
    "conversations_",
    "files_",
    "reactions_",
    "usergroups_",
    "users_",
    "views_",
)
CLIENTS = {"_client", "_safe", "_posts", "_once", "_progress", "safe", "posts", "once", "progress", "client"}


@pytest.fixture
def manifest() -> dict[str, Any]:
    """The shipped app manifest."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text())
    return loaded


def called_methods() -> Iterator[str]:
    """Yield every Web API method that the Slack package calls on a client, as Python names it."""
    for file in (ROOT / "bot" / "slack").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name in CLIENTS and node.func.attr.startswith(PREFIXES):
                yield node.func.attr


def test_every_call_has_its_scope_and_every_scope_its_call() -> None:
    """The table of scopes names exactly the methods that the code calls."""
    assert {method.replace(".", "_") for method in BY_METHOD} == set(called_methods())


def test_manifest_asks_for_exactly_the_scopes_that_are_used(manifest: dict[str, Any]) -> None:
    """No scope is asked for that no code path uses, and none is missing."""
    assert manifest["oauth_config"]["scopes"]["bot"] == [scope.name for scope in bot_scopes()]
    assert "user" not in manifest["oauth_config"]["scopes"]


def test_manifest_declares_exactly_the_commands_that_exist(manifest: dict[str, Any]) -> None:
    """Each command file has its slash command, and no other is declared."""
    files = {f"/dns-{module.name.replace('_', '-')}" for module in pkgutil.iter_modules(bot.slack.commands.__path__)}

    assert {command["command"] for command in manifest["features"]["slash_commands"]} == files


def test_manifest_subscribes_to_what_is_listened_for(manifest: dict[str, Any]) -> None:
    """Only mentions and direct messages are delivered; channels are looked into for the bot's own messages alone."""
    listened = [key.removeprefix("event:") for key in BY_LISTENER if key.startswith("event:")]

    assert manifest["settings"]["event_subscriptions"]["bot_events"] == listened


def test_every_scope_is_explained_in_the_manifest() -> None:
    """Above each scope stands what it is for."""
    lines = (ROOT / "deploy" / "slack-manifest.yaml").read_text().splitlines()
    for scope in bot_scopes():
        index = lines.index(f"      - {scope.name}")
        assert lines[index - 1].strip().startswith("#"), scope.name
