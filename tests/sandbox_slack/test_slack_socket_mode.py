from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from websocket import WebSocket, create_connection

from bot.sandbox.slack import Kind, SlackFarEnd


@pytest.fixture
def handler(slack: SlackFarEnd) -> Iterator[SocketModeHandler]:
    """Return Bolt's own Socket Mode handler, connected to the local Slack."""
    client = WebClient(token=slack.bot_token, base_url=slack.url)
    connected = SocketModeHandler(App(client=client, signing_secret="unused"), slack.app_token)
    connected.connect()  # type: ignore[no-untyped-call]
    yield connected
    connected.close()  # type: ignore[no-untyped-call]


def opened(slack: SlackFarEnd) -> WebSocket:
    """Open a connection by hand and read its hello."""
    url = WebClient(token=slack.app_token, base_url=slack.url).apps_connections_open(app_token=slack.app_token)["url"]
    socket = create_connection(url, timeout=5)
    assert json.loads(socket.recv())["type"] == "hello"
    return socket


def in_background(slack: SlackFarEnd, acked: list[bool]) -> threading.Thread:
    """Deliver a command in another thread."""
    payload = {"command": "/dns-help", "text": ""}
    thread = threading.Thread(target=lambda: acked.append(slack.deliver(payload, kind=Kind.COMMAND).ok))
    thread.start()
    return thread


def test_bolt_connects_and_a_command_and_a_click_arrive(slack: SlackFarEnd, handler: SocketModeHandler) -> None:
    """slack_sdk's built-in client connects; envelopes come, answers go back in the acknowledgement."""
    app: App = handler.app
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    clicks: list[str] = []

    @app.command("/dns-diagnose")
    def diagnose(ack: Ack, client: WebClient, body: dict[str, Any]) -> None:
        ack("looking")
        blocks = [{"type": "actions", "elements": [button]}]
        client.chat_postMessage(channel=body["channel_id"], text="card", blocks=blocks)

    @app.action("go")
    def go(ack: Ack, body: dict[str, Any]) -> None:
        clicks.append(body["user"]["id"])
        ack()

    acked = slack.person("ana").types("/dns-diagnose cluster-prod")
    ben = slack.person("ben")
    clicked = ben.clicks(ben.wait_for(lambda message: message.text == "card"), "go")

    assert acked.ok
    assert "looking" in slack.person("ana").sees_text()
    assert clicked.acked is not None
    assert clicked.acked.ok
    assert clicks == ["U02"]


def test_bolt_comes_back_after_a_disconnect(slack: SlackFarEnd, handler: SocketModeHandler) -> None:
    """The server asks the connection to go; a command arrives over the new one, which a busy machine opens late."""
    app: App = handler.app

    @app.command("/dns-help")
    def helped(ack: Ack) -> None:
        ack()

    slack.disconnect()

    assert any(slack.person("ana").types("/dns-help").ok for _ in range(5))
    assert len(slack.calls("apps.connections.open")) == 2


def test_each_envelope_goes_to_one_connection(slack: SlackFarEnd) -> None:
    """Two connections share the work; no envelope goes to both."""
    first, second = opened(slack), opened(slack)
    acked: list[bool] = []
    got = []
    for socket in (first, second):
        thread = in_background(slack, acked)
        envelope = json.loads(socket.recv())
        got.append(envelope["envelope_id"])
        socket.send(json.dumps({"envelope_id": envelope["envelope_id"]}))
        thread.join()
    first.close()
    second.close()

    assert acked == [True, True]
    assert len(set(got)) == 2
    assert [number for _, number in slack.sent_over] == [0, 1]


def test_an_unacknowledged_envelope_is_sent_again_over_another_connection(slack: SlackFarEnd) -> None:
    """A connection that dies with an envelope in hand loses nothing."""
    first, second = opened(slack), opened(slack)
    acked: list[bool] = []
    thread = in_background(slack, acked)
    lost = json.loads(first.recv())["envelope_id"]
    first.close()
    again = json.loads(second.recv())["envelope_id"]
    second.send(json.dumps({"envelope_id": again}))
    thread.join()
    second.close()

    assert again == lost
    assert acked == [True]


def test_no_acknowledgement_in_time_is_a_timeout() -> None:
    """A connected app that stays silent is the same failure as one that is not there."""
    with SlackFarEnd(ack_seconds=0.2) as slack:
        absent = slack.person("ana").types("/dns-help")
        silent = opened(slack)
        ignored = slack.person("ana").types("/dns-help")
        silent.close()
        screen = slack.person("ana").sees_text()

    assert absent.error == ignored.error == "operation_timeout"
    assert screen.count("operation_timeout") == 2


def test_a_ticket_opens_one_connection(slack: SlackFarEnd) -> None:
    """An address from apps.connections.open works once."""
    url = WebClient(base_url=slack.url).apps_connections_open(app_token=slack.app_token)["url"]
    create_connection(url, timeout=5).close()

    with pytest.raises(Exception, match="404"):
        create_connection(url, timeout=5)
