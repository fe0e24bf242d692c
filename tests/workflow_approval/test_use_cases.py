from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.approvals import Choice, MessageRef, Posted, Result
from bot.domain.cluster import Question
from bot.domain.findings import Verdict
from bot.domain.people import Person
from bot.errors import Refused


def test_the_history_shows_what_followed_from_a_diagnosis(setting: Any, kit: Any) -> None:
    """One line a diagnosis: who asked, verdict, root causes, proposals, outcomes."""
    when = datetime(2099, 11, 21, 9, 0, tzinfo=UTC)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], started_at=when)
    (proposal,) = setting.use().proposer.propose(diagnosis).proposals
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    setting.repair(proposal.id)
    line = setting.history.recent("cluster-prod")[0]
    assert (line.diagnosis_id, line.cluster, line.asked_by) == (diagnosis.id, "cluster-prod", diagnosis.asked_by)
    assert (line.started_at, line.verdict, line.root_causes) == (when, Verdict.PROBLEM, ("door_shut",))
    assert [one.id for one in line.proposals] == [proposal.id]
    assert [one.result for one in line.outcomes] == [Result.VERIFIED]


def test_a_verification_stands_in_the_history_as_a_diagnosis(setting: Any, kit: Any) -> None:
    """What was seen afterwards is a line of its own."""
    (proposal,) = (
        setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])).proposals
    )
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    outcome = setting.repair(proposal.id)
    assert outcome.verification_diagnosis_id in {line.diagnosis_id for line in setting.history.recent()}


def test_another_clusters_history_is_another(setting: Any) -> None:
    """The name restricts the list."""
    setting.use().diagnose(Question(cluster="cluster-prod"))
    assert setting.history.recent("cluster-test") == ()


def test_the_card_of_a_proposal_is_remembered(setting: Any, kit: Any) -> None:
    """A proposal knows its message and its report, for updates after a restart."""
    (proposal,) = (
        setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])).proposals
    )
    posted = Posted(message=MessageRef(channel="C1", ts="1.5"), report_url="https://x.slack.com/archives/C1/p1")
    setting.history.remember(proposal.id, posted)
    assert setting.history.proposal(proposal.id).posted == posted


def test_an_unknown_proposal_is_refused(setting: Any) -> None:
    """There is no plan by that id."""
    with pytest.raises(Refused, match="There is no plan"):
        setting.history.proposal("nowhere")


def test_a_delivery_is_new_once(setting: Any) -> None:
    """Slack's retries are recognised, by a restarted process too."""
    assert [setting.history.once("Ev1"), setting.history.once("Ev1")] == [True, False]
