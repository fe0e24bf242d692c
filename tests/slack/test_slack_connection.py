from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.http_retry.response import HttpResponse

from bot.domain.approvals import MessageRef
from bot.domain.people import Person
from bot.errors import ConfigurationError, HistoryUnavailable, Refused
from bot.sandbox.slack import FaultKind, SlackFarEnd, WebFault
from bot.slack.connection import SlackConnection, SlackSettings, connect, retry_after_seconds
from bot.slack.directory import SlackDirectory, SlackNames
from bot.slack.incoming import Origin, asked_by_mention
from bot.slack.messages import Messages, NotPosted
from bot.slack.render import Message
from bot.slack.seen_once import SeenOnce
from bot.slack.update_rate import UpdateRate

HELLO = Message(text="hello", blocks=[{"type": "divider"}])
CHANNEL = "C0123456789"


@pytest.fixture
def connection(slack: SlackFarEnd) -> SlackConnection:
    """A connection to the local Slack."""
    return connect(
        SlackSettings(bot_token=slack.bot_token, signing_secret=slack.signing_secret, api_url=slack.url.rstrip("/"))
    )


@pytest.fixture
def garbling() -> Iterator[Callable[[bytes], str]]:
    """Serve one fixed body for every call, and give its address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(404 if self.path.endswith("used") else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST  # noqa: N815  # the same

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/api/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(SlackSettings(bot_token=None, app_token="xapp-1"), "SLACK_BOT_TOKEN is not set", id="no-token"),
        pytest.param(SlackSettings(bot_token="", app_token="xapp-1"), "SLACK_BOT_TOKEN is set but blank", id="blank"),
        pytest.param(SlackSettings(bot_token=" \t", app_token="xapp-1"), "SLACK_BOT_TOKEN is set but", id="spaces"),
        pytest.param(SlackSettings(bot_token="xoxb-1"), "Neither SLACK_APP_TOKEN", id="no-mode"),
        pytest.param(SlackSettings(bot_token="xoxb-1", app_token=""), "SLACK_APP_TOKEN is set but blank", id="app"),
        pytest.param(
            SlackSettings(bot_token="xoxb-1", app_token="xapp-1", signing_secret=" "),
            "SLACK_SIGNING_SECRET is set but blank",
            id="unneeded-but-blank",
        ),
        pytest.param(
            SlackSettings(bot_token="x", app_token="y", api_url="slack.com/api"), "SLACK_API_URL is", id="address"
        ),
        pytest.param(
            SlackSettings(bot_token="x", app_token="y", api_url="http://[::1"), "SLACK_API_URL is", id="half an address"
        ),
    ],
)
def test_missing_or_blank_secret_refuses_to_start(settings: SlackSettings, said: str) -> None:
    """A secret that the mode needs and that is unset, or any that is blank, is an error before any call."""
    with pytest.raises(ConfigurationError, match=said):
        connect(settings)


def test_refused_token_and_unreachable_slack_are_configuration_errors(slack: SlackFarEnd) -> None:
    """What Slack answered, or that it did not, is said with what to do."""
    with pytest.raises(ConfigurationError, match=r"auth\.test answered invalid_auth"):
        connect(SlackSettings(bot_token="xoxb-wrong", app_token="xapp-1", api_url=slack.url))
    with pytest.raises(ConfigurationError, match="Cannot reach Slack at"):
        connect(SlackSettings(bot_token="xoxb-1", app_token="xapp-1", api_url="http://127.0.0.1:9/api/"))


def test_connection_knows_who_it_is(connection: SlackConnection) -> None:
    """Team and bot come from auth.test."""
    assert (connection.team_id, connection.bot_user_id) == ("T01", "U0DNSBOT")


def test_lost_post_is_sent_once_and_ambiguous(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """A post whose answer is lost may stand: it is reported as such, not repeated."""
    slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.LOST_ANSWER))
    with pytest.raises(NotPosted) as caught:
        Messages(connection).post(CHANNEL, HELLO)

    assert caught.value.ambiguous
    assert len([request for request in slack.requests if request.method == "chat.postMessage"]) == 1


def test_rate_limited_post_waits_as_long_as_asked(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """429 with Retry-After is honoured."""
    slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.RATE_LIMITED, retry_after_seconds=1))

    assert Messages(connection).post(CHANNEL, HELLO).channel == CHANNEL
    assert len(slack.messages(CHANNEL)) == 1


def test_rate_limit_that_asks_for_minutes_is_an_error_at_once(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """Nobody waits ten minutes inside a job."""
    slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.RATE_LIMITED, retry_after_seconds=600))
    with pytest.raises(NotPosted) as caught:
        Messages(connection).post(CHANNEL, HELLO)

    assert caught.value.code == "ratelimited"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": ["7"]}, 7), ({"retry-after": "3"}, 3), ({"Retry-After": ["soon"]}, 60), ({}, 60)],
    ids=["list", "text", "junk", "absent"],
)
def test_retry_after_is_read_or_taken_for_a_minute(headers: dict[str, Any], seconds: int) -> None:
    """A header that cannot be read is no invitation to retry at once."""
    assert retry_after_seconds(HttpResponse(status_code=429, headers=headers)) == seconds


def test_progress_gives_up_at_once(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """Progress is not retried: a 429 drops it."""
    messages = Messages(connection)
    ref = messages.post(CHANNEL, HELLO)
    slack.fail(WebFault(method="chat.update", kind=FaultKind.RATE_LIMITED))

    assert not messages.progress(ref, HELLO)
    assert messages.progress(ref, HELLO)


def test_posts_unfurl_nothing_and_parse_nothing(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """No link is previewed, no name is made a mention."""
    Messages(connection).post(CHANNEL, HELLO)

    arguments = {key: str(value).lower() for key, value in slack.calls("chat.postMessage")[0].arguments.items()}
    assert (arguments["unfurl_links"], arguments["unfurl_media"]) in {("false", "false"), ("0", "0")}
    assert arguments["parse"] == "none"
    assert "link_names" not in arguments


def test_answer_that_the_response_url_refuses_is_not_taken_for_posted(
    garbling: Callable[[bytes], str], connection: SlackConnection
) -> None:
    """A response_url that is used up answers an HTTP error: that is no delivery."""
    url = garbling(b"ok")
    person = Person(team_id="T01", user_id="U01")
    Messages(connection).alone(Origin(person=person, channel=CHANNEL, response_url=url), HELLO)

    with pytest.raises(NotPosted, match="HTTP 404"):
        Messages(connection).alone(Origin(person=person, channel=CHANNEL, response_url=url + "used"), HELLO)


def test_permalink_that_slack_does_not_give_is_empty(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """A missing link costs the link, not the card."""
    assert Messages(connection).permalink(MessageRef(channel="C1", ts="1.0")) == ""
    slack.fail(WebFault(method="chat.getPermalink", kind=FaultKind.DOWN))
    assert Messages(connection).permalink(MessageRef(channel=CHANNEL, ts="1.0")) == ""


@pytest.mark.parametrize(
    ("user", "marks"),
    [
        ("U01", (False, False, False, False)),
        ("U05", (False, True, False, False)),
        ("U06", (True, False, False, False)),
        ("U07", (False, False, True, False)),
    ],
    ids=["member", "guest", "bot", "deactivated"],
)
def test_standing_is_what_slack_says_now(
    connection: SlackConnection, user: str, marks: tuple[bool, bool, bool, bool]
) -> None:
    """Guest, bot and deactivated are told apart."""
    found = SlackDirectory(connection.safe, team_id="T01").standing(Person(team_id="T01", user_id=user))

    assert (found.is_bot, found.is_guest, found.is_deactivated, found.is_stranger) == marks
    assert found.home_team_id == "T01"


def test_person_of_another_team_is_a_stranger(connection: SlackConnection) -> None:
    """Another home team, or our user id claimed from another team: a stranger."""
    directory = SlackDirectory(connection.safe, team_id="T01")

    assert directory.standing(Person(team_id="T99", user_id="U08")).is_stranger
    assert directory.standing(Person(team_id="T99", user_id="U02")).is_stranger


def test_group_members_are_asked_from_slack_each_time(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """Membership is never cached."""
    directory = SlackDirectory(connection.safe, team_id="T01")

    assert directory.group_members(["S01"]) == frozenset({"U02", "U03"})
    directory.group_members(["S01"])
    assert len(slack.calls("usergroups.users.list")) == 2


@pytest.mark.parametrize(
    "fault",
    [
        WebFault(method="*", kind=FaultKind.ERROR, error="missing_scope", times=-1),
        WebFault(method="*", kind=FaultKind.DOWN, times=-1),
        WebFault(method="*", kind=FaultKind.RATE_LIMITED, retry_after_seconds=600, times=-1),
    ],
    ids=["missing-scope", "down", "rate-limited"],
)
def test_look_up_that_fails_is_a_refusal(slack: SlackFarEnd, connection: SlackConnection, fault: WebFault) -> None:
    """Nobody is entitled by default."""
    directory = SlackDirectory(connection.safe, team_id="T01")
    slack.fail(fault)

    with pytest.raises(Refused):
        directory.standing(Person(team_id="T01", user_id="U02"))
    with pytest.raises(Refused):
        directory.group_members(["S01"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"ok": true}',
        b'{"ok": true, "user": {"id": "U99", "team_id": "T01"}, "users": null}',
        b'{"ok": true, "user": {"id": "U02"}, "users": {"U02": 1}}',
        b"<html>hello</html>",
        b"",
    ],
    ids=["nothing", "somebody-else", "no-team", "html", "empty"],
)
def test_garbled_answer_is_a_refusal(garbling: Callable[[bytes], str], body: bytes) -> None:
    """An answer that does not name the person, or is none, entitles nobody."""
    directory = SlackDirectory(WebClient(token="xoxb-1", base_url=garbling(body), retry_handlers=[]), team_id="T01")

    with pytest.raises(Refused):
        directory.standing(Person(team_id="T01", user_id="U02"))
    with pytest.raises(Refused):
        directory.group_members(["S01"])


def test_names_fall_back_to_ids_and_are_remembered(slack: SlackFarEnd, connection: SlackConnection) -> None:
    """Names are for display: a failure shows the id."""
    names = SlackNames(connection.safe)

    assert (names.person("U02"), names.group("S01"), names.person("U404")) == ("ben", "dns-approvers", "U404")
    slack.fail(WebFault(method="*", kind=FaultKind.DOWN, times=-1))
    assert names.person("U02") == "ben"
    assert names.person("U03") == "U03"


def test_pace_is_one_in_three_seconds_per_message() -> None:
    """The same message waits three seconds, another does not."""
    now = [100.0]
    rate = UpdateRate(clock=lambda: now[0])

    assert [rate.allows("a"), rate.allows("a"), rate.allows("b")] == [True, False, True]
    now[0] += 2.9
    assert not rate.allows("a")
    now[0] += 0.1
    assert rate.allows("a")


def test_pace_shares_forty_a_minute_and_finals_count_but_are_never_refused() -> None:
    """Forty a minute over all messages; what must be sent takes from the budget."""
    now = [100.0]
    rate = UpdateRate(clock=lambda: now[0])
    for number in range(10):
        rate.spend(f"final-{number}")

    assert sum(rate.allows(f"m-{number}") for number in range(100)) == 30
    now[0] += 60
    assert rate.allows("m-99")


def test_delivery_is_first_once_even_when_the_history_is_new() -> None:
    """Memory and history agree; what the history knows from before a restart is no first."""
    seen = {"old"}

    def once(key: str) -> bool:
        first = key not in seen
        seen.add(key)
        return first

    once_each = SeenOnce(once, seen.__contains__)
    assert [once_each.seen(key) for key in ("old", "new", "new")] == [True, False, False]
    answers = [once_each.first(key, without_history=False) for key in ("old", "new", "new")]
    assert answers == [False, True, False]
    seen.clear()
    assert once_each.seen("new")


def test_delivery_without_history_is_served_only_where_nothing_is_changed() -> None:
    """Looking goes on without the database, deciding does not, and may be tried again."""

    def down(key: str) -> bool:
        raise HistoryUnavailable(key)

    seen = SeenOnce(down, down)
    assert not seen.seen("look")
    assert seen.first("look", without_history=True)
    assert not seen.first("look", without_history=True)
    assert seen.seen("look")
    for _ in range(2):
        with pytest.raises(HistoryUnavailable):
            seen.first("decide", without_history=False)


def test_mention_from_a_shared_channel_names_the_persons_own_team() -> None:
    """Slack Connect: the team of the user, not that of the workspace that got the event."""
    body = {"team_id": "T01", "event_id": "Ev1", "event": {"user": "U08", "user_team": "T99", "team": "T01"}}

    assert asked_by_mention(body).origin.person == Person(team_id="T99", user_id="U08")
    assert replace(asked_by_mention(body), words="x").delivery == "event:Ev1"
