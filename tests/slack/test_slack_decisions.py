"""Presses of Approve and Reject: who may, what they start, and what the card says then."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.approvals import Choice, MessageRef, Result
from bot.domain.history import Press
from bot.domain.people import Person
from bot.domain.places import Place
from bot.errors import HistoryUnavailable
from bot.sandbox.slack import FaultKind, WebFault, as_text
from bot.workflow.settle import LEASE_RAN_OUT
from tests.slack.samples import sample_diagnosis

CHANNEL = "C0123456789"


def test_approval_runs_the_repair_once_and_the_card_tells_the_story(stage: Any) -> None:
    """Ben approves: the plan is applied once, the card shows who, which steps, and the result's own word."""
    card = stage.post_card()
    clicked = stage.press("ben", "Approve")

    assert "Apply this plan?" in clicked.dialog
    assert stage.script.repaired == ["p-1"]
    text = stage.card_text()
    assert "Verified: All lookups answer." in text
    assert "Approved by ben" in text
    assert "1 of 1 step done" in text
    assert "\nReport\n[ Undo ]  [ Details ]" in text
    assert "[ Approve ]" not in text
    assert "Diagnose again" not in text
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert [as_text(message.seen()) for message in thread] == ["@ana Verified: All lookups answer."]


def test_button_carries_id_and_hash_and_nothing_else(stage: Any) -> None:
    """What a button holds decides nothing: id and hash."""
    card = stage.post_card()
    actions = next(block for block in card.blocks if block["type"] == "actions")

    plan_hash = stage.proposal().plan_hash
    assert {element["value"] for element in actions["elements"]} == {f"p-1 {plan_hash}"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("ana", "somebody else must approve", id="requester"),
        pytest.param("dan", "You may not decide", id="outsider"),
        pytest.param("guest", "it is a guest", id="guest"),
        pytest.param("robot", "it is a bot", id="bot"),
        pytest.param("gone", "it is deactivated", id="deactivated"),
        pytest.param("stranger", "not of the workspace that this bot serves", id="stranger"),
    ],
)
def test_press_of_somebody_not_entitled_is_refused_to_that_person_alone(stage: Any, name: str, why: str) -> None:
    """Requester, outsider, guest, bot, deactivated and foreign accounts: refused, and only they see why."""
    stage.post_card()
    before = stage.card_text()
    stage.press(name, "Approve")

    assert why in stage.slack.person(name).sees_text()
    assert why not in stage.slack.person("ben").sees_text()
    assert stage.script.repaired == []
    assert stage.card_text() == before


def test_foreign_person_is_known_by_their_own_team(stage: Any) -> None:
    """With Slack Connect the team is that of the user, not that of the workspace."""
    stage.post_card()
    stage.press("stranger", "Approve")

    assert [str(decision.person) for decision in stage.proposal().decisions] == ["T99/U08"]


def test_same_click_delivered_many_times_takes_effect_once(stage: Any) -> None:
    """Retries of one click, at once and later, on a plan that needs two people: one decision, one update."""
    stage.script.policies["production"] = replace(stage.script.policies["production"], required=2)
    stage.post_card()
    stage.press("ben", "Approve")
    delivery = stage.slack.deliveries[-1][0]
    updates = len(stage.slack.calls("chat.update"))
    with ThreadPoolExecutor(8) as pool:
        acked = list(pool.map(lambda _: stage.slack.redeliver(delivery), range(16)))
    stage.quiet()

    assert all(answer.ok for answer in acked)
    assert len(stage.decided()) == 1
    assert len(stage.slack.calls("chat.update")) == updates
    assert "1 approval needed" in stage.card_text()
    assert "already" not in stage.slack.person("ben").sees_text()


def test_double_click_of_one_person_counts_once(stage: Any) -> None:
    """Two presses by one person are one approval; the second is refused to that person alone."""
    stage.script.policies["production"] = replace(stage.script.policies["production"], required=2)
    stage.post_card()
    stage.press("ben", "Approve")
    stage.press("ben", "Approve")

    assert len(stage.decided()) == 1
    assert stage.script.repaired == []
    assert "You have decided on this plan already" in stage.slack.person("ben").sees_text()
    assert "You have decided on this plan already" not in stage.slack.person("chloe").sees_text()


