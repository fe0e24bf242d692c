from __future__ import annotations

import os
import time

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import Kind, as_text
from bot.sandbox.story import report_reading as reading
from tests.end_to_end.office import Office, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROUNDS = 100 if os.environ.get("CHAOS") == "all" else 4


def test_two_people_at_once_have_one_effect_in_every_round(world: RunningWorld) -> None:
    """Two clicks released by a barrier: both are acknowledged, one is taken, AWS receives one writing call."""
    seen = []
    with opened(world) as office:  # a history of its own: what other tests left pending would be offered again
        for _ in range(ROUNDS):
            office.breaks()
            card = office.asks("security-groups")
            clicks = office.at_once(card, "ben", "chloe")
            office.ends(card)
            seen.append((office.writes(), sum(click.acked is not None and click.acked.ok for click in clicks)))
        recorded = [
            (
                sorted(decision["accepted"] for decision in proposal["decisions"]),
                len([outcome for outcome in diagnosis["outcomes"] if outcome["proposal_id"] == proposal["id"]]),
            )
            for diagnosis in office.history()
            for proposal in diagnosis["proposals"]
        ]

    assert seen == [(1, 2)] * ROUNDS
    assert recorded == [([False, True], 1)] * ROUNDS


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ana", "somebody else must approve"),
        ("dan", "You may not decide on plans"),
        ("guest", "a guest"),
        ("robot", "a bot"),
        ("gone", "deactivated"),
        ("stranger", "not of the workspace"),
    ],
    ids=["requester", "outsider", "guest", "bot", "deactivated", "foreign workspace"],
)
def test_those_who_may_not_approve_are_told_why_alone(office: Office, name: str, reason: str) -> None:
    """A press by someone not entitled is refused, to that person alone, recorded, and nothing is written."""
    card = office.waiting()

    told = office.answer_to(name, lambda: office.slack.person(name).clicks(card, "approve"))

    assert reason in told
    assert office.writes() == 0
    assert office.decisions(card, name)[-1:] == [False]
    assert reading.can_be_approved(office.now(card))


def test_a_second_click_after_the_decision_is_refused(office: Office) -> None:
    """Chloe's screen still shows the button; her click changes nothing and she is told who decided."""
    card = office.waiting()
    office.slack.person("ben").clicks(card, "approve")
    office.ends(card)

    told = office.answer_to("chloe", lambda: office.slack.person("chloe").clicks(card, "approve"))

    assert "ben" in told
    assert office.writes() == 1


def test_a_rejection_needs_a_reason_and_ends_the_proposal(office: Office) -> None:
    """One Reject with a reason is shown on the card; an approval after it is refused."""
    card = office.waiting()
    chloe = office.slack.person("chloe")
    chloe.clicks(card, "reject")
    form = chloe.wait_for_view()
    empty = chloe.submits(form, {"reason": ""})
    chloe.submits(form, {"reason": "change freeze until Monday"})
    chloe.wait_for(lambda m: m.ts == card.ts and "change freeze until Monday" in as_text(m))
    told = office.answer_to("ben", lambda: office.slack.person("ben").clicks(card, "approve"))

    assert not empty.sent
    assert "chloe" in told
    assert office.writes() == 0


def test_an_approval_after_the_time_is_refused(world: RunningWorld) -> None:
    """A proposal expires by the database's clock; a click on the old card writes nothing."""
    with opened(world, expires_after="6s") as office:  # long enough for a busy machine to show it while it is open
        card = office.asks()
        time.sleep(6.5)

        told = office.answer_to("ben", lambda: office.slack.person("ben").clicks(card, "approve"))

        assert "expired" in told.lower()
        assert office.writes() == 0


