from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.sandbox.slack import SlackFarEnd
from bot.sandbox.slack.control import PersonControl


@pytest.fixture
def control(slack: SlackFarEnd) -> Iterator[PersonControl]:
    """Return the control server of the local Slack."""
    with PersonControl(slack) as server:
        yield server


def ask(control: PersonControl, path: str, asked: Any = None, **headers: str) -> tuple[int, str]:
    """Send a request with the token, unless another is given, and return status and text."""
    body = None if asked is None else json.dumps(asked).encode()
    named = {"X-Sandbox-Token": control.token} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{control.url}{path}", data=body, headers=named)  # noqa: S310  # our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode().strip()


def test_people_act_over_http(slack: SlackFarEnd, app: App, control: PersonControl, client: WebClient) -> None:
    """Someone without a page types, reads the screen and presses a button with its dialog."""
    words = {name: {"type": "plain_text", "text": name} for name in ("Approve", "Sure?", "All", "Yes", "No")}
    dialog = {"title": words["Sure?"], "text": words["All"], "confirm": words["Yes"], "deny": words["No"]}
    button = {"type": "button", "action_id": "go", "text": words["Approve"], "confirm": dialog}
    presses: list[str] = []

    @app.command("/dns-help")
    def helped(ack: Ack) -> None:
        ack("here to help")

    @app.action("go")
    def go(ack: Ack, body: dict[str, Any]) -> None:
        presses.append(body["user"]["name"])
        ack()

    client.chat_postMessage(channel="C0123456789", text="card", blocks=[{"type": "actions", "elements": [button]}])
    typed = ask(control, "/ana/types", {"text": "/dns-help"})
    seen = ask(control, "/ana/sees")
    clicked = ask(control, "/ben/clicks", {"button": "Approve"})

    assert typed[0] == 200
    assert seen[0] == 200
    assert "here to help" in seen[1]
    assert clicked == (200, "Sure?\nAll\n[ No ]  [ Yes ]\nsent")
    assert presses == ["ben"]
    assert "here to help" not in slack.person("ben").sees_text()


@pytest.mark.parametrize(
    "headers",
    [{"X_Sandbox_Token": "guessed"}, {"Origin": "http://evil.example"}],
    ids=["wrong token", "a web page"],
)
def test_only_the_holder_of_the_token_acts(control: PersonControl, headers: dict[str, str]) -> None:
    """A page in a browser on the same machine cannot press buttons."""
    assert ask(control, "/ana/types", {"text": "/dns-help"}, **headers)[0] == 403


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/nobody/sees", None, 400),
        ("/ana/flies", None, 404),
        ("/ben/clicks", {"button": "Approve"}, 400),
        ("/ben/submits", {"answers": {}}, 400),
        ("/ana/types", {}, 400),
    ],
)
def test_what_cannot_be_done_is_said(control: PersonControl, path: str, asked: Any, status: int) -> None:
    """Unknown people, verbs, buttons and modals are named in the answer."""
    assert ask(control, path, asked)[0] == status
