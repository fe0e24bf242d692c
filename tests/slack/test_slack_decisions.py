from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Outcome, ProposalState, Result, StepRecord, StepState
from bot.errors import HistoryUnavailable, Refused, WorldChanged
from bot.sandbox.slack import FaultKind, Kind, WebFault, as_text

CHANNEL = "C0123456789"


def test_approval_runs_the_repair_once_and_the_card_tells_the_story(stage: Any) -> None:
    """Ben approves: the plan is applied once, the card shows who, which steps, and the result's own word."""
    card = stage.post_card()
    clicked = stage.press("ben", "Approve")

    assert "Apply this plan?" in clicked.dialog
    assert stage.desk.repaired == ["p-1"]
    text = stage.card_text()
    assert "Verified: All look-ups answer." in text
    assert "Approved by ben" in text
    assert "Step 1, security group sg-0abc (eks-cluster-sg-prod): done (created sgr-9)" in text
    assert "The report this rests on" in text
    assert "[ Approve ]" not in text
    assert "Diagnose again" not in text
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert [as_text(message.seen()) for message in thread] == ["Verified: All look-ups answer."]


def test_button_carries_id_and_hash_and_nothing_else(stage: Any) -> None:
    """What a button holds decides nothing: id and hash."""
    card = stage.post_card()
    actions = next(block for block in card.blocks if block["type"] == "actions")

    plan_hash = stage.desk.proposals["p-1"].plan_hash
    assert {element["value"] for element in actions["elements"]} == {f"p-1 {plan_hash}"}


@pytest.mark.parametrize(
    "name",
    ["ana", "dan", "guest", "robot", "gone", "stranger"],
)
def test_press_of_somebody_not_entitled_is_refused_to_that_person_alone(stage: Any, name: str) -> None:
    """Requester, outsider, guest, bot, deactivated and foreign accounts: refused, and only they see why."""
    stage.post_card()
    before = stage.card_text()
    stage.press(name, "Approve")

    assert "is not among the approvers" in stage.slack.person(name).sees_text()
    assert "is not among the approvers" not in stage.slack.person("ben").sees_text()
    assert stage.desk.repaired == []
    assert stage.card_text() == before


def test_foreign_person_is_known_by_their_own_team(stage: Any) -> None:
    """With Slack Connect the team is that of the user, not that of the workspace."""
    stage.post_card()
    stage.press("stranger", "Approve")

    assert "T99/U08 is not among the approvers" in stage.slack.person("stranger").sees_text()


def test_same_click_delivered_many_times_takes_effect_once(stage: Any) -> None:
    """Retries of one click, at once and later, on a plan that needs two people: one decision, one update."""
    proposal = stage.desk.offered[0]
    stage.desk.offered = (replace(proposal, policy=replace(proposal.policy, required=2)),)
    stage.post_card()
    stage.press("ben", "Approve")
    delivery = stage.slack.deliveries[-1][0]
    updates = len(stage.slack.calls("chat.update"))
    with ThreadPoolExecutor(8) as pool:
        acked = list(pool.map(lambda _: stage.slack.redeliver(delivery), range(16)))
    stage.quiet()

    assert all(answer.ok for answer in acked)
    assert len(stage.desk.decided) == 1
    assert len(stage.slack.calls("chat.update")) == updates
    assert "Waits for 1 approval" in stage.card_text()
    assert "already" not in stage.slack.person("ben").sees_text()


def test_double_click_of_one_person_counts_once(stage: Any) -> None:
    """Two presses by one person are one approval; the second is refused to that person alone."""
    proposal = stage.desk.offered[0]
    stage.desk.offered = (replace(proposal, policy=replace(proposal.policy, required=2)),)
    stage.post_card()
    stage.press("ben", "Approve")
    stage.press("ben", "Approve")

    assert len(stage.desk.decided) == 1
    assert stage.desk.repaired == []
    assert "You have approved already." in stage.slack.person("ben").sees_text()
    assert "You have approved already." not in stage.slack.person("chloe").sees_text()


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

    assert stage.desk.repaired == ["p-1"]
    assert "Verified" in stage.card_text()
    refused = [name for name in ("ben", "chloe") if "Already" in stage.slack.person(name).sees_text()]
    assert len(refused) == 1


def test_reject_asks_for_the_reason_and_shows_it(stage: Any) -> None:
    """Reject opens a form; its reason is on the card, and the plan never runs."""
    stage.post_card()
    stage.press("ben", "Reject")
    ben = stage.slack.person("ben")
    sent = ben.submits(ben.wait_for_view(), {"reason": "Change freeze <!channel> until Monday"})
    stage.quiet()

    assert sent.errors == {}
    assert stage.desk.decided[0][3] == "Change freeze <!channel> until Monday"
    assert "Rejected by ben" in stage.card_text()
    assert "Change freeze < !channel> until Monday" in stage.card_text()
    assert stage.desk.repaired == []


