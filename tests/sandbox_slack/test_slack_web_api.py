from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack import FaultKind, SlackFarEnd, WebFault

CHANNEL = "C0123456789"
WORDS: dict[str, Any] = {"type": "section", "text": {"type": "plain_text", "text": "words"}}


def refusal(error: pytest.ExceptionInfo[SlackApiError]) -> str:
    """Return Slack's error code."""
    return str(error.value.response["error"])


def multipart(**fields: str) -> str:
    """Return a multipart body with `x` as its boundary."""
    heads = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in fields.items()]
    return "\r\n".join([*heads, "--x--\r\n"])


def raw(slack: SlackFarEnd, method: str, *, verb: str = "POST", body: str = "", **headers: str) -> tuple[int, Any]:
    """Make a call as no client library would and return status and answer."""
    place = urlsplit(slack.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(verb, f"{place.path}{method}", body=body, headers=named)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    return answer.status, json.loads(text) if text.startswith("{") else text


def test_auth_test_names_the_bot(client: WebClient) -> None:
    """The call without arguments, which slack_sdk sends as JSON with an empty body, is understood."""
    assert client.auth_test()["user_id"] == "U0DNSBOT"


@pytest.mark.parametrize(("token", "error"), [("xoxb-wrong", "invalid_auth"), ("", "not_authed")])
def test_a_wrong_token_is_refused(slack: SlackFarEnd, token: str, error: str) -> None:
    """Nothing is answered without the app's own token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    assert raw(slack, "auth.test", **headers) == (200, {"ok": False, "error": error})


def test_each_token_has_its_methods(slack: SlackFarEnd) -> None:
    """The app token opens connections and nothing else; the bot token does not open any."""
    _, opened = raw(slack, "apps.connections.open", Authorization=f"Bearer {slack.app_token}")
    _, posted = raw(slack, "chat.postMessage", Authorization=f"Bearer {slack.app_token}")
    _, by_bot = raw(slack, "apps.connections.open", Authorization=f"Bearer {slack.bot_token}")

    assert opened["url"].startswith("ws://127.0.0.1:")
    assert posted["error"] == by_bot["error"] == "not_allowed_token_type"


@pytest.mark.parametrize(
    ("verb", "content_type", "body"),
    [
        ("POST", "application/json", json.dumps({"channel": CHANNEL, "text": "a", "blocks": [WORDS]})),
        ("POST", "application/x-www-form-urlencoded", f"channel={CHANNEL}&text=a&blocks=%5B%5D"),
        (
            "POST",
            "multipart/form-data; boundary=x",
            multipart(channel=CHANNEL, text="a"),
        ),
    ],
    ids=["json", "form", "multipart"],
)
def test_arguments_come_in_every_form(slack: SlackFarEnd, verb: str, content_type: str, body: str) -> None:
    """JSON, form and multipart bodies mean the same."""
    bearer = f"Bearer {slack.bot_token}"

    _, answer = raw(slack, "chat.postMessage", verb=verb, body=body, Authorization=bearer, Content_Type=content_type)

    assert answer["ok"], answer
    assert answer["message"]["text"] == "a"


def test_get_with_a_token_argument_works(slack: SlackFarEnd) -> None:
    """A GET with everything in the address is answered."""
    _, answer = raw(slack, f"users.info?token={slack.bot_token}&user=U02", verb="GET")

    assert answer["user"]["name"] == "ben"


def test_a_broken_json_body_is_refused(slack: SlackFarEnd) -> None:
    """What is no JSON is called so."""
    bearer = f"Bearer {slack.bot_token}"

    _, answer = raw(slack, "chat.postMessage", body="{", Authorization=bearer, Content_Type="application/json")

    assert answer == {"ok": False, "error": "invalid_json"}


def test_another_host_is_refused(slack: SlackFarEnd) -> None:
    """A page elsewhere cannot reach the server by a name of its own."""
    status, answer = raw(slack, "api.test", Host="slack.example.com")

    assert status == 400
    assert "slack.example.com" in answer


def test_an_unknown_method_says_so(client: WebClient) -> None:
    """What this Slack does not know is refused, never ignored."""
    with pytest.raises(SlackApiError) as error:
        client.api_call("admin.users.list")

    assert refusal(error) == "unknown_method"


@pytest.mark.parametrize(
    ("channel", "code"),
    [("C0NOWHERE", "channel_not_found"), ("C0OUTSIDE", "not_in_channel"), ("C0ARCHIVED", "is_archived")],
)
def test_posting_needs_a_channel_that_the_bot_is_in(client: WebClient, channel: str, code: str) -> None:
    """Unknown, foreign and archived channels are told apart."""
    with pytest.raises(SlackApiError) as error:
        client.chat_postMessage(channel=channel, text="a")

    assert refusal(error) == code


def test_a_message_is_posted_updated_and_deleted(slack: SlackFarEnd, client: WebClient) -> None:
    """People see a message, its update, and nothing after it was deleted."""
    ana = slack.person("ana")
    ts = client.chat_postMessage(channel=CHANNEL, text="first", blocks=[WORDS])["ts"]
    posted = ana.sees()
    client.chat_update(channel=CHANNEL, ts=ts, text="second", blocks=[])
    updated = ana.sees()
    client.chat_delete(channel=CHANNEL, ts=ts)

    assert [(m.text, m.edited) for m in posted] == [("first", 0)]
    assert posted[0].blocks[0]["block_id"]
    assert [(m.text, m.blocks, m.edited) for m in updated] == [("second", (), 1)]
    assert ana.sees() == []


def test_every_message_has_a_ts_of_its_own(client: WebClient) -> None:
    """A hundred messages in a row get a hundred ids, in order."""
    stamps = [str(client.chat_postMessage(channel=CHANNEL, text=str(n))["ts"]) for n in range(100)]

    assert len(set(stamps)) == 100
    assert stamps == sorted(stamps, key=float)


def test_updating_what_is_not_there_is_refused(slack: SlackFarEnd, client: WebClient) -> None:
    """Unknown messages, private answers and other people's messages cannot be updated."""
    private = client.chat_postEphemeral(channel=CHANNEL, user="U01", text="a")["message_ts"]
    slack.person("ana").says("hello")
    theirs = slack.person("ana").sees()[-1].ts
    codes = []
    for ts in ("1.0", private, theirs):
        with pytest.raises(SlackApiError) as error:
            client.chat_update(channel=CHANNEL, ts=ts, text="b")
        codes.append(refusal(error))

    assert codes == ["message_not_found", "message_not_found", "cant_update_message"]


def test_a_private_answer_is_seen_by_one_person_and_is_not_history(slack: SlackFarEnd, client: WebClient) -> None:
    """Ephemeral messages appear on one screen and in no history."""
    client.chat_postEphemeral(channel=CHANNEL, user="U01", text="for ana alone")

    assert slack.person("ana").sees_text() == "for ana alone"
    assert slack.person("ben").sees() == []
    assert client.conversations_history(channel=CHANNEL)["messages"] == []


def test_history_and_replies_are_paged(client: WebClient) -> None:
    """History shows the newest first without replies; a thread shows its parent first."""
    first = str(client.chat_postMessage(channel=CHANNEL, text="one")["ts"])
    client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=first)
    client.chat_postMessage(channel=CHANNEL, text="two")

    page = client.conversations_history(channel=CHANNEL, limit=1)
    rest = client.conversations_history(channel=CHANNEL, cursor=page["response_metadata"]["next_cursor"])
    thread = client.conversations_replies(channel=CHANNEL, ts=first)

    assert [m["text"] for m in page["messages"]] == ["two"]
    assert page["has_more"] is True
    assert [m["text"] for m in rest["messages"]] == ["one"]
    assert [m["text"] for m in thread["messages"]] == ["one", "reply"]


