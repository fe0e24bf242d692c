from __future__ import annotations

import threading
from typing import Any

import pytest
from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot.sandbox.slack import Clicked, Kind, SlackFarEnd
from bot.sandbox.slack.response_urls import respond
from bot.sandbox.slack.roster import usual_roster
from bot.sandbox.slack.transport import ACK_SECONDS
from bot.sandbox.slack.view_api import VIEW_METHODS
from bot.sandbox.slack.web_api import ApiRefused
from bot.sandbox.slack.workspace import Workspace

CHANNEL = "C0123456789"


def words(text: str) -> dict[str, Any]:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


APPROVE: dict[str, Any] = {
    "type": "button",
    "action_id": "approve",
    "text": words("Approve"),
    "value": "p1",
    "confirm": {"title": words("Apply?"), "text": words("1 rule"), "confirm": words("Apply"), "deny": words("Cancel")},
}
REJECT: dict[str, Any] = {"type": "button", "action_id": "reject", "text": words("Reject")}
CARD: list[dict[str, Any]] = [{"type": "actions", "elements": [APPROVE, REJECT]}]
WHY: dict[str, Any] = {
    "type": "modal",
    "callback_id": "why",
    "private_metadata": "p1",
    "title": words("Reject"),
    "submit": words("Reject"),
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": words("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text", "max_length": 20},
        }
    ],
}


def card(client: WebClient) -> None:
    """Post a card with two buttons."""
    client.chat_postMessage(channel=CHANNEL, text="card", blocks=CARD)


def test_a_typed_command_arrives_signed_and_is_answered(slack: SlackFarEnd, app: App) -> None:
    """A slash command reaches Bolt, which checks the signature; the direct answer is for the asker alone."""
    seen: list[dict[str, Any]] = []

    @app.command("/dns-diagnose")
    def diagnose(ack: Ack, body: dict[str, Any]) -> None:
        seen.append(body)
        ack("looking")

    acked = slack.person("ana").types("/dns-diagnose cluster-prod  pod=a/b")

    assert acked.ok
    assert (seen[0]["command"], seen[0]["text"]) == ("/dns-diagnose", "cluster-prod  pod=a/b")
    assert (seen[0]["user_id"], seen[0]["team_id"], seen[0]["channel_id"]) == ("U01", "T01", CHANNEL)
    assert slack.person("ana").sees_text() == "looking"
    assert slack.person("ben").sees() == []


def test_an_unknown_command_never_leaves_slack(slack: SlackFarEnd, app: App) -> None:
    """Slack itself says that there is no such command."""
    del app

    slack.person("ana").types("/dns-repair now")

    assert slack.person("ana").sees_text() == "/dns-repair is not a valid command."
    assert slack.deliveries == []


def test_a_wrong_signing_secret_is_shown_to_the_person(slack: SlackFarEnd, app: App) -> None:
    """Bolt answers 401 to a forged signature, and the person sees that it failed."""

    @app.command("/dns-diagnose")
    def diagnose(ack: Ack) -> None:
        ack()

    slack.signing_secret = "another"
    slack.person("ana").types("/dns-diagnose cluster-prod")

    assert slack.person("ana").sees_text() == '/dns-diagnose failed with the error "http_status_401"'


def test_slack_waits_three_seconds() -> None:
    """As long as Slack's documentation says, unless a test has less time."""
    assert ACK_SECONDS == 3.0


@pytest.mark.parametrize("slack", [0.5], indirect=True)
def test_an_ack_after_the_time_is_a_timeout(slack: SlackFarEnd, app: App) -> None:
    """Slack waits so long and not longer."""
    over = threading.Event()

    @app.command("/dns-diagnose")
    def diagnose(ack: Ack) -> None:
        over.wait(2)
        ack()

    acked = slack.person("ana").types("/dns-diagnose cluster-prod")
    over.set()

    assert 450 < acked.took_ms < 2000
    assert slack.person("ana").sees_text() == '/dns-diagnose failed with the error "operation_timeout"'