def test_two_people_at_once_make_one_repair(stage: Any) -> None:
    """Ben and Chloe released by a barrier: one repair, and the other is told."""
    card = stage.post_card()
    barrier = threading.Barrier(2)
    block = next(block for block in card.blocks if block["type"] == "actions")

    def press(name: str) -> bool:
        barrier.wait()
        return bool(stage.slack.person(name).clicks(card, "Approve", block_id=block["block_id"]).acked.ok)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(press, ["ben", "chloe"])) == [True, True]
    stage.quiet()

    assert stage.script.repaired == ["p-1"]
    assert "Verified" in stage.card_text()
    refused = [name for name in ("ben", "chloe") if "Already" in stage.slack.person(name).sees_text()]
    assert len(refused) == 1


@pytest.fixture
def choice(script: Any, request: pytest.FixtureRequest) -> Any:
    """A stage on which two plans may be chosen; the first opens port 53 alone."""
    plan = script.plan
    narrow = replace(plan.steps[0], diff=("+ inbound: udp 53 from sg-0abc",))
    script.plan = replace(plan, steps=(narrow,))
    script.alternatives = (replace(plan, title="Open everything", speaks_for="EKS asks for it.", risk="high"),)
    return request.getfixturevalue("stage")


def test_one_card_offers_several_plans_and_approving_one_withdraws_the_others(choice: Any) -> None:
    """Each plan has its title, what speaks for it and its own button; the outcome is that of the one approved."""
    card = choice.post_card()
    text = choice.card_text()
    block = next(one for one in card.blocks if "Approve plan 2" in json.dumps(one))
    clicked = choice.slack.person("ben").clicks(card, "Approve plan 2", block_id=block["block_id"])
    choice.quiet()

    assert "Choose one of 2 plans, the narrowest first." in text
    assert "It is the narrowest." in text
    assert "Plan 2: Open everything. EKS asks for it." in text
    assert "Open everything on cluster-prod" in clicked.dialog
    assert choice.script.repaired == ["p-1"]
    assert choice.proposal().plan.title == "Open everything"
    assert "Withdrawn: Let members of sg-0abc talk to one another" in choice.card_text()
    assert "Approved by ben" in choice.card_text()
    assert choice.card().ts == card.ts


def test_people_who_approve_different_plans_at_once_make_one_repair(choice: Any) -> None:
    """Ben and Chloe released by a barrier, each for another plan: one repair, and the other is told which it is."""
    card = choice.post_card()
    barrier = threading.Barrier(2)

    def press(name: str, button: str) -> bool:
        block = next(one for one in card.blocks if button in json.dumps(one))
        barrier.wait()
        return bool(choice.slack.person(name).clicks(card, button, block_id=block["block_id"]).acked.ok)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(press, ["ben", "chloe"], ["Approve plan 1", "Approve plan 2"])) == [True, True]
    choice.quiet()

    assert choice.script.repaired == ["p-1"]
    chosen = choice.proposal().plan.title
    refused = [name for name in ("ben", "chloe") if "Already" in choice.slack.person(name).sees_text()]
    assert len(refused) == 1
    assert f"approved “{chosen}”" in choice.slack.person(refused[0]).sees_text()


def test_reject_asks_for_the_reason_and_shows_it(stage: Any) -> None:
    """Reject opens a form; its reason is on the card, and the plan never runs."""
    stage.post_card()
    stage.press("ben", "Reject")
    ben = stage.slack.person("ben")
    sent = ben.submits(ben.wait_for_view(), {"reason": "Change freeze <!channel> until Monday"})
    stage.quiet()

    assert sent.errors == {}
    assert stage.decided() == [("U02", "Change freeze <!channel> until Monday")]
    assert "Rejected by ben" in stage.card_text()
    assert "Change freeze < !channel> until Monday" in stage.card_text()
    assert b'dnsbot_proposals_total{end="rejected"} 1.0' in stage.bot.tools.metrics.page()
    assert stage.script.repaired == []


