from typing import Any

import pytest

from bot.domain.approvals import Choice, MessageRef, Posted, Proposal, ProposalState, Result, StepState
from bot.domain.cluster import Question
from bot.domain.findings import Verdict
from bot.domain.history import Press
from bot.domain.people import Person
from bot.errors import HistoryUnavailable


def test_a_diagnosis_is_answered_unrecorded(setting: Any) -> None:
    """Reading goes on while the database is down, and the answer says that it is not in the history."""
    setting.history.down = True
    diagnosis = setting.use().diagnose(Question(cluster="cluster-prod"))
    assert diagnosis.verdict is Verdict.PROBLEM
    assert "connection refused" in diagnosis.unrecorded


def test_a_diagnosis_is_recorded_when_it_can_be(setting: Any) -> None:
    """With the database up nothing is said, and the diagnosis stands in the history."""
    person = Person(team_id="T01", user_id="U01")
    diagnosis = setting.use().diagnose(Question(cluster="cluster-prod"), asked_by=person)
    assert diagnosis.unrecorded == ""
    assert setting.history.real.diagnosis(diagnosis.id) == diagnosis


def test_a_diagnosis_made_while_down_is_recorded_when_proposed(setting: Any) -> None:
    """A plan always hangs on a stored diagnosis."""
    setting.history.down = True
    diagnosis = setting.use().diagnose(Question(cluster="cluster-prod"))
    setting.history.down = False
    (proposal,) = setting.use().proposer.propose(diagnosis).proposals
    assert setting.history.real.diagnosis(proposal.plan.diagnosis_id) is not None


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda use, one: use.history.proposal(one.id), id="proposal"),
        pytest.param(
            lambda use, one: use.history.remember(one.id, Posted(message=MessageRef(channel="C", ts="1"))),
            id="remember",
        ),
        pytest.param(
            lambda use, one: use.gate.decide(
                Press(
                    proposal_id=one.id,
                    plan_hash=one.plan_hash,
                    person=Person(team_id="T01", user_id="U03"),
                    choice=Choice.APPROVE,
                )
            ),
            id="decide",
        ),
        pytest.param(lambda use, one: use.repairer.run(one.id, lambda _: None), id="repair"),
        pytest.param(lambda use, _: use.history.expire(), id="expire"),
        pytest.param(lambda use, one: use.settler.run(one.id, lambda _: None), id="settle"),
        pytest.param(lambda use, _: use.history.due(), id="due"),
        pytest.param(lambda use, _: use.history.recent(), id="history"),
        pytest.param(lambda use, _: use.history.once("k"), id="once"),
    ],
)
def test_everything_else_refuses_and_changes_nothing(setting: Any, approved: Proposal, call: Any) -> None:
    """No database, no decision and no write."""
    setting.history.down = True
    with pytest.raises(HistoryUnavailable):
        call(setting.use(), approved)
    assert setting.world.writes == []


def test_nothing_is_proposed_while_down(setting: Any, kit: Any) -> None:
    """A proposal that is not stored is not shown."""
    setting.history.down = True
    with pytest.raises(HistoryUnavailable):
        setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))


def test_no_step_begins_that_cannot_be_journalled(setting: Any, approved: Proposal) -> None:
    """The intent is not committed: the step is not run."""
    setting.history.fails["journal"] = 1
    outcome = setting.repair(approved.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "was not begun" in outcome.summary


def test_a_database_that_fails_after_an_effect_stops_the_plan_and_keeps_the_effect(
    setting: Any, approved: Proposal
) -> None:
    """The end of the step is written as soon as the database answers again; no further step runs."""
    setting.world.on_write["front"] = lambda: setting.history.fails.update(journal=3)
    outcome = setting.repair(approved.id)
    assert (outcome.result, setting.world.writes) == (Result.STOPPED, ["open front"])
    assert [record.state for record in outcome.steps] == [StepState.DONE, StepState.SKIPPED]
    assert setting.slept == [0.5, 1.0]
    assert "database failed after step 1" in outcome.summary


def test_a_database_that_stays_away_leaves_a_repair_to_be_marked_at_start(setting: Any, approved: Proposal) -> None:
    """Nothing further is written; the next start shows it as interrupted with the step in flight unknown."""
    setting.world.on_write["front"] = lambda: setattr(setting.history, "down", True)
    with pytest.raises(HistoryUnavailable):
        setting.repair(approved.id)
    setting.history.down = False
    assert setting.world.writes == ["open front"]
    setting.settle()
    assert setting.history.proposal(approved.id).state is ProposalState.INTERRUPTED


def test_an_outcome_is_kept_as_soon_as_the_database_answers(setting: Any, approved: Proposal) -> None:
    """A short outage at the very end costs seconds, not the outcome."""
    setting.history.fails["finish"] = 2
    outcome = setting.repair(approved.id)
    assert outcome.result is Result.VERIFIED
    assert setting.history.proposal(approved.id).state is ProposalState.DONE


def test_a_verification_that_cannot_be_recorded_still_counts(setting: Any, approved: Proposal) -> None:
    """What was seen is said; only the diagnosis is missing from the history."""
    setting.history.fails["record"] = 1
    outcome = setting.repair(approved.id)
    assert (outcome.result, outcome.verification_diagnosis_id) == (Result.VERIFIED, "")