def test_refused_rejection_is_told_to_that_person_alone(stage: Any) -> None:
    """An outsider may open the form; sending it off is refused, ephemerally."""
    stage.post_card()
    stage.press("dan", "Reject")
    dan = stage.slack.person("dan")
    dan.submits(dan.wait_for_view(), {"reason": "no"})
    stage.quiet()

    assert "is not among the approvers" in dan.sees_text()
    assert "is not among the approvers" not in stage.slack.person("ben").sees_text()


def test_database_down_takes_no_decision(stage: Any) -> None:
    """Without the history nothing is approved, and the person may press again later."""
    stage.post_card()
    stage.desk.history_error = HistoryUnavailable("The database did not answer within 5 s; nothing was changed.")
    stage.press("ben", "Approve")
    delivery = stage.slack.deliveries[-1][0]
    stage.desk.history_error = None
    assert stage.slack.redeliver(delivery).ok
    stage.quiet()

    assert "nothing was changed" in stage.slack.person("ben").sees_text()
    assert stage.desk.repaired == ["p-1"]


@pytest.mark.parametrize(
    ("result", "word"),
    [
        pytest.param(Result.NOT_VERIFIED, "Not verified: ", id="not-verified"),
        pytest.param(Result.UNVERIFIABLE, "Applied, not verified: ", id="could-not-look"),
        pytest.param(Result.STOPPED, "Stopped: ", id="stopped"),
        pytest.param(Result.REFUSED, "Refused: ", id="refused"),
    ],
)
def test_outcome_that_is_not_verified_says_its_word_and_offers_a_diagnosis(
    stage: Any, result: Result, word: str
) -> None:
    """Each result has its own word on the card, and a button for a new diagnosis."""
    stage.desk.outcome = Outcome(proposal_id="p-1", result=result, summary="1 of 3 rules still says problem.", steps=())
    stage.post_card()
    stage.press("ben", "Approve")

    assert word + "1 of 3 rules still says problem." in stage.card_text()
    stage.press("dan", "Diagnose again")
    assert [question.cluster for question in stage.desk.diagnosed] == ["cluster-prod", "cluster-prod"]


def test_failed_verification_proposes_the_undo_on_a_card_of_its_own(stage: Any, plan_of: Any, proposal_of: Any) -> None:
    """The recorded inverse gets its own card with its own Approve."""
    undo = proposal_of(plan=plan_of(id="p-2", title="Revoke sgr-9", undoes="p-1"))
    stage.desk.proposals["p-2"] = undo
    stage.desk.outcome = Outcome(
        proposal_id="p-1",
        result=Result.NOT_VERIFIED,
        summary="Look-ups still fail.",
        steps=(),
        inverse_proposal_id="p-2",
    )
    stage.post_card()
    stage.press("ben", "Approve")

    assert "Undo for cluster-prod: Revoke sgr-9" in stage.card_text("p-2")
    assert "[ Approve ]" in stage.card_text("p-2")
    assert "The report this rests on" in stage.card_text("p-2")
    assert "needs its own approval" in stage.card_text("p-1")