def test_broken_blocks_in_a_direct_answer_are_a_failure(slack: SlackFarEnd, app: App) -> None:
    """A command's answer is held to the same limits."""

    @app.command("/dns-diagnose")
    def diagnose(ack: Ack) -> None:
        ack(text="a", blocks=[{"type": "section"}])

    slack.person("ana").types("/dns-diagnose cluster-prod")

    assert "invalid_command_response" in slack.person("ana").sees_text()


def test_a_mention_in_a_thread_arrives(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """The same verbs work in threads, where slash commands do not."""
    heard: list[dict[str, Any]] = []

    @app.event("app_mention")
    def mention(event: dict[str, Any]) -> None:
        heard.append(event)

    ts = str(client.chat_postMessage(channel=CHANNEL, text="report")["ts"])
    acked = slack.person("ana").mentions("@dnsbot diagnose cluster-prod", thread_ts=ts)

    assert acked.ok
    assert slack.wait_until(lambda: bool(heard))
    assert heard[0]["text"] == "<@U0DNSBOT> diagnose cluster-prod"
    assert heard[0]["thread_ts"] == ts


def test_an_event_that_is_not_taken_is_repeated_with_retry_headers(slack: SlackFarEnd, app: App) -> None:
    """Slack repeats an event three times, signed anew, and says which attempt it is and why."""
    del app
    slack.signing_secret = "another"

    slack.person("ana").mentions("@dnsbot hello")

    assert slack.wait_until(lambda: len(slack.deliveries) == 4)
    sent = [delivery for delivery, _ in slack.deliveries]
    assert [delivery.headers.get("X-Slack-Retry-Num") for delivery in sent] == [None, "1", "2", "3"]
    assert {delivery.headers["X-Slack-Retry-Reason"] for delivery in sent[1:]} == {"http_error"}
    assert len({delivery.payload["event_id"] for delivery in sent}) == 1


def test_a_confirm_dialog_is_read_and_can_be_dismissed(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """A dismissed dialog sends nothing; an accepted one does."""
    presses: list[dict[str, Any]] = []

    @app.action("approve")
    def approve(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        presses.append(body)

    card(client)
    ben = slack.person("ben")
    dismissed = ben.clicks(ben.sees()[-1], "approve", confirm=False)
    accepted = ben.clicks(ben.sees()[-1], "Approve")

    assert dismissed == Clicked(sent=False, dialog="Apply?\n1 rule\n[ Cancel ]  [ Apply ]")
    assert accepted.sent
    assert accepted.acked is not None
    assert accepted.acked.ok
    who = [(press["user"]["team_id"], press["user"]["id"], press["actions"][0]["value"]) for press in presses]
    assert who == [("T01", "U02", "p1")]


def test_a_button_that_is_not_there_cannot_be_pressed(slack: SlackFarEnd, client: WebClient) -> None:
    """The error names the buttons that there are."""
    card(client)
    ben = slack.person("ben")

    with pytest.raises(LookupError, match=r"approve \(Approve\), reject \(Reject\)"):
        ben.clicks(ben.sees()[-1], "delete")


def test_an_old_screen_can_still_be_clicked(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """Someone whose screen is stale presses a button that is gone by now."""
    presses: list[str] = []

    @app.action("approve")
    def approve(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        presses.append(body["message"]["text"])

    card(client)
    stale = slack.person("ben").sees()[-1]
    client.chat_update(channel=CHANNEL, ts=stale.ts, text="decided", blocks=[])
    slack.person("ben").clicks(stale, "approve")

    assert presses == ["decided"]


def test_a_stranger_clicks_with_a_team_of_another_name(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """Someone from a foreign workspace carries that workspace's id."""
    teams: list[str] = []

    @app.action("approve")
    def approve(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        teams.append(body["user"]["team_id"])

    card(client)
    stranger = slack.person("stranger")
    stranger.clicks(stranger.sees()[-1], "approve")

    assert teams == ["T99"]


def test_a_modal_is_opened_filled_and_submitted(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """The client's own checks come first, then the app's, then the modal closes."""
    reasons: list[str] = []

    @app.action("reject")
    def reject(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=WHY)

    @app.view("why")
    def why(ack: Ack, view: dict[str, Any]) -> None:
        reason = view["state"]["values"]["reason"]["text"]["value"]
        if len(reason) < 3:
            ack(response_action="errors", errors={"reason": "Say more."})
        else:
            reasons.append(f"{view['private_metadata']}: {reason}")
            ack()

    card(client)
    ben = slack.person("ben")
    ben.clicks(ben.sees()[-1], "reject")
    view = ben.wait_for_view()
    empty, long = ben.submits(view, {"Reason": ""}), ben.submits(view, {"Reason": "x" * 21})
    short, good = ben.submits(view, {"text": "no"}), ben.submits(view, {"reason": "not now"})

    assert (empty.sent, long.sent) == (False, False)
    assert empty.errors == {"reason": "Please complete this required field."}
    assert short.errors == {"reason": "Say more."}
    assert (good.sent, good.errors) == (True, {})
    assert reasons == ["p1: not now"]
    with pytest.raises(LookupError):
        ben.view()


def test_a_modal_is_on_one_screen_only(slack: SlackFarEnd, client: WebClient) -> None:
    """Two people have modals of their own."""
    with slack.workspace.held() as workspace:
        trigger = workspace.new_trigger("U02")
    client.views_open(trigger_id=trigger, view=WHY)

    assert slack.person("ben").view().view["callback_id"] == "why"
    with pytest.raises(LookupError):
        slack.person("chloe").view()


def test_a_view_is_updated_by_its_hash(slack: SlackFarEnd, client: WebClient) -> None:
    """A stale hash is refused, the present one is taken."""
    with slack.workspace.held() as workspace:
        trigger = workspace.new_trigger("U02")
    view = client.views_open(trigger_id=trigger, view=WHY)["view"]
    client.views_update(view_id=view["id"], hash=view["hash"], view={**WHY, "title": words("Second")})
    with pytest.raises(SlackApiError) as error:
        client.views_update(view_id=view["id"], hash=view["hash"], view=WHY)

    assert error.value.response["error"] == "hash_conflict"
    assert slack.person("ben").view().view["title"]["text"] == "Second"


def test_a_broken_view_is_refused_and_the_trigger_kept(slack: SlackFarEnd, client: WebClient) -> None:
    """A modal over the limits is not opened."""
    with slack.workspace.held() as workspace:
        trigger = workspace.new_trigger("U02")
    with pytest.raises(SlackApiError) as error:
        client.views_open(trigger_id=trigger, view={**WHY, "title": words("x" * 25)})

    assert error.value.response["error"] == "invalid_view"
    assert client.views_open(trigger_id=trigger, view=WHY)["ok"]


def test_a_trigger_opens_one_view_within_three_seconds(clock: Any) -> None:
    """A trigger is for one use, and soon."""
    workspace = Workspace(usual_roster(), clock)
    used, late = workspace.new_trigger("U02"), workspace.new_trigger("U02")
    open_view = VIEW_METHODS["views.open"]
    open_view(workspace, {"trigger_id": used, "view": WHY})
    with pytest.raises(ApiRefused, match="exchanged_trigger_id"):
        open_view(workspace, {"trigger_id": used, "view": WHY})
    clock.now += 3.5
    with pytest.raises(ApiRefused, match="expired_trigger_id"):
        open_view(workspace, {"trigger_id": late, "view": WHY})
    with pytest.raises(ApiRefused, match="invalid_trigger_id"):
        open_view(workspace, {"trigger_id": "made up", "view": WHY})


def test_a_response_address_serves_five_times_in_thirty_minutes(clock: Any) -> None:
    """The sixth use and the thirty-first minute are refused."""
    workspace = Workspace(usual_roster(), clock)
    used, old = workspace.new_response("U01", CHANNEL), workspace.new_response("U01", CHANNEL)
    for number in range(5):
        respond(workspace, used, {"text": str(number)})
    with pytest.raises(ApiRefused) as sixth:
        respond(workspace, used, {"text": "6"})
    clock.now += 1801
    with pytest.raises(ApiRefused) as late:
        respond(workspace, old, {"text": "late"})

    assert (sixth.value.code, late.value.code) == ("used_url", "expired_url")
    assert [m.text for m in workspace.visible("U01", CHANNEL)] == ["0", "1", "2", "3", "4"]
    assert workspace.visible("U02", CHANNEL) == []


def test_a_response_address_reaches_a_channel_without_the_bot(slack: SlackFarEnd, app: App) -> None:
    """It needs no membership, checks blocks, and speaks to all only when told so."""
    urls: list[str] = []

    @app.command("/dns-diagnose")
    def diagnose(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        urls.append(body["response_url"])

    slack.person("ana").types("/dns-diagnose cluster-prod", "C0OUTSIDE")
    hook = WebhookClient(urls[0])
    statuses = [
        hook.send(text="for you").status_code,
        hook.send(text="for all", response_type="in_channel").status_code,
        hook.send(text="a", blocks=[{"type": "section"}]).status_code,
    ]

    assert statuses == [200, 200, 400]
    assert slack.person("ana").sees_text("C0OUTSIDE") == "for you\n\nfor all"
    assert slack.person("ben").sees_text("C0OUTSIDE") == "for all"


def test_a_click_can_replace_a_private_message(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """replace_original changes the message whose button was pressed, even a private one."""

    @app.action("reject")
    def reject(ack: Ack, respond: Any) -> None:
        ack()
        respond(text="gone", replace_original=True)

    client.chat_postEphemeral(channel=CHANNEL, user="U02", text="card", blocks=CARD)
    ben = slack.person("ben")
    ben.clicks(ben.sees()[-1], "reject")

    assert ben.wait_for(lambda message: message.text == "gone").edited == 1
    assert len(ben.sees()) == 1


def test_the_same_delivery_can_be_sent_twice(slack: SlackFarEnd, app: App, client: WebClient) -> None:
    """A retry is the same bytes with the same signature; Bolt alone runs it twice."""
    runs: list[str] = []

    @app.action("approve")
    def approve(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        runs.append(body["trigger_id"])

    card(client)
    ben = slack.person("ben")
    ben.clicks(ben.sees()[-1], "approve")
    slack.redeliver(slack.deliveries[-1][0])

    assert len(runs) == 2
    assert len(set(runs)) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Slack-Signature": "v0=" + "0" * 64}, 401),
        ({"X-Slack-Signature": None}, 401),
        ({"X-Slack-Request-Timestamp": "1"}, 401),
        ({"X-Slack-Request-Timestamp": "abc"}, 500),
    ],
    ids=["forged", "unsigned", "old", "junk timestamp: Bolt's own weakness"],
)
def test_a_test_can_forge_a_delivery(slack: SlackFarEnd, app: App, headers: dict[str, str | None], status: int) -> None:
    """Headers are replaced or left out as told; bare Bolt answers as it is known to."""
    del app

    acked = slack.deliver({"type": "event_callback"}, kind=Kind.EVENT, headers=headers)

    assert acked.status == status


def test_waiting_in_vain_tells_what_was_on_the_screen(slack: SlackFarEnd, client: WebClient) -> None:
    """The error of a wait shows the screen, so that the reason is in sight."""
    client.chat_postMessage(channel=CHANNEL, text="something else")

    with pytest.raises(TimeoutError, match="something else"):
        slack.person("ana").wait_for(lambda message: message.text == "report", timeout_seconds=0.05)
