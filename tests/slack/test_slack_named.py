"""What dnsbot.yaml names is looked up in Slack: what is not there is told from what could not be looked up."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import FaultKind, WebFault
from bot.slack.named import Named, check_named

CHANNEL = "C0123456789"


def told(stage: Any, *, users: tuple[str, ...] = (), channel: str = CHANNEL) -> list[tuple[str, bool]]:
    """Return what is said of these, and whether that is all that is known."""
    named = Named(users=users, user_groups=("S01",), channels=(channel,))
    return [(one.text, one.unknown) for one in check_named(stage.connection, named)]


def test_what_is_there_is_not_told_of(silent_stage: Any) -> None:
    """People, groups and channels that do."""
    assert told(silent_stage, users=("U01", "U02")) == []


def test_people_who_may_not_decide_are_told_of(silent_stage: Any) -> None:
    """Whoever named them waits for an approval that never comes."""
    assert told(silent_stage, users=("U05", "U07")) == [
        ("U05, whom dnsbot.yaml names, is a guest", False),
        ("U07, whom dnsbot.yaml names, is deactivated", False),
    ]


def test_a_channel_that_the_bot_is_not_in_is_told_from_one_that_was_not_looked_up(silent_stage: Any) -> None:
    """Inviting the bot helps the first alone."""
    absent = told(silent_stage, channel="C0000000000")
    silent_stage.slack.fail(
        WebFault(method="conversations.history", kind=FaultKind.ERROR, error="missing_scope", times=1)
    )
    refused = told(silent_stage)

    text = "channel C0000000000, which dnsbot.yaml names: channel_not_found. Invite the bot there, or correct the id"
    assert absent == [(text, False)]
    assert refused == [(f"channel {CHANNEL} could not be looked up: missing_scope", True)]


def test_people_and_groups_that_slack_does_not_know_are_told_from_those_that_were_not_looked_up(
    silent_stage: Any,
) -> None:
    """A token without the scope, or a Slack that is away, says nothing about them."""
    named = Named(users=("U99",), user_groups=("S99",), channels=())
    found = list(check_named(silent_stage.connection, named))
    assert [one.unknown for one in found] == [False, False]
    assert found[0].text.startswith("U99, whom dnsbot.yaml names, was not found. ")
    assert found[1].text.startswith("user group S99, which dnsbot.yaml names, was not found. ")

    named = Named(users=("U01",), user_groups=("S01",), channels=())
    for method in ("users.info", "usergroups.users.list"):
        silent_stage.slack.fail(WebFault(method=method, kind=FaultKind.ERROR, error="missing_scope", times=1))
    found = list(check_named(silent_stage.connection, named))
    assert [one.unknown for one in found] == [True, True]
    assert found[0].text.startswith("U01, whom dnsbot.yaml names, could not be looked up. ")
    assert found[1].text.startswith("user group S01, which dnsbot.yaml names, could not be looked up. ")