def test_nothing_is_written_to_a_world_that_has_changed(office: Office) -> None:
    """Someone adds a rule to the group between proposal and approval: the plan is not applied to it."""
    card = office.asks()
    group = office.world.world.cluster_security_group_id
    rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}
    office.world.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[rule])
    office.world.aws_control("DELETE", "calls")
    try:
        office.slack.person("ben").clicks(card, "approve")
        outcome = office.ends(card)
    finally:
        office.world.operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[rule])

    assert "Nothing was written" in outcome
    assert office.writes() == 0
    assert "diagnose_again" in reading.action_ids(office.now(card))


def test_deliveries_that_come_again_have_one_effect(office: Office) -> None:
    """The same command and the same click, five times each and also after the end: one report, one write."""
    asked_before = len(office.history())
    card = office.asks()
    asked = office.slack.deliveries[-1][0]
    office.slack.person("ben").clicks(card, "approve")
    click = next(d for d, _ in reversed(office.slack.deliveries) if d.kind is Kind.INTERACTIVE)
    again = [office.slack.redeliver(delivery) for delivery in (click, asked) * 4]
    office.ends(card)
    again += [office.slack.redeliver(click), office.slack.redeliver(asked)]
    office.quiet()

    assert [acked.status for acked in again] == [200] * 10
    assert office.writes() == 1
    assert office.decisions(card, "ben") == [True]
    assert len(office.history()) == asked_before + 2, "the diagnosis that was asked for, and the one that verifies"


def test_a_mention_that_slack_repeats_is_one_diagnosis(office: Office) -> None:
    """The same event three times, the later ones with Slack's retry headers: answered 200, diagnosed once."""
    before = len(office.history())
    ana = office.slack.person("ana")
    ana.mentions("@dnsbot diagnose cluster-prod")
    event = office.slack.deliveries[-1][0]
    again = [office.slack.redeliver(event, headers={"X-Slack-Retry-Num": str(number)}) for number in (1, 2)]
    ana.wait_for(lambda m: m.ts > str(event.payload["event"]["ts"]) and "Root cause:" in as_text(m), timeout_seconds=30)
    office.quiet()

    assert [acked.status for acked in again] == [200, 200]
    assert len(office.history()) == before + 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": None},
        {"X-Slack-Request-Timestamp": "1"},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": None},
    ],
    ids=["forged", "unsigned", "old", "junk timestamp", "no timestamp"],
)
def test_a_delivery_that_is_not_slacks_is_refused(office: Office, headers: dict[str, str | None]) -> None:
    """A copied click with another signature or time gets 401, never 500, and nothing happens."""
    card = office.waiting()
    office.slack.person("dan").clicks(card, "approve")
    payload = dict(office.slack.deliveries[-1][0].payload)
    payload["user"] = {**payload["user"], "id": "U02", "name": "ben", "username": "ben"}
    payload["trigger_id"] = "another"

    acked = office.slack.deliver(payload, kind=Kind.INTERACTIVE, headers=headers)
    office.quiet()

    assert acked.status == 401
    assert office.writes() == 0


def test_a_command_and_a_click_work_over_socket_mode(world: RunningWorld) -> None:
    """The same way over a WebSocket: asked, refused, approved, written once, also after a reconnect."""
    with opened(world, socket_mode=True) as office:
        card = office.asks()
        told = office.answer_to("ana", lambda: office.slack.person("ana").clicks(card, "approve"))
        office.slack.disconnect()
        clicked = office.slack.person("ben").clicks(card, "approve")
        office.ends(card)

        assert "somebody else must approve" in told
        assert clicked.acked is not None
        assert clicked.acked.ok
        assert office.writes() == 1
        assert office.slack.connections == 1


def test_no_secret_of_the_bot_is_shown_or_logged(office: Office) -> None:
    """Tokens and the signing secret are in no message to Slack and not in the bot's log."""
    office.waiting()
    secrets = (office.slack.bot_token, office.slack.signing_secret, "reader-token", "writer-token")
    shown = office.slack.traffic() + office.bot.log.read_text()

    assert [secret for secret in secrets if secret in shown] == []