def test_refused_rejection_is_told_to_that_person_alone(stage: Any) -> None:
    """The form asks an outsider for nothing, who would write in vain: it says why, as the channel does to him alone."""
    stage.post_card()
    stage.press("dan", "Reject")

    form = stage.slack.person("dan").view().view
    assert "input" not in {block["type"] for block in form["blocks"]}
    assert "You may not decide" in json.dumps(form)
    assert "You may not decide" in stage.slack.person("dan").sees_text()
    assert "You may not decide" not in stage.slack.person("ben").sees_text()
    assert [one.accepted for one in stage.proposal().decisions] == [False]


def test_forms_are_on_the_screen_before_anything_is_asked_of_slack(stage: Any) -> None:
    """Slack takes a form for three seconds after a press, and it may take longer to say who pressed."""
    stage.post_card()
    for button in ("Reject", "Commands"):
        before = len(stage.slack.requests)
        stage.press("ben", button)

        methods = [request.method for request in stage.slack.requests[before:]]
        assert (methods[0], methods[-1]) == ("views.open", "views.update")
        assert "users.info" in methods


def test_form_that_was_closed_while_it_was_made_is_told_of(stage: Any) -> None:
    """What Slack does not show any more is asked for again."""
    stage.post_card()
    stage.slack.fail(WebFault(method="views.update", kind=FaultKind.ERROR, error="not_found"))
    stage.press("ben", "Reject")

    told = "The form for the reason could not be opened (not_found). Press Reject again."
    assert told in stage.slack.person("ben").sees_text()


def test_database_down_takes_no_decision(stage: Any) -> None:
    """Without the history nothing is approved, and the person may press again later."""
    card = stage.post_card()
    stage.script.history.down = "The database did not answer within 5 s; nothing was changed."
    stage.press("ben", "Approve", on=card)
    delivery = stage.slack.deliveries[-1][0]
    stage.script.history.down = ""
    assert stage.slack.redeliver(delivery).ok
    stage.quiet()

    assert "nothing was changed" in stage.slack.person("ben").sees_text()
    assert stage.script.repaired == ["p-1"]


@pytest.mark.parametrize(
    ("result", "word"),
    [
        pytest.param(Result.NOT_VERIFIED, "Not verified: ", id="not-verified"),
        pytest.param(Result.UNVERIFIABLE, "Applied, not verified: ", id="could-not-look"),
        pytest.param(Result.WAITS, "Applied; waits: ", id="waits-for-people"),
        pytest.param(Result.STOPPED, "Stopped: ", id="stopped"),
        pytest.param(Result.REFUSED, "Refused: ", id="refused"),
    ],
)
def test_outcome_that_is_not_verified_says_its_word_and_offers_a_diagnosis(
    stage: Any, result: Result, word: str
) -> None:
    """Each result has its own word on the card, and a button for a new diagnosis."""
    stage.script.result, stage.script.summary = result, "1 of 3 rules still says problem."
    stage.post_card()
    stage.press("ben", "Approve")

    assert word + "1 of 3 rules still says problem." in stage.card_text()
    stage.press("dan", "Diagnose again")
    assert [question.cluster for question in stage.script.diagnosed] == ["cluster-prod", "cluster-prod"]


def test_failed_verification_proposes_the_undo_on_a_card_of_its_own(stage: Any, plan_of: Any) -> None:
    """The recorded inverse gets its own card with its own Approve."""
    stage.script.undo = plan_of(id="p-2", title="Revoke sgr-9", undoes="p-1")
    stage.script.result, stage.script.summary = Result.NOT_VERIFIED, "Lookups still fail."
    stage.post_card()
    stage.press("ben", "Approve")

    assert "Undo for cluster-prod: 1 approval needed" in stage.card_text("p-2")
    assert "Revoke sgr-9" in stage.card_text("p-2")
    assert "[ Approve ]" in stage.card_text("p-2")
    assert "\nReport\n" in stage.card_text("p-2")
    assert "with its own approval" in stage.card_text("p-1")


