"""Ways to ask besides a command: direct messages, a list of clusters, the menu of a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.sandbox.slack import as_text

CHANNEL = "C0123456789"


def reports(stage: Any, channel: str) -> list[Any]:
    """Return the reports in a channel, threads included."""
    return [one for one in stage.slack.messages(channel) if "[ Diagnose again ]" in as_text(one.seen())]


def test_a_direct_message_is_answered_there(stage: Any) -> None:
    """The same verbs as by mention; the report stands in the conversation."""
    before = len(stage.script.history.keys)
    assert stage.slack.person("ana").writes_to_the_bot("diagnose cluster-prod").ok
    stage.until(lambda: len(stage.script.history.keys) > before)
    stage.quiet()

    assert len(reports(stage, "D01")) == 1


def test_a_direct_message_names_commands_as_they_are_typed(stage: Any) -> None:
    """With hyphens, as help shows them."""
    stage.slack.person("ana").writes_to_the_bot("break-glass")
    stage.quiet()

    assert "Which cluster, and why?" in stage.slack.person("ana").sees_text("D01")


def test_what_the_bot_itself_says_in_a_conversation_asks_nothing(stage: Any) -> None:
    """Its own report there is a message, too: it is not answered."""
    before = len(stage.script.history.keys)
    stage.slack.person("ana").writes_to_the_bot("diagnose cluster-prod")
    stage.until(lambda: len(stage.script.history.keys) > before)
    stage.quiet()

    assert len(stage.script.diagnosed) == 1


def test_without_a_cluster_one_is_chosen_from_a_list(stage: Any) -> None:
    """The list is for the asker alone; the choice is diagnosed where it was asked for."""
    stage.slack.person("ana").types("/dns-diagnose")
    stage.quiet()
    ana = stage.slack.person("ana")
    asked = next(one for one in ana.sees() if one.only_visible_to)

    assert ana.picks(asked, "cluster-prod").ok
    stage.quiet()

    assert "Which cluster?" in as_text(asked)
    assert len(reports(stage, CHANNEL)) == 1


def test_a_shortcut_diagnoses_the_cluster_that_the_message_names(stage: Any) -> None:
    """In the thread of that message."""
    stage.slack.person("ben").says("names do not resolve in cluster-prod, anybody?")
    message = stage.slack.person("ana").sees()[-1]
    assert stage.slack.person("ana").chooses_shortcut(message, "diagnose_message").ok
    stage.quiet()

    (report,) = reports(stage, CHANNEL)
    assert report.thread_ts == message.ts


def test_a_shortcut_on_a_message_that_names_no_cluster_asks_which(stage: Any) -> None:
    """The choice is reported in the thread of the message, too."""
    stage.slack.person("ben").says("names do not resolve, anybody?")
    ana = stage.slack.person("ana")
    message = ana.sees()[-1]
    ana.chooses_shortcut(message, "diagnose_message")
    stage.quiet()
    asked = next(one for one in ana.sees() if one.only_visible_to)
    ana.picks(asked, "cluster-prod")
    stage.quiet()

    (report,) = reports(stage, CHANNEL)
    assert report.thread_ts == message.ts


def test_who_may_is_named_in_a_refusal(stage: Any) -> None:
    """Dan is no approver: he learns whom to ask."""
    stage.post_card()
    stage.press("dan", "Approve")

    assert (
        "You may not decide on plans in production. Who can decide: @dns-approvers, @chloe."
        in stage.slack.person("dan").sees_text()
    )


def test_the_undo_of_a_verified_plan_is_proposed_on_a_press(stage: Any) -> None:
    """On a card of its own, asked for by whoever pressed; nothing is changed by the press."""
    stage.script.inverse = replace(stage.script.plan.steps[0], action="revoke")
    stage.post_card()
    stage.press("ben", "Approve")
    stage.press("ana", "Undo")

    assert "Undo for cluster-prod: 1 approval needed" in stage.card_text("p-2")
    assert stage.script.repaired == ["p-1"]


def test_approvers_are_reminded_once_before_a_plan_expires(stage: Any) -> None:
    """By a message of its own in the card's thread; a decided plan is let be."""
    card = stage.post_card()
    database = stage.script.history.real.database
    with database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE proposals SET created_at = datetime('now', '-1500 seconds') || '.000000', "
            "expires_at = datetime('now', '+300 seconds') || '.000000'"
        )
    for _ in range(2):
        stage.bot.expire()
        stage.look_for_work()

    assert len(stage.thread(card)) == 1
    assert stage.thread(card)[0].startswith("@dns-approvers @chloe this plan still waits for a decision")
