from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.domain.jobs import Lane
from bot.domain.right_of_way import ACKS
from bot.errors import ConfigurationError
from bot.jobs.in_process import InProcessJobs
from bot.sandbox.slack import Kind
from bot.sandbox.slack.transport import signature
from bot.slack.app import build_app
from bot.slack.http_server import serve_http
from bot.slack.listening import LARGEST_BODY_BYTES
from tests.slack.conftest import TEMPLATES, Stage

BODY = urlencode({"command": "/dns-help", "user_id": "U01", "team_id": "T01", "trigger_id": "1"}).encode()


def send(
    port: int, body: bytes, headers: Mapping[str, str], *, path: str = "/slack/events", method: str = "POST"
) -> tuple[int, str]:
    """Send one request as it is and return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def signed(secret: str, body: bytes, **changes: str) -> dict[str, str]:
    """Return the headers of a delivery by Slack, changed as told."""
    timestamp = str(int(time.time()))
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        pytest.param({"X_Slack_Request_Timestamp": "abc"}, BODY, id="junk-timestamp"),
        pytest.param({"X_Slack_Request_Timestamp": "\xb2"}, BODY, id="digit-that-int-refuses"),
        pytest.param({"X_Slack_Request_Timestamp": "-1"}, BODY, id="negative-timestamp"),
        pytest.param({"X_Slack_Request_Timestamp": ""}, BODY, id="empty-timestamp"),
        pytest.param({"X_Slack_Request_Timestamp": "9" * 400}, BODY, id="huge-timestamp"),
        pytest.param({"X_Slack_Request_Timestamp": "1000000000"}, BODY, id="old-timestamp"),
        pytest.param({"X_Slack_Signature": "v0=" + "0" * 64}, BODY, id="wrong-signature"),
        pytest.param({"X_Slack_Signature": "v0=\xe9"}, BODY, id="signature-not-ascii"),
        pytest.param({"X_Slack_Signature": ""}, BODY, id="empty-signature"),
        pytest.param({"X_Slack_Signature": "v0=00", "Content_Type": "application/json"}, b"{", id="junk-json"),
        pytest.param(
            {"X_Slack_Signature": "v0=" + "0" * 64, "Content_Type": "application/json"}, b"{", id="forged-junk-json"
        ),
        pytest.param({}, b"payload=\xff\xfe", id="not-utf-8"),
    ],
)
def test_delivery_that_slack_did_not_sign_is_401(stage: Any, changes: dict[str, str], body: bytes) -> None:
    """An unauthenticated caller gets 401 whatever it sends, never a server error."""
    status, _ = send(stage.server.port, body, signed(stage.slack.signing_secret, body, **changes))

    assert status == 401
    assert stage.script.history.keys == []


def test_missing_headers_are_401(stage: Any) -> None:
    """Without timestamp and signature nothing is served."""
    assert send(stage.server.port, BODY, {})[0] == 401


def test_body_changed_after_signing_is_401(stage: Any) -> None:
    """The signature covers every byte of the body."""
    headers = signed(stage.slack.signing_secret, BODY)

    assert send(stage.server.port, BODY.replace(b"U01", b"U02"), headers)[0] == 401


def test_wrong_secret_is_401_and_the_person_sees_it(stage: Any) -> None:
    """A delivery signed with another secret changes nothing."""
    acked = stage.slack.deliver({"command": "/dns-help"}, kind=Kind.COMMAND, signing_secret="other")

    assert acked.status == 401


def test_body_over_the_cap_is_refused_unread(stage: Any) -> None:
    """A body that is announced as larger than Slack ever sends is refused before it is sent."""
    headers = {**signed(stage.slack.signing_secret, b""), "Content-Length": str(LARGEST_BODY_BYTES + 1)}

    assert send(stage.server.port, b"", headers)[0] == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/slack/events", 405), ("POST", "/", 404), ("GET", "/healthz", 404), ("POST", "/slack/events/x", 404)],
    ids=["get", "root", "health", "below"],
)
def test_only_the_slack_path_is_served(stage: Any, method: str, path: str, status: int) -> None:
    """Nothing but the one path exists; health has a port of its own."""
    assert send(stage.server.port, b"", {}, path=path, method=method)[0] == status


@pytest.mark.parametrize("secret", [None, "", "  \t"], ids=["unset", "empty", "spaces"])
def test_http_mode_refuses_to_start_on_a_blank_secret(silent_stage: Any, secret: str | None) -> None:
    """A blank signing secret is an error before a socket is opened."""
    with pytest.raises(ConfigurationError, match="SLACK_SIGNING_SECRET is blank"):
        serve_http(silent_stage.bot.bolt, signing_secret=secret, port=0)


def test_port_that_is_taken_is_a_configuration_error(stage: Any) -> None:
    """A taken port is told with what to do."""
    with pytest.raises(ConfigurationError, match="Choose another --port"):
        serve_http(stage.bot.bolt, signing_secret="s", port=stage.server.port)


class NoThreads(InProcessJobs):
    """Jobs of a process that may start no thread any more."""

    def submit(self, lane: Lane, key: str, work: Callable[[], None], *, again: bool = False) -> bool:
        """Fail as `Thread.start` does."""
        del lane, key, work, again
        message = "can't start new thread"
        raise RuntimeError(message)


def test_command_that_cannot_be_queued_is_not_acknowledged(silent_stage: Stage) -> None:
    """The person is told that it failed, instead of waiting for what never comes."""
    slack, use = silent_stage.slack, silent_stage.use
    bot = build_app(
        silent_stage.settings,
        connection=silent_stage.connection,
        use=use,
        jobs=NoThreads(),
        templates=TEMPLATES,
        owner="this",
    )
    server = serve_http(bot.bolt, signing_secret=slack.signing_secret, port=0)
    slack.deliver_to(f"http://127.0.0.1:{server.port}/slack/events")

    acked = slack.person("ana").types("/dns-diagnose cluster-prod")
    server.stop()
    bot.stop()

    assert not acked.ok
    assert "/dns-diagnose failed" in slack.person("ana").sees_text()


def test_click_is_acknowledged_and_served_while_fifty_diagnoses_hang(stage: Any) -> None:
    """Fifty running diagnoses starve neither the acknowledgement of a click nor the decision it makes."""
    stage.post_card()
    held = stage.script.hold = threading.Event()
    ana = stage.slack.person("ana")
    acked = [ana.types(f"/dns-diagnose cluster-prod name=n{n}.example") for n in range(3)]
    assert all(
        stage.jobs.submit(Lane.DIAGNOSE, f"diagnose:hangs-{n}", lambda: held.wait(20) and None) for n in range(47)
    )
    card = stage.card()
    block = next(block["block_id"] for block in card.blocks if block["type"] == "actions")
    clicked = stage.slack.person("ben").clicks(card, "Approve", block_id=block)

    def diagnosing() -> list[str]:
        return [key for key in stage.jobs.running() if key.startswith("diagnose:")]

    decided = stage.slack.wait_until(lambda: "Verified" in stage.card_text(), 10)
    all_hang = stage.slack.wait_until(lambda: len(diagnosing()) == 50, 30)
    stage.script.hold.set()

    assert all(answer.ok for answer in acked)
    assert clicked.acked is not None
    assert clicked.acked.ok
    assert clicked.acked.took_ms < 3000
    assert decided
    assert all_hang, diagnosing()
    stage.quiet(30)


def test_other_work_gives_way_while_a_signed_delivery_is_acknowledged(stage: Stage) -> None:
    """The database is asked when the acknowledgement is out."""
    seen: list[object] = []

    def listen(ack: Any) -> None:
        asked = threading.Thread(target=stage.script.history.real.recent, daemon=True)
        asked.start()
        asked.join(0.1)
        seen.extend([ACKS.busy, asked.is_alive(), asked])
        ack()

    stage.bot.bolt.command("/dns-busy")(listen)
    body = {"command": "/dns-busy", "text": "", "team_id": "T01", "user_id": "U01", "trigger_id": "t-1"}
    assert stage.slack.deliver(body, kind=Kind.COMMAND).ok

    busy, held, asked = seen
    assert (busy, held) == (True, True)
    assert isinstance(asked, threading.Thread)
    asked.join(60)
    assert not asked.is_alive()
    assert stage.slack.wait_until(lambda: not ACKS.busy)


def test_blank_reason_of_a_rejection_is_complained_about_in_the_form(stage: Any) -> None:
    """A reason of spaces keeps the form open, with the complaint beside the field."""
    stage.post_card()
    plan_hash = stage.proposal().plan_hash
    payload = {
        "type": "view_submission",
        "team": {"id": "T01"},
        "user": {"id": "U02", "team_id": "T01"},
        "view": {
            "id": "V1",
            "type": "modal",
            "hash": "h1",
            "callback_id": "reject_reason",
            "private_metadata": f"p-1 {plan_hash} C0123456789 1.0",
            "state": {"values": {"b1": {"reason": {"type": "plain_text_input", "value": "  \n"}}}},
        },
    }
    acked = stage.slack.deliver(payload, kind=Kind.INTERACTIVE)

    assert json.loads(acked.body) == {
        "response_action": "errors",
        "errors": {"b1": "Say why, so that others need not ask."},
    }
    assert stage.decided() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"ssl_check=1&token=x", 200), (b"ssl_check=0&command=/dns-help", 401)],
    ids=["asks", "pretends"],
)
def test_unsigned_look_whether_the_bot_is_there_is_answered(stage: Any, body: bytes, status: int) -> None:
    """Slack checks a command's address without a signature; nothing else is let in by that."""
    assert send(stage.server.port, body, {})[0] == status
    assert stage.script.history.keys == []