def test_undo_that_cannot_be_read_leaves_the_outcome_said(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The outcome stands on the card and in its thread, and nothing breaks."""
    stage.script.result, stage.script.summary = Result.NOT_VERIFIED, "They still fail."
    stage.script.undo_id = "p-2"
    card = stage.post_card()
    stage.press("ben", "Approve")

    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert "Not verified: They still fail." in as_text(thread[-1].seen())
    own = [record for record in caplog.records if record.name.startswith("bot.")]
    assert [record.message for record in own if record.levelno >= logging.WARNING] == []


def test_change_for_a_time_says_when_it_ends_and_what_became_of_it(stage: Any, plan_of: Any) -> None:
    """The card says so before anybody approves; afterwards it names the hour, and the thread tells the end."""
    plan = plan_of()
    stage.script.plan = replace(plan, steps=(replace(plan.steps[0], ends_after_seconds=1800),))
    card = stage.post_card()
    stage.press("ben", "Approve")
    planned = stage.card_text()
    stage.script.let_changes_end()
    stage.look_for_work()

    assert "Undone automatically after 30 minutes." in as_text(card)
    assert "undone automatically at 2026-" in planned
    said = "its time was over at 2026-01-01T00:00:00Z. There was nothing to take back."
    assert said in stage.card_text()
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert said in as_text(thread[-1].seen())


def test_change_that_cannot_be_taken_back_yet_is_said_once(stage: Any, plan_of: Any) -> None:
    """Its cluster left dnsbot.yaml: card and thread say so, once, and the history says it as long as it holds."""
    plan = plan_of()
    stage.script.plan = replace(plan, steps=(replace(plan.steps[0], ends_after_seconds=1800),))
    card = stage.post_card()
    stage.press("ben", "Approve")
    del stage.script.targets["cluster-prod"]
    for _ in range(2):
        stage.script.let_changes_end()
        stage.look_for_work()

    said = "its time is over, and it is not undone yet: Cluster cluster-prod is no longer configured"
    assert said in stage.card_text()
    thread = [as_text(one.seen()) for one in stage.slack.messages(CHANNEL) if one.thread_ts == card.ts]
    assert sum(said in text for text in thread) == 1
    stage.slack.person("ana").types("/dns-history")
    stage.quiet()
    assert [one.note for one in stage.script.history.late_endings()] != []


def test_repair_that_fails_and_is_settled_at_once_is_said_in_its_thread(stage: Any) -> None:
    """The process looked at what it left before it gave up: the outcome is told like any other."""
    card = stage.post_card()

    def settle() -> None:
        stage.script.let_leases_run_out()
        stage.use.settler.run("p-1", lambda _: None)

    stage.script.before_the_end = settle
    stage.script.repair_error = KeyError("x")
    stage.press("ben", "Approve")

    said = "Interrupted: the process that ran this repair ended, was frozen, or did not reach the database."
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert said in as_text(thread[-1].seen())
    assert said in stage.card_text()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(HistoryUnavailable("The database is gone."), id="database"),
        pytest.param(KeyError("x"), id="own-fault"),
    ],
)
def test_repair_that_ends_by_an_error_is_settled_by_whoever_looks(stage: Any, error: Exception) -> None:
    """Nobody claims to know how it ended before it was looked at; then it is on the card and in its thread."""
    card = stage.post_card()
    stage.script.repair_error = error
    stage.press("ben", "Approve")
    running = stage.card_text()
    stage.script.let_leases_run_out()
    stage.look_for_work()

    assert "Approved; the repair is running." in running
    said = f"Interrupted: {LEASE_RAN_OUT} Not made, or failed: step 1."
    assert said in stage.card_text()
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert said in as_text(thread[-1].seen())
    assert "Diagnose again" in stage.card_text()


def test_expired_proposal_is_said_on_its_card(stage: Any) -> None:
    """The clock marks what ran out of time; the card has no button any more."""
    soon = timedelta(milliseconds=20)
    stage.script.policies["production"] = replace(stage.script.policies["production"], expires_after=soon)
    stage.post_card()
    time.sleep(0.05)
    stage.bot.expire()
    stage.look_for_work()

    said = "Expired, or replaced by a newer plan; nothing was changed. Diagnose again for a new plan."
    assert said in stage.card_text()
    assert "[ Approve ]" not in stage.card_text()
    assert b'dnsbot_proposals_total{end="expired"} 1.0' in stage.bot.tools.metrics.page()


def test_repair_that_another_process_left_is_settled_and_said(stage: Any) -> None:
    """Whoever looks for work takes it over once its lease ran out, and says on card and thread how it stands."""
    card = stage.post_card()
    _leave_running(stage)
    stage.look_for_work()

    said = f"Refused: Interrupted: {LEASE_RAN_OUT} Nothing was written."
    assert said in stage.card_text()
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert said in as_text(thread[-1].seen())


def test_approval_that_nobody_began_is_carried_on(stage: Any) -> None:
    """The process ended right after the press: the next one finds the plan approved, and runs it."""
    stage.post_card()
    _approve(stage)
    stage.look_for_work()

    assert stage.script.repaired == ["p-1"]
    assert "Verified: All lookups answer." in stage.card_text()


def test_refused_press_brings_the_card_up_to_date(stage: Any) -> None:
    """Whoever presses a stale card is told why not, and sees it as it is."""
    stage.post_card()
    stage.slack.fail(WebFault(method="chat.update", kind=FaultKind.ERROR, error="internal_error", times=20))
    stage.press("ben", "Approve")
    stage.slack.faults.clear()
    stage.press("chloe", "Approve")

    assert "Already decided by ben" in stage.slack.person("chloe").sees_text()
    assert "Verified: All lookups answer." in stage.card_text()


def test_asking_again_links_to_the_card_that_waits(stage: Any) -> None:
    """A plan has one card: the second report names who asked for it and links it, and no other card is posted."""
    card = stage.post_card()
    stage.slack.person("chloe").types("/dns-diagnose cluster-prod")
    stage.quiet()

    cards = [one for one in stage.slack.messages(CHANNEL) if "[ Approve ]" in as_text(one.seen())]
    reports = [one.seen() for one in stage.slack.messages(CHANNEL) if "Root cause" in as_text(one.seen())]
    assert [one.ts for one in cards] == [card.ts]
    assert "Waiting for a decision already: Let members of sg-0abc talk to one another, asked by ana." in as_text(
        reports[-1]
    )
    assert card.ts.replace(".", "") in json.dumps(reports[-1].blocks)


def test_press_on_an_older_card_updates_it_too(stage: Any) -> None:
    """The history knows one card of the plan; whatever message is pressed shows what came of it."""
    card = stage.post_card()
    posted = stage.proposal().posted
    other = stage.slack.messages(CHANNEL)[0].ts
    stage.script.history.remember("p-1", replace(posted, message=MessageRef(channel=CHANNEL, ts=other)))
    stage.press("ben", "Approve", on=card)

    pressed = next(one.seen() for one in stage.slack.messages(CHANNEL) if one.ts == card.ts)
    assert "Verified: All lookups answer." in as_text(pressed)
    assert "Verified: All lookups answer." in stage.card_text()


def test_card_of_another_process_keeps_its_link_to_the_report(stage: Any) -> None:
    """After a restart the card is written from what is stored, and the report's link is."""
    card = stage.post_card()
    posted = stage.proposal().posted
    stage.script.history.remember("p-1", replace(posted, report_url=f"{posted.report_url}?of=the-store"))
    _leave_running(stage)
    stage.look_for_work()

    assert posted.report_url.startswith("http")
    assert posted.report_url in json.dumps(card.blocks)
    assert f"{posted.report_url}?of=the-store" in json.dumps(stage.card().blocks)


def test_card_whose_place_could_not_be_stored_is_updated_where_it_is_pressed(stage: Any) -> None:
    """The history fails right after the card is posted; a press on it is answered on the card all the same."""
    stage.script.history.forgets_cards = True
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()
    card = next(one.seen() for one in stage.slack.messages(CHANNEL) if "[ Approve ]" in as_text(one.seen()))

    forgotten = stage.proposal().posted
    stage.script.history.forgets_cards = False
    stage.press("ben", "Approve", on=card)

    after = next(one.seen() for one in stage.slack.messages(CHANNEL) if one.ts == card.ts)
    assert forgotten is None
    assert "[ Approve ]" not in as_text(after)
    assert "Verified" in as_text(after)


def _approve(stage: Any) -> None:
    """Approve the plan in the history alone, as a process that then ended."""
    press = Press(
        proposal_id="p-1",
        plan_hash=stage.proposal().plan_hash,
        person=Person(team_id="T01", user_id="U02"),
        choice=Choice.APPROVE,
    )
    stage.script.history.take(press, required=1)


def _leave_running(stage: Any) -> None:
    """Approve the plan and begin it, as a process that then ended some time ago."""
    _approve(stage)
    stage.script.history.release(stage.script.history.begin("p-1", "gone"))


def test_card_without_a_writer_has_no_approve(stage: Any) -> None:
    """Where nothing may be written the card shows the command and says why there is no Approve."""
    target = replace(stage.script.targets["cluster-prod"], aws_writer=False)
    stage.script.make = lambda question, asked_by: sample_diagnosis(question, asked_by, target=target)
    stage.post_card()

    text = stage.card_text()
    assert "writer_role_arn" in text
    assert "[ Approve ]" not in text
    stage.press("ana", "Commands")
    assert "aws ec2 authorize-security-group-ingress" in json.dumps(stage.slack.person("ana").view().view)


def test_a_step_elsewhere_names_its_place_on_the_card(stage: Any, plan_of: Any) -> None:
    """Whoever approves sees whose account and region is changed; a step at home says nothing of it."""
    plan = plan_of()
    there = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")
    stage.script.plan = replace(plan, steps=(plan.steps[0], replace(plan.steps[0], place=there)))

    stage.post_card()

    assert stage.card_text().count(" At ") == 1
    assert "At peer shared (vpc-0aaa, account 222233334444, eu-central-1)." in stage.card_text()


def test_steps_too_long_for_the_card_stand_whole_in_its_thread(stage: Any, plan_of: Any) -> None:
    """Nobody approves what they cannot read: long diffs are posted whole below the card."""
    plan = plan_of()
    lines = tuple(f"+ inbound: udp 53 from 10.0.{number}.0/24" for number in range(80))
    stage.script.plan = replace(plan, steps=(replace(plan.steps[0], diff=lines),))
    card = stage.post_card()

    assert "and 76 more lines. Also" in stage.card_text() or "and 76 more lines." in stage.card_text()
    assert "The whole difference is in the thread." in stage.card_text()
    thread = [as_text(message.seen()) for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert "10.0.0.0/24" in thread[0]
    assert "10.0.79.0/24" in thread[0]


def test_button_with_a_forged_value_is_refused(stage: Any) -> None:
    """A value that is no id and hash changes nothing and is refused to whoever sent it."""
    stage.post_card()
    stage.forge("approve", "p-1 U02 approve")

    assert "carries no proposal of this bot" in stage.slack.person("ben").sees_text()
    assert stage.decided() == []


def test_journal_is_shown_while_the_repair_runs(stage: Any) -> None:
    """A started step is on the card before the repair ends."""
    go = threading.Event()
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        go.wait(10)

    stage.post_card()
    stage.script.before_the_end = wait
    stage.slack.person("ben").clicks(stage.card(), "Approve", block_id=actions_id(stage.card()))
    assert begun.wait(5)
    stage.slack.person("ben").wait_for(lambda message: "Step 1" in as_text(message) and "started" in as_text(message))
    go.set()
    stage.quiet()

    assert "Verified: All lookups answer." in stage.card_text()


def actions_id(card: Any) -> str:
    """Return the block that holds the buttons."""
    return str(next(block["block_id"] for block in card.blocks if block["type"] == "actions"))


def test_who_presses_twice_is_told_of_the_own_decision(stage: Any) -> None:
    """The second press of the one who approved is answered by what that person did, without ids."""
    card = stage.post_card()
    stage.press("ben", "Approve")
    stage.press("ben", "Approve", on=card)

    told = stage.slack.person("ben").sees_text()
    assert "You have approved this plan already" in told
    assert "T01/" not in told