def test_undo_that_cannot_be_read_leaves_the_outcome_said(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The outcome stands on the card and in its thread; that the undo has no card is logged, and nothing breaks."""
    outcome = Outcome(proposal_id="p-1", result=Result.NOT_VERIFIED, summary="They still fail.", steps=())
    stage.desk.outcome = replace(outcome, inverse_proposal_id="p-2")
    card = stage.post_card()
    stage.press("ben", "Approve")

    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert "Not verified: They still fail." in as_text(thread[-1].seen())
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == ["undo not posted"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(WorldChanged("sg-0abc has a new rule; diagnose again."), "Refused: sg-0abc has", id="world"),
        pytest.param(Refused("U02 left group S01."), "Refused: U02 left group S01.", id="authorisation"),
        pytest.param(HistoryUnavailable("The database is gone."), "Stopped: The database is gone.", id="database"),
        pytest.param(KeyError("x"), "Stopped by a fault of the bot itself", id="own-fault"),
    ],
)
def test_repair_that_raises_is_said_on_the_card(stage: Any, error: Exception, said: str) -> None:
    """Whatever ends a repair is on the card and in its thread."""
    card = stage.post_card()
    stage.desk.repair_error = error
    stage.press("ben", "Approve")

    assert said in stage.card_text()
    thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert said in as_text(thread[-1].seen())
    assert "Diagnose again" in stage.card_text()


def test_expired_and_interrupted_are_said_on_their_cards(stage: Any) -> None:
    """The clock marks what ran out of time; start-up marks what was left running."""
    stage.post_card()
    stage.desk.overdue = ("p-1",)
    stage.bot.expire()
    expired = stage.card_text()
    stage.desk.left_running = ("p-1",)
    stage.bot.interrupted()

    assert "Expired, or replaced by a newer plan; nothing was changed." in expired
    assert "[ Approve ]" not in expired
    assert "Interrupted: the bot stopped while the repair was running." in stage.card_text()


def test_card_of_another_process_keeps_its_link_to_the_report(stage: Any) -> None:
    """After a restart the card is written from what is stored, and the report's link is."""
    card = stage.post_card()
    url = stage.desk.proposals["p-1"].report_url
    stage.desk.proposals["p-1"] = replace(stage.desk.proposals["p-1"], report_url=f"{url}?of=the-store")
    stage.desk.left_running = ("p-1",)
    stage.bot.interrupted()

    assert url.startswith("http")
    assert url in json.dumps(card.blocks)
    assert f"{url}?of=the-store" in json.dumps(stage.card().blocks)


def test_card_whose_place_could_not_be_stored_keeps_its_link_to_the_report(stage: Any) -> None:
    """The history is down when the card is posted; a press on it is answered with the card, link and all."""
    stage.desk.place_error = HistoryUnavailable("the database did not answer")
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()
    card = next(one.seen() for one in stage.slack.messages(CHANNEL) if "[ Approve ]" in as_text(one.seen()))

    stage.press("ben", "Approve", on=card)

    after = next(one.seen() for one in stage.slack.messages(CHANNEL) if one.ts == card.ts)
    assert stage.desk.proposals["p-1"].message is None
    assert "[ Approve ]" not in as_text(after)
    assert "The report this rests on" in as_text(after)


def test_card_without_a_writer_has_no_approve(stage: Any) -> None:
    """Where nothing may be written the card shows the command and says why there is no Approve."""
    proposal = stage.desk.offered[0]
    stage.desk.offered = (replace(proposal, not_approvable="No writer_role_arn is configured for cluster-prod."),)
    stage.post_card()

    text = stage.card_text()
    assert "No writer_role_arn is configured for cluster-prod." in text
    assert "aws ec2 authorize-security-group-ingress" in text
    assert "[ Approve ]" not in text


def test_steps_too_long_for_the_card_stand_whole_in_its_thread(stage: Any, plan_of: Any, proposal_of: Any) -> None:
    """Nobody approves what they cannot read: long diffs are posted whole below the card."""
    plan = plan_of()
    lines = tuple(f"+ inbound: udp 53 from 10.0.{number}.0/24" for number in range(80))
    stage.desk.offered = (proposal_of(plan=replace(plan, steps=(replace(plan.steps[0], diff=lines),))),)
    card = stage.post_card()

    assert "more characters)" in stage.card_text()
    thread = [as_text(message.seen()) for message in stage.slack.messages(CHANNEL) if message.thread_ts == card.ts]
    assert "10.0.0.0/24" in thread[0]
    assert "10.0.79.0/24" in thread[0]


def test_button_with_a_forged_value_is_refused(stage: Any) -> None:
    """A value that is no id and hash changes nothing and is refused to whoever sent it."""
    stage.post_card()
    payload = {
        "type": "block_actions",
        "team": {"id": "T01"},
        "user": {"id": "U02", "team_id": "T01"},
        "trigger_id": "1.2",
        "channel": {"id": CHANNEL},
        "container": {"type": "message", "message_ts": "1.0", "channel_id": CHANNEL},
        "actions": [{"type": "button", "action_id": "approve", "value": "p-1 U02 approve", "action_ts": "9.9"}],
    }
    assert stage.slack.deliver(payload, kind=Kind.INTERACTIVE).ok
    stage.quiet()

    assert "carries no proposal of this bot" in stage.slack.person("ben").sees_text()
    assert stage.desk.decided == []


def test_journal_is_shown_while_the_repair_runs(stage: Any) -> None:
    """A started step is on the card before the repair ends."""
    go = threading.Event()
    begun = threading.Event()

    class Slow:
        def __call__(self, proposal_id: str, *, told: Any = None) -> Outcome:
            told(
                StepRecord(
                    proposal_id=proposal_id,
                    index=0,
                    state=StepState.STARTED,
                    effects={},
                    note="",
                    at=stage.desk.proposals["p-1"].created_at,
                )
            )
            begun.set()
            go.wait(10)
            stage.desk.proposals["p-1"] = replace(stage.desk.proposals["p-1"], state=ProposalState.DONE)
            return Outcome(proposal_id=proposal_id, result=Result.VERIFIED, summary="ok", steps=())

    stage.post_card()
    stage.desk.repair = Slow()
    stage.slack.person("ben").clicks(stage.card(), "Approve", block_id=actions_id(stage.card()))
    assert begun.wait(5)
    stage.slack.person("ben").wait_for(lambda message: "Step 1" in as_text(message) and "started" in as_text(message))
    go.set()
    stage.quiet()

    assert "Verified: ok" in stage.card_text()


def test_lost_connection_on_the_final_card_update_is_repeated(stage: Any) -> None:
    """An update may be repeated: the card shows the outcome all the same."""
    stage.post_card()
    stage.slack.fail(WebFault(method="chat.update", kind=FaultKind.LOST_ANSWER))
    stage.press("ben", "Approve")

    assert "Verified" in stage.card_text()


def actions_id(card: Any) -> str:
    """Return the block that holds the buttons."""
    return str(next(block["block_id"] for block in card.blocks if block["type"] == "actions"))