@pytest.mark.parametrize(
    "payload",
    [
        "null",
        "[]",
        "5",
        "{",
        "[" * 9_000,
        '{"type": "block_actions", "user": 5}',
        '{"type": "block_actions", "user": {}, "actions": 5}',
        '{"type": "block_actions", "user": {}, "actions": [5]}',
        '{"type": "block_actions", "user": {}, "container": "x"}',
        '{"type": "view_submission", "user": {}, "view": {"state": {}}}',
        '{"type": "view_submission", "user": {}, "view": {"type": "modal", "state": 5}}',
        '{"type": "view_submission", "user": {}, "view": {"state": {"values": {"b": 5}}}}',
    ],
)
def test_signed_junk_is_refused_in_one_line(stage: Any, payload: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is signed and not of Slack's protocol gets 400 and no traceback, whatever it is."""
    body = urlencode({"payload": payload}).encode()
    status, _ = send(stage.server.port, body, signed(stage.slack.signing_secret, body))

    assert status == 400
    assert stage.script.history.keys == []
    assert not [record for record in caplog.records if record.exc_info]


def test_a_view_without_state_is_no_fault_of_the_bot(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A form that holds nothing is complained about as an empty one."""
    view = {"type": "modal", "callback_id": "reject_reason", "id": "V1"}
    payload = {"type": "view_submission", "user": {"id": "U02"}, "view": view}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    status, _ = send(stage.server.port, body, signed(stage.slack.signing_secret, body))

    assert status == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_commands_without_an_id_are_refused_and_not_swallowed(stage: Any) -> None:
    """All of them would be one delivery, and served once a week."""
    body = urlencode({"command": "/dns-help", "user_id": "U01", "team_id": "T01", "channel_id": "C0123456789"}).encode()
    for _ in range(2):
        assert send(stage.server.port, body, signed(stage.slack.signing_secret, body))[0] == 200
    stage.quiet()

    assert stage.slack.person("ana").sees_text().count("without an id") == 2
    assert stage.script.history.keys == []
