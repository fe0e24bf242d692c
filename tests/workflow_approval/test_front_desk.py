from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.approvals import Choice, MessageRef, Result
from bot.domain.cluster import Question
from bot.domain.findings import Verdict
from bot.domain.people import Person
from bot.errors import Refused
from bot.workflow.desk import Desk


def test_it_is_the_desk_that_people_ask(setting: Any) -> None:
    """The front desk has every use case of the port, with its clusters and playbooks."""
    desk: Desk = setting.desk()
    assert set(desk.clusters()) == {"cluster-prod", "cluster-test", "cluster-read"}
    assert set(desk.playbooks()) == {"doors", "lookups", "other"}


def test_the_history_shows_what_followed_from_a_diagnosis(setting: Any, kit: Any) -> None:
    """One line a diagnosis: who asked, verdict, root causes, proposals, outcomes."""
    when = datetime(2099, 11, 21, 9, 0, tzinfo=UTC)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], started_at=when)
    desk = setting.desk()
    (proposal,) = desk.propose(diagnosis).proposals
    person = Person(team_id="T01", user_id="U02")
    desk.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    desk.repair(proposal.id)
    line = desk.history("cluster-prod")[0]
    assert (line.diagnosis_id, line.cluster, line.asked_by) == (diagnosis.id, "cluster-prod", "T01/U01")
    assert (line.started_at, line.verdict, line.root_causes) == ("2099-11-21T09:00:00Z", "problem", ("door_shut",))
    assert [one.id for one in line.proposals] == [proposal.id]
    assert [one.result for one in line.outcomes] == [Result.VERIFIED]


def test_a_verification_stands_in_the_history_as_a_diagnosis(setting: Any, kit: Any) -> None:
    """What was seen afterwards is a line of its own."""
    desk = setting.desk()
    (proposal,) = desk.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])).proposals
    person = Person(team_id="T01", user_id="U02")
    desk.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    outcome = desk.repair(proposal.id)
    assert outcome.verification_diagnosis_id in {line.diagnosis_id for line in desk.history()}


def test_another_clusters_history_is_another(setting: Any) -> None:
    """The name restricts the list."""
    setting.desk().diagnose(Question(cluster="cluster-prod"))
    assert setting.desk().history("cluster-test") == ()


def test_the_card_of_a_proposal_is_remembered(setting: Any, kit: Any) -> None:
    """A proposal knows its message and its report, for updates after a restart."""
    desk = setting.desk()
    (proposal,) = desk.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])).proposals
    desk.posted(proposal.id, MessageRef(channel="C1", ts="1.5"))
    desk.reported(proposal.id, "https://x.slack.com/archives/C1/p1")
    stored = setting.desk().proposal(proposal.id)
    assert (stored.message, stored.report_url) == (
        MessageRef(channel="C1", ts="1.5"),
        "https://x.slack.com/archives/C1/p1",
    )


def test_an_unknown_proposal_is_refused(setting: Any) -> None:
    """There is no plan by that id."""
    with pytest.raises(Refused, match="There is no plan"):
        setting.desk().proposal("nowhere")


def test_a_delivery_is_new_once(setting: Any) -> None:
    """Slack's retries are recognised, by a restarted process too."""
    assert [setting.desk().once("Ev1"), setting.desk().once("Ev1")] == [True, False]
