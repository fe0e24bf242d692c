import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.approvals import Outcome, ProposalState, Result, StepState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Begun, Draft, Press
from bot.errors import Refused
from bot.history import SqlHistory

Sql = Callable[[str], list[tuple[Any, ...]]]
Approve = Callable[..., Draft]


@pytest.fixture
def approve(
    history: SqlHistory,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
) -> Approve:
    """A function that stores and approves a plan."""
    history.record(diagnosis_of())

    def approved(plan_id: str = "p1", **changes: object) -> Draft:
        draft = draft_of(plan_id, fingerprint=plan_id, **changes)
        history.propose(draft)
        history.take(press_of(draft), required=1)
        return draft

    return approved


def _outcome(proposal_id: str = "p1", result: Result = Result.VERIFIED) -> Outcome:
    return Outcome(proposal_id=proposal_id, result=result, summary="all well", steps=())


def test_a_repair_begins_once(history: SqlHistory, approve: Approve) -> None:
    """The second attempt to begin the same plan is told that it is not approved any more."""
    approve()
    assert history.begin("p1") is Begun.BEGUN
    assert history.begin("p1") is Begun.NOT_APPROVED
    stored = history.proposal("p1")
    assert stored is not None
    assert stored.state is ProposalState.RUNNING


def test_what_was_not_approved_does_not_begin(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis], draft_of: Callable[..., Draft]
) -> None:
    """A pending plan, and one that does not exist, do not begin."""
    history.record(diagnosis_of())
    history.propose(draft_of())
    assert (history.begin("p1"), history.begin("nowhere")) == (Begun.NOT_APPROVED, Begun.NOT_APPROVED)


def test_an_approval_does_not_live_for_ever(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """Approved, never begun, and its time is over by the database's clock: too late, and swept."""
    approve(expires_after=timedelta(minutes=5))
    sql("UPDATE proposals SET apply_before = '2026-01-01 00:00:00.000000'")
    assert history.begin("p1") is Begun.TOO_LATE
    assert [(one.id, one.state) for one in history.expire()] == [("p1", ProposalState.EXPIRED)]


def test_one_repair_per_cluster_at_a_time(history: SqlHistory, approve: Approve) -> None:
    """While one repair holds the cluster another is busy; another cluster is free; afterwards it is free again."""
    approve("p1")
    approve("p2", finding="other")
    approve("p3", cluster="cluster-test")
    assert (history.begin("p1"), history.begin("p2"), history.begin("p3")) == (Begun.BEGUN, Begun.BUSY, Begun.BEGUN)
    history.finish(_outcome("p1"), ProposalState.DONE)
    assert history.begin("p2") is Begun.BEGUN


def test_of_many_attempts_at_once_one_begins(history: SqlHistory, approve: Approve) -> None:
    """Two approved plans, four threads each, one cluster: exactly one repair begins."""
    approve("p1")
    approve("p2", finding="other")
    barrier = threading.Barrier(8)

    def begin(number: int) -> Begun:
        barrier.wait()
        return history.begin("p1" if number % 2 else "p2")

    with ThreadPoolExecutor(max_workers=8) as pool:
        begun = list(pool.map(begin, range(8)))
    assert begun.count(Begun.BEGUN) == 1


def test_the_journal_keeps_a_start_and_an_end(history: SqlHistory, approve: Approve) -> None:
    """The newest line of each step counts; effects come back as they were."""
    approve()
    history.begin("p1")
    history.journal(proposal_id="p1", index=0, state=StepState.STARTED)
    history.journal(proposal_id="p1", index=0, state=StepState.DONE, effects={"rule_ids": ["sgr-9"]})
    history.journal(proposal_id="p1", index=1, state=StepState.SKIPPED, note="Not run.")
    lines = history.steps("p1")
    assert [(line.index, line.state) for line in lines] == [(0, StepState.DONE), (1, StepState.SKIPPED)]
    assert lines[0].effects == {"rule_ids": ["sgr-9"]}
    assert lines[1].note == "Not run."


def test_a_step_starts_once(history: SqlHistory, approve: Approve) -> None:
    """A second start of the same step is refused by the database."""
    approve()
    history.begin("p1")
    history.journal(proposal_id="p1", index=0, state=StepState.STARTED)
    with pytest.raises(Refused, match="not run a second time"):
        history.journal(proposal_id="p1", index=0, state=StepState.STARTED)


def test_no_step_starts_in_a_repair_that_does_not_run(history: SqlHistory, approve: Approve) -> None:
    """A repair that somebody marked interrupted meanwhile writes nothing further."""
    approve()
    history.begin("p1")
    history.finish(_outcome(result=Result.STOPPED), ProposalState.INTERRUPTED)
    with pytest.raises(Refused, match="no longer runs"):
        history.journal(proposal_id="p1", index=0, state=StepState.STARTED)


def test_holding_the_cluster_is_not_enough_to_start_a_step(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """A proposal that somebody set to another state writes nothing, though its cluster is still held."""
    approve()
    history.begin("p1")
    sql("UPDATE proposals SET state = 'interrupted'")
    with pytest.raises(Refused, match="no longer runs"):
        history.journal(proposal_id="p1", index=0, state=StepState.STARTED)


def test_no_step_starts_without_the_cluster(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """A repair that lost its cluster's row writes nothing further."""
    approve()
    history.begin("p1")
    sql("UPDATE clusters SET repairing = 'somebody else'")
    with pytest.raises(Refused, match="no longer holds"):
        history.journal(proposal_id="p1", index=0, state=StepState.STARTED)


def test_the_first_outcome_stays(history: SqlHistory, approve: Approve) -> None:
    """An outcome is written once; with it the state is set and the journal comes along."""
    approve()
    history.begin("p1")
    history.journal(proposal_id="p1", index=0, state=StepState.STARTED)
    history.finish(_outcome(result=Result.VERIFIED), ProposalState.DONE)
    again = history.finish(_outcome(result=Result.REFUSED), ProposalState.INTERRUPTED)
    stored = history.proposal("p1")
    assert again.result is Result.VERIFIED
    assert again.finished_at is not None
    assert [line.index for line in again.steps] == [0]
    assert history.outcome("p1") == again
    assert stored is not None
    assert stored.state is ProposalState.DONE


def test_what_nobody_runs_is_stranded(history: SqlHistory, approve: Approve) -> None:
    """Approved and running proposals are stranded at start-up; pending and finished ones are not."""
    approve("running")
    approve("approved", finding="other")
    approve("done", cluster="cluster-test")
    history.begin("running")
    history.begin("done")
    history.finish(_outcome("done"), ProposalState.DONE)
    assert {proposal.id for proposal in history.stranded()} == {"running", "approved"}


def test_outcomes_stand_beside_their_diagnosis(history: SqlHistory, approve: Approve) -> None:
    """The list of diagnoses brings proposals and outcomes along."""
    approve()
    history.begin("p1")
    history.finish(_outcome(), ProposalState.DONE)
    entry = history.recent()[0]
    assert [proposal.id for proposal in entry.proposals] == ["p1"]
    assert [outcome.result for outcome in entry.outcomes] == [Result.VERIFIED]
