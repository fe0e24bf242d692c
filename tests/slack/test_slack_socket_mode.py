from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.right_of_way import ACKS
from bot.errors import ConfigurationError
from bot.sandbox.slack import Kind, as_text
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
    assert "You may not decide" in stage.slack.person("dan").sees_text()
    assert sent.errors == {}
    assert "Rejected by chloe" in stage.card_text()


def test_other_work_gives_way_while_an_envelope_is_acknowledged(socket_stage: Any) -> None:
    """Not before, and not after."""
    seen: list[bool] = []

    def listen(ack: Any) -> None:
        seen.append(ACKS.busy)
        ack()

    socket_stage.bot.bolt.command("/dns-busy")(listen)
    body = {"command": "/dns-busy", "text": "", "team_id": "T01", "user_id": "U01", "trigger_id": "t-1"}
    assert socket_stage.slack.deliver(body, kind=Kind.COMMAND).ok

    assert seen == [True]
    assert socket_stage.slack.wait_until(lambda: not ACKS.busy)


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

    assert "Verified: All lookups answer." in stage.card_text()
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


@pytest.mark.parametrize("silently", [False, True], ids=["cut-off", "nobody-answers"])
def test_connection_lost_without_a_word_is_noticed_said_and_opened_anew(
    silent_stage: Any, caplog: pytest.LogCaptureFixture, *, silently: bool
) -> None:
    """A proxy drops it: health says so by the last pong, the log says both, and the next command arrives."""
    caplog.set_level(logging.INFO, logger="bot.slack.socket_mode")
    stage = silent_stage
    link = serve_socket(stage.bot.bolt, connection=stage.connection, app_token=stage.slack.app_token, ping_seconds=0.3)
    stage.until(lambda: link.connected)
    stage.slack.drop(silently=silently)
    stage.until(lambda: not link.connected)
    stage.until(lambda: link.connected and stage.slack.connections)
    stage.until(lambda: "socket mode connected again" in caplog.messages)
    acked = stage.slack.person("ana").types("/dns-help")
    link.stop()

    assert acked.ok
    assert "socket mode connection lost; it is being opened anew" in caplog.messages


def test_delivery_that_nobody_listens_for_is_acknowledged_and_logged(
    socket_stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that somebody subscribed to, a button of former times: Slack keeps delivering."""
    caplog.set_level(logging.INFO, logger="bot.slack.app")
    event = {"type": "event_callback", "team_id": "T01", "event_id": "Ev9", "event": {"type": "team_rename"}}
    acked = socket_stage.slack.deliver(event, kind=Kind.EVENT)

    (record,) = [one for one in caplog.records if one.message == "delivery without a listener"]
    assert acked.ok
    assert vars(record)["type"] == "event_callback team_rename"
