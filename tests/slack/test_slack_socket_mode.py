from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import ConfigurationError
from bot.sandbox.slack import as_text
from bot.slack.socket_mode import serve_socket


@pytest.fixture
def socket_stage(silent_stage: Any) -> Iterator[Any]:
    """The bot, connected over a real WebSocket; the local Slack delivers there."""
    connection = serve_socket(
        silent_stage.bot.bolt, connection=silent_stage.connection, app_token=silent_stage.slack.app_token
    )
    yield silent_stage
    connection.stop()


def test_command_clicks_and_modal_over_a_websocket(socket_stage: Any) -> None:
    """The same listeners serve Socket Mode: diagnose, refuse, reject with a reason; each envelope counts once."""
    stage = socket_stage
    card = stage.post_card()
    assert stage.slack.redeliver(stage.slack.deliveries[0][0], retry=1).ok
    stage.press("dan", "Approve")
    stage.press("chloe", "Reject")
    chloe = stage.slack.person("chloe")
    sent = chloe.submits(chloe.wait_for_view(), {"reason": "not tonight"})
    stage.quiet()

    assert len(stage.script.diagnosed) == 1
    assert "[ Approve ]" in as_text(card)
    assert "not among those" in stage.slack.person("dan").sees_text()
    assert sent.errors == {}
    assert "Rejected by chloe" in stage.card_text()


def test_connection_comes_back_after_a_disconnect(socket_stage: Any) -> None:
    """After Slack's `disconnect` the next command and click arrive."""
    stage = socket_stage
    stage.slack.disconnect()
    until = time.monotonic() + 15
    while stage.slack.connections == 0:
        assert time.monotonic() < until
        time.sleep(0.02)
    stage.post_card()
    stage.press("ben", "Approve")

    assert "Verified: All look-ups answer." in stage.card_text()
    assert "Approved by ben" in stage.card_text()


@pytest.mark.parametrize("token", [None, "", " "], ids=["unset", "empty", "space"])
def test_blank_app_token_refuses_to_start(silent_stage: Any, token: str | None) -> None:
    """Socket Mode does not begin without its token."""
    with pytest.raises(ConfigurationError, match="SLACK_APP_TOKEN is blank"):
        serve_socket(silent_stage.bot.bolt, connection=silent_stage.connection, app_token=token)


def test_wrong_app_token_is_a_configuration_error(silent_stage: Any) -> None:
    """A token that Slack refuses is told with what to check."""
    with pytest.raises(ConfigurationError, match=r"apps\.connections\.open answered"):
        serve_socket(silent_stage.bot.bolt, connection=replace(silent_stage.connection), app_token="xapp-1-wrong")
