"""What Slack does not take of a plan, or of what became of it: said again later, once; or marked as not said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Result
from bot.report.history_words import not_shown_words
from bot.sandbox.slack import FaultKind, WebFault

CHANNEL = "C0123456789"


def test_outcome_and_undo_that_slack_did_not_take_are_sent_again(stage: Any, plan_of: Any) -> None:
    """Slack is away when the repair ends: the line in the thread and the undo's card come a minute later, once."""
    stage.script.undo = plan_of(id="p-2", title="Revoke sgr-9", undoes="p-1")
    stage.script.result, stage.script.summary = Result.NOT_VERIFIED, "Lookups still fail."
    card = stage.post_card()
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.ERROR, times=-1))
    stage.press("ben", "Approve")
    stage.slack.faults.clear()
    stage.look_for_work()
    too_early = stage.thread(card)
    for _ in range(2):
        stage.script.let_a_minute_pass()
        stage.look_for_work()

    assert (too_early, stage.thread(card)) == ([], ["@ana Not verified: Lookups still fail."])
    assert "[ Approve ]" in stage.card_text("p-2")


def test_end_of_a_change_that_slack_did_not_take_is_said_again(stage: Any, plan_of: Any) -> None:
    """Slack is away when the time is over: the thread is told a minute later, once."""
    plan = plan_of()
    stage.script.plan = replace(plan, steps=(replace(plan.steps[0], ends_after_seconds=1800),))
    card = stage.post_card()
    stage.press("ben", "Approve")
    stage.script.let_changes_end()
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.ERROR, times=-1))
    stage.look_for_work()
    stage.slack.faults.clear()
    before = stage.thread(card)
    for _ in range(2):
        stage.script.let_a_minute_pass()
        stage.look_for_work()

    said = "its time was over at 2026-01-01T00:00:00Z. There was nothing to take back."
    assert len(stage.thread(card)) == len(before) + 1
    assert said in stage.thread(card)[-1]


def test_line_whose_answer_was_lost_is_not_sent_again(stage: Any) -> None:
    """Slack took the line and its answer never came: it stands in the thread once."""
    card = stage.post_card()
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.LOST_ANSWER))
    stage.press("ben", "Approve")
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert stage.thread(card) == ["@ana Verified: All lookups answer."]


def test_card_that_was_deleted_is_not_drawn_for_ever(stage: Any) -> None:
    """Somebody deleted it: Slack says so, and it is not due again and again."""
    stage.post_card()
    stage.slack.fail(WebFault(method="chat.update", kind=FaultKind.ERROR, error="message_not_found", times=-1))
    stage.press("ben", "Approve")
    stage.look_for_work()

    assert stage.script.history.due() == ()


def test_archived_channel_is_not_asked_every_few_seconds(stage: Any) -> None:
    """It is tried again when the pause is over and no sooner: nothing hammers Slack for want of a person."""
    stage.post_card()
    for method in ("chat.update", "chat.postMessage"):
        stage.slack.fail(WebFault(method=method, kind=FaultKind.ERROR, error="is_archived", times=-1))
    stage.press("ben", "Approve")
    before = len(stage.slack.requests)
    for _ in range(3):
        stage.look_for_work()
    paused = len(stage.slack.requests) - before
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert (paused, len(stage.slack.requests) - before) == (0, 1)
    assert stage.script.history.due() == ()


@pytest.mark.parametrize("code", ["msg_too_long", "invalid_blocks"])
def test_what_slack_never_takes_is_logged_marked_and_not_sent_again(
    stage: Any, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    """The history says that card and thread are behind, and why."""
    stage.post_card()
    for method in ("chat.update", "chat.postMessage"):
        stage.slack.fail(WebFault(method=method, kind=FaultKind.ERROR, error=code, times=-1))
    stage.press("ben", "Approve")
    stage.slack.faults.clear()
    before = len(stage.slack.requests)
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert len(stage.slack.requests) == before
    stage.slack.person("ana").types("/dns-history")
    stage.quiet()
    assert f"Its card is out of date: Slack answered {code}." in stage.slack.person("ana").sees_text()
    assert f"Its thread does not tell what became of it: Slack answered {code}." in not_shown_words(stage.proposal())
    assert [record.message for record in caplog.records].count("a message is given up") >= 2


def test_outcome_that_cannot_be_read_is_left_unsaid(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody changed its row: that is logged, and it is not due again."""
    card = stage.post_card()
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.ERROR, times=-1))
    stage.press("ben", "Approve")
    stage.slack.faults.clear()
    with stage.script.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE outcomes SET result = 'fine'")
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert (stage.thread(card), stage.script.history.due()) == ([], ())
    assert "a message cannot be drawn" in [record.message for record in caplog.records]


def test_card_that_slack_did_not_take_is_drawn_again(stage: Any) -> None:
    """The last update is lost for good and counted; the next look brings the card up to date."""
    stage.post_card()
    stage.slack.fail(WebFault(method="chat.update", kind=FaultKind.ERROR, error="internal_error", times=20))
    stage.press("ben", "Approve")
    stale = stage.card_text()
    stage.slack.faults.clear()
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert "[ Approve ]" in stale
    assert "Verified: All lookups answer." in stage.card_text()
    assert b'dnsbot_slack_refusals_total{code="internal_error"} ' in stage.bot.tools.metrics.page()


def test_lost_connection_on_the_final_card_update_is_repeated(stage: Any) -> None:
    """An update may be repeated: the card shows the outcome all the same."""
    stage.post_card()
    stage.slack.fail(WebFault(method="chat.update", kind=FaultKind.LOST_ANSWER))
    stage.press("ben", "Approve")

    assert "Verified" in stage.card_text()


def test_a_refusal_that_slack_does_not_take_is_said_later(stage: Any) -> None:
    """Why a press was not taken is a row first: the person is told when Slack takes it."""
    stage.post_card()
    stage.slack.fail(WebFault(method="response_url", kind=FaultKind.DOWN, times=3))
    stage.slack.fail(WebFault(method="chat.postEphemeral", kind=FaultKind.ERROR, error="no_permission", times=3))
    stage.press("dan", "Approve")
    told_at_once = "You may not decide" in stage.slack.person("dan").sees_text()
    stage.slack.faults.clear()
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert not told_at_once
    assert "You may not decide" in stage.slack.person("dan").sees_text()