def test_a_thread_must_exist(client: WebClient) -> None:
    """A reply to nothing is refused."""
    with pytest.raises(SlackApiError) as error:
        client.chat_postMessage(channel=CHANNEL, text="a", thread_ts="1.000000")

    assert refusal(error) == "thread_not_found"


def test_long_text_is_cut_and_empty_text_refused(slack: SlackFarEnd, client: WebClient) -> None:
    """40,000 characters are kept; a message of nothing is no message."""
    client.chat_postMessage(channel=CHANNEL, text="x" * 40_001)
    with pytest.raises(SlackApiError) as error:
        client.api_call("chat.postMessage", json={"channel": CHANNEL, "text": " "})

    assert len(slack.person("ana").sees()[0].text) == 40_000
    assert refusal(error) == "no_text"


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.postEphemeral", "chat.update"])
def test_broken_blocks_are_refused_everywhere(client: WebClient, method: str) -> None:
    """Every way to write checks blocks, and says what is wrong and where."""
    ts = client.chat_postMessage(channel=CHANNEL, text="a")["ts"]
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    with pytest.raises(SlackApiError) as error:
        client.api_call(method, json={"channel": CHANNEL, "user": "U01", "ts": ts, "text": "a", "blocks": blocks})

    assert refusal(error) == "invalid_blocks"
    assert error.value.response["errors"] == ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"]


def test_blocks_that_are_too_long_together_have_their_own_error(client: WebClient) -> None:
    """Each section is fine; five of them are too much."""
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 2900}}] * 5
    with pytest.raises(SlackApiError) as error:
        client.chat_postMessage(channel=CHANNEL, text="a", blocks=blocks)

    assert refusal(error) == "msg_blocks_too_long"


def test_blocks_in_attachments_are_checked_too(client: WebClient) -> None:
    """A colour bar does not hide a broken block, and 101 attachments are too many."""
    with pytest.raises(SlackApiError) as error:
        client.chat_postMessage(channel=CHANNEL, text="a", attachments=[{"color": "#a00", "blocks": [{"type": "x"}]}])
    with pytest.raises(SlackApiError) as many:
        client.chat_postMessage(channel=CHANNEL, text="a", attachments=[{"text": "a"}] * 101)

    assert "[json-pointer:/attachments/0/blocks/0/type]" in error.value.response["errors"][0]
    assert refusal(many) == "too_many_attachments"


