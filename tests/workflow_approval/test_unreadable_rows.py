"""A row that cannot be read is said and left aside: nothing else waits for it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.approvals import Choice, Proposal, ProposalState, Result
from bot.domain.findings import Verdict
from bot.domain.history import Press
from bot.domain.people import Person
from bot.errors import RecordUnreadable
from tests.workflow_approval.breaking import KilledError, check_next

BROKEN = [
    pytest.param("UPDATE proposals SET plan = '{\"x\": 1}' WHERE id = :id", id="plan-of-another-version"),
    pytest.param("UPDATE proposals SET plan = 'no JSON' WHERE id = :id", id="plan-no-json"),
    pytest.param("UPDATE proposals SET policy = '[]' WHERE id = :id", id="policy"),
]


def _change(setting: Any, statement: str, row_id: str) -> None:
    with setting.history.real.database.writing() as connection:
        connection.execute(text(statement), {"id": row_id})


@pytest.mark.parametrize("statement", BROKEN)
def test_an_approved_plan_that_cannot_be_read_is_not_run_and_frees_its_cluster(
    setting: Any, kit: Any, approved: Proposal, statement: str
) -> None:
    """Nothing is written, the reason is kept, and the next repair is verified."""
    _change(setting, statement, approved.id)
    outcome = setting.repair(approved.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "cannot be read in the history" in outcome.summary
    check_next(setting, kit)


@pytest.mark.parametrize("statement", BROKEN)
def test_a_running_repair_that_can_no_longer_be_read_is_settled(
    setting: Any, kit: Any, approved: Proposal, statement: str
) -> None:
    """Nobody knows what was done, and that is said; the cluster does not wait for it."""

    def die() -> None:
        setting.history.down = True
        raise KilledError

    setting.world.on_write["back"] = die
    with pytest.raises(KilledError):
        setting.use().repairer.run(approved.id, lambda _: None)
    setting.history.down = False
    setting.world.on_write.clear()
    _change(setting, statement, approved.id)
    (outcome,) = setting.settle()
    assert (outcome.result, "Nobody knows" in outcome.summary) == (Result.STOPPED, True)
    check_next(setting, kit)


def test_a_press_on_a_plan_that_cannot_be_read_is_refused_with_the_reason(setting: Any, approved: Proposal) -> None:
    """Who presses is told why."""
    _change(setting, "UPDATE proposals SET plan = '{}' WHERE id = :id", approved.id)
    person = Person(team_id="T01", user_id="U03")
    press = Press(proposal_id=approved.id, plan_hash=approved.plan_hash, person=person, choice=Choice.APPROVE)
    with pytest.raises(RecordUnreadable, match=f"Plan {approved.id} cannot be read"):
        setting.use().gate.decide(press)


def test_lists_and_the_minute_tick_leave_it_aside(setting: Any, kit: Any, approved: Proposal) -> None:
    """The history names it beside those that can be read, and what is past its time still expires."""
    past = (
        "UPDATE proposals SET state = 'pending', plan = '{}', expires_at = '2026-01-01 00:00:00.000000' WHERE id = :id"
    )
    _change(setting, past, approved.id)
    check_next(setting, kit)
    assert setting.history.expire() == ()
    entries = setting.history.recent()
    assert [one.proposal_id for entry in entries for one in entry.unreadable] == [approved.id]
    assert [one.state for entry in entries for one in entry.proposals] == [ProposalState.DONE]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE diagnoses SET verdict = 'so so' WHERE id = :id", id="verdict"),
        pytest.param("UPDATE diagnoses SET root_causes = '7' WHERE id = :id", id="root-causes"),
        pytest.param("UPDATE diagnoses SET root_causes = 'no JSON' WHERE id = :id", id="no-json"),
    ],
)
def test_a_diagnosis_that_cannot_be_read_hides_no_other(setting: Any, approved: Proposal, statement: str) -> None:
    """It stands in the list as UNKNOWN, with the reason."""
    assert setting.repair(approved.id).verification_diagnosis_id
    _change(setting, statement, approved.plan.diagnosis_id)
    entries = {entry.diagnosis_id: entry for entry in setting.history.recent()}
    broken = entries.pop(approved.plan.diagnosis_id)
    assert broken.verdict is Verdict.UNKNOWN or broken.root_causes == ()
    assert broken.unreadable[0].reason.startswith(f"Diagnosis {approved.plan.diagnosis_id} cannot")
    assert entries
    assert not any(entry.unreadable for entry in entries.values())


def test_a_repair_whose_diagnosis_can_no_longer_be_read_is_verified_all_the_same(
    setting: Any, approved: Proposal
) -> None:
    """What was asked in the first place is lost; the cluster is looked at."""
    _change(setting, "UPDATE diagnoses SET document = '[]' WHERE id = :id", approved.plan.diagnosis_id)
    assert setting.repair(approved.id).result is Result.VERIFIED