def test_blocks_validate_answers_without_posting(slack: SlackFarEnd, client: WebClient) -> None:
    """The official referee exists here as well."""
    with pytest.raises(SlackApiError) as error:
        client.api_call("blocks.validate", json={"blocks": [{"type": "section"}]})

    assert refusal(error) == "invalid_blocks"
    assert client.api_call("blocks.validate", json={"blocks": [WORDS]})["ok"]
    assert slack.person("ana").sees() == []


def test_people_and_groups_are_told_as_slack_tells_them(client: WebClient) -> None:
    """Guests, bots, deactivated and foreign accounts are marked; groups list their members."""
    marks = {
        user: [key for key in ("is_restricted", "is_bot", "deleted", "is_stranger") if info[key]]
        for user in ("U01", "U05", "U06", "U07", "U08")
        for info in [client.users_info(user=user)["user"]]
    }

    assert marks == {"U01": [], "U05": ["is_restricted"], "U06": ["is_bot"], "U07": ["deleted"], "U08": ["is_stranger"]}
    assert client.users_info(user="U08")["user"]["team_id"] == "T99"
    assert client.usergroups_users_list(usergroup="S01")["users"] == ["U02", "U03"]
    assert client.usergroups_list(include_users=True)["usergroups"][0]["users"] == ["U02", "U03"]


def test_unknown_people_and_groups_are_refused(client: WebClient) -> None:
    """A lookup of nobody is an error, not an empty answer."""
    with pytest.raises(SlackApiError) as user:
        client.users_info(user="U99")
    with pytest.raises(SlackApiError) as group:
        client.usergroups_users_list(usergroup="S99")

    assert (refusal(user), refusal(group)) == ("user_not_found", "no_such_subteam")


def test_a_channel_says_whether_the_bot_is_in_it(client: WebClient) -> None:
    """conversations.info works for a public channel without the bot, and a permalink leads to a message."""
    ts = str(client.chat_postMessage(channel=CHANNEL, text="a")["ts"])

    assert client.conversations_info(channel=CHANNEL)["channel"]["is_member"] is True
    assert client.conversations_info(channel="C0OUTSIDE")["channel"]["is_member"] is False
    assert ts.replace(".", "") in client.chat_getPermalink(channel=CHANNEL, message_ts=ts)["permalink"]


def test_a_user_id_is_a_direct_message(slack: SlackFarEnd, client: WebClient) -> None:
    """Posting to a person reaches that person's direct messages."""
    channel = client.chat_postMessage(channel="U02", text="psst")["channel"]

    assert channel == "D02"
    assert slack.person("ben").sees_text("D02") == "psst"


def test_a_rate_limit_is_answered_with_retry_after_and_nothing_is_done(slack: SlackFarEnd, client: WebClient) -> None:
    """429 carries the seconds to wait, as often as asked, and leaves no message."""
    slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.RATE_LIMITED, times=2, retry_after_seconds=7))
    seconds = []
    for _ in range(2):
        with pytest.raises(SlackApiError) as error:
            client.chat_postMessage(channel=CHANNEL, text="a")
        seconds.append((error.value.response.status_code, error.value.response.headers["Retry-After"]))
    client.chat_postMessage(channel=CHANNEL, text="b")

    assert seconds == [(429, "7"), (429, "7")]
    assert slack.person("ana").sees_text() == "b"


def test_an_error_can_be_ordered_for_one_method(slack: SlackFarEnd, client: WebClient) -> None:
    """Other methods go on."""
    slack.fail(WebFault(method="chat.update", kind=FaultKind.ERROR, error="edit_window_closed"))
    ts = str(client.chat_postMessage(channel=CHANNEL, text="a")["ts"])
    with pytest.raises(SlackApiError) as error:
        client.chat_update(channel=CHANNEL, ts=ts, text="b")

    assert refusal(error) == "edit_window_closed"


def test_an_answer_can_be_lost_after_the_work_was_done(slack: SlackFarEnd, client: WebClient) -> None:
    """The connection closes without an answer, and the message stands all the same."""
    slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.LOST_ANSWER))
    with pytest.raises((OSError, http.client.HTTPException)):
        client.chat_postMessage(channel=CHANNEL, text="a")

    assert slack.person("ana").sees_text() == "a"


def test_calls_are_recorded(slack: SlackFarEnd, client: WebClient) -> None:
    """The log holds method, arguments, time and error of each call, and all text that was sent."""
    client.chat_postMessage(channel=CHANNEL, text="needle")
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel="C0NOWHERE", text="hay")

    assert [(r.method, r.error) for r in slack.requests] == [
        ("chat.postMessage", ""),
        ("chat.postMessage", "channel_not_found"),
    ]
    assert [r.arguments["text"] for r in slack.calls("chat.postMessage")] == ["needle"]
    assert slack.requests[0].at <= slack.requests[1].at
    assert "needle" in slack.traffic()
