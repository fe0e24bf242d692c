import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.approvals import MessageRef, Outcome, Posted, ProposalState, Result, StepState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft, Lease, NotBegun, Press
from bot.domain.jobs import Job
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


def _begun(history: SqlHistory, proposal_id: str = "p1", owner: str = "one") -> Lease:
    lease = history.begin(proposal_id, owner)
    assert isinstance(lease, Lease)
    return lease


def _lapse(sql: Sql) -> None:
    sql("UPDATE clusters SET lease_until = '2026-01-01 00:00:00.000000'")


def test_a_repair_begins_once(history: SqlHistory, approve: Approve) -> None:
    """The second attempt to begin the same plan is told that it is not approved any more."""
    approve()
    assert _begun(history).owner == "one"
    assert history.begin("p1", "two") is NotBegun.NOT_APPROVED
    assert history.proposal("p1").state is ProposalState.RUNNING


def test_what_was_not_approved_does_not_begin(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis], draft_of: Callable[..., Draft]
) -> None:
    """A pending plan, and one that does not exist, do not begin."""
    history.record(diagnosis_of())
    history.propose(draft_of())
    begun = (history.begin("p1", "one"), history.begin("nowhere", "one"))
    assert begun == (NotBegun.NOT_APPROVED, NotBegun.NOT_APPROVED)


def test_an_approval_does_not_live_for_ever(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """Approved, never begun, and its time is over by the database's clock: too late, not due, and swept."""
    approve(expires_after=timedelta(minutes=5))
    sql("UPDATE proposals SET apply_before = '2026-01-01 00:00:00.000000'")
    assert history.begin("p1", "one") is NotBegun.TOO_LATE
    assert history.due() == ()
    assert [(one.id, one.state) for one in history.expire()] == [("p1", ProposalState.EXPIRED)]


def test_one_repair_per_cluster_at_a_time(history: SqlHistory, approve: Approve) -> None:
    """While one repair holds the cluster another is busy; another cluster is free; afterwards it is free again."""
    approve("p1")
    approve("p2", finding="other")
    approve("p3", cluster="cluster-test")
    lease = _begun(history, "p1")
    assert history.begin("p2", "one") is NotBegun.BUSY
    _begun(history, "p3")
    history.finish(lease, _outcome("p1"), ProposalState.DONE)
    _begun(history, "p2")


def test_of_many_attempts_at_once_one_begins(history: SqlHistory, approve: Approve) -> None:
    """Two approved plans, four threads each, one cluster: exactly one repair begins."""
    approve("p1")
    approve("p2", finding="other")
    barrier = threading.Barrier(8)

    def begin(number: int) -> Lease | NotBegun:
        barrier.wait()
        return history.begin("p1" if number % 2 else "p2", f"process {number}")

    with ThreadPoolExecutor(max_workers=8) as pool:
        begun = list(pool.map(begin, range(8)))
    assert sum(isinstance(one, Lease) for one in begun) == 1


def test_a_lease_is_renewed_by_its_holder_alone(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """Once another has taken the repair over, the former holder renews nothing; the token has grown."""
    approve()
    first = _begun(history)
    assert history.renew(first)
    assert history.take_over("p1", "two") is None
    _lapse(sql)
    second = history.take_over("p1", "two")
    assert second is not None
    assert (second.owner, second.token > first.token) == ("two", True)
    assert (history.renew(first), history.renew(second)) == (False, True)


def test_a_lease_that_ran_out_and_that_nobody_took_is_renewed(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """After an outage of the database the holder goes on, if it comes first."""
    approve()
    lease = _begun(history)
    _lapse(sql)
    assert history.renew(lease)
    assert history.take_over("p1", "two") is None


def test_a_released_lease_is_taken_at_once(history: SqlHistory, approve: Approve) -> None:
    """Who may not wait lets go, and whoever is there goes on."""
    approve()
    history.release(_begun(history))
    assert history.take_over("p1", "two") is not None


def test_the_journal_keeps_a_start_and_an_end(history: SqlHistory, approve: Approve) -> None:
    """The newest line of each step counts; effects come back as they were; a sent step says what it waits for."""
    approve()
    lease = _begun(history)
    history.journal(lease, index=0, state=StepState.STARTED)
    history.journal(lease, index=0, state=StepState.SENT, effects={"rule_ids": ["sgr-9"]})
    waits = history.waits(lease, index=0, note="sgr-9 is CREATING")
    assert (waits.state, waits.note, waits.effects) == (StepState.SENT, "sgr-9 is CREATING", {"rule_ids": ["sgr-9"]})
    history.journal(lease, index=0, state=StepState.DONE, effects={"rule_ids": ["sgr-9"]})
    history.journal(lease, index=1, state=StepState.SKIPPED, note="Not run.")
    lines = history.steps("p1")
    assert [(line.index, line.state) for line in lines] == [(0, StepState.DONE), (1, StepState.SKIPPED)]
    assert lines[0].effects == {"rule_ids": ["sgr-9"]}
    assert lines[1].note == "Not run."


def test_a_step_starts_once(history: SqlHistory, approve: Approve) -> None:
    """A second start of the same step is refused by the database."""
    approve()
    lease = _begun(history)
    history.journal(lease, index=0, state=StepState.STARTED)
    with pytest.raises(Refused, match="not run a second time"):
        history.journal(lease, index=0, state=StepState.STARTED)


def test_a_line_whose_answer_was_lost_is_written_once_more(history: SqlHistory, approve: Approve) -> None:
    """The same line is the same line, and the card does not change for it; another text for it is refused."""
    approve()
    lease = _begun(history)
    history.journal(lease, index=0, state=StepState.STARTED)
    sent = history.journal(lease, index=0, state=StepState.SENT, effects={"rule_ids": ["sgr-9"]})
    version = history.story("p1").version
    assert history.journal(lease, index=0, state=StepState.SENT, effects={"rule_ids": ["sgr-9"]}) == sent
    assert history.story("p1").version == version
    with pytest.raises(Refused, match="sent in the journal already"):
        history.journal(lease, index=0, state=StepState.SENT, effects={"rule_ids": ["sgr-8"]})


def test_no_step_starts_in_a_repair_that_has_ended(history: SqlHistory, approve: Approve) -> None:
    """With the outcome the cluster was let go: who held it writes nothing further."""
    approve()
    lease = _begun(history)
    history.finish(lease, _outcome(result=Result.STOPPED), ProposalState.INTERRUPTED)
    with pytest.raises(Refused, match="no longer holds"):
        history.journal(lease, index=0, state=StepState.STARTED)


def test_no_step_starts_under_a_lease_that_ran_out(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """By the database's clock, though nobody has taken the repair over; what was begun before is still recorded."""
    approve()
    lease = _begun(history)
    history.journal(lease, index=0, state=StepState.STARTED)
    _lapse(sql)
    with pytest.raises(Refused, match="no longer holds"):
        history.journal(lease, index=1, state=StepState.STARTED)
    assert history.journal(lease, index=0, state=StepState.SENT).state is StepState.SENT


@pytest.mark.parametrize("state", list(StepState))
def test_an_older_lease_writes_nothing(history: SqlHistory, sql: Sql, approve: Approve, state: StepState) -> None:
    """The fence: whatever a former holder has to say, the journal is the new one's."""
    approve()
    former = _begun(history)
    history.journal(former, index=0, state=StepState.STARTED)
    _lapse(sql)
    history.take_over("p1", "two")
    with pytest.raises(Refused, match="no longer holds"):
        history.journal(former, index=1, state=state)
    with pytest.raises(Refused, match="no longer holds"):
        history.waits(former, index=0, note="x")
    with pytest.raises(Refused, match="another has taken the repair over"):
        history.finish(former, _outcome(), ProposalState.DONE)
    assert [line.state for line in history.steps("p1")] == [StepState.STARTED]


def test_the_first_outcome_stays(history: SqlHistory, approve: Approve) -> None:
    """An outcome is written once; a repeated write of the same is told the same, another is refused."""
    approve()
    lease = _begun(history)
    history.journal(lease, index=0, state=StepState.STARTED)
    first = history.finish(lease, _outcome(result=Result.VERIFIED), ProposalState.DONE)
    assert history.finish(lease, _outcome(result=Result.VERIFIED), ProposalState.DONE) == first
    with pytest.raises(Refused, match="another has taken"):
        history.finish(lease, _outcome(result=Result.REFUSED), ProposalState.INTERRUPTED)
    assert first.finished_at is not None
    assert [line.index for line in first.steps] == [0]
    assert history.outcome("p1") == first
    assert history.proposal("p1").state is ProposalState.DONE


def test_an_approved_plan_that_is_not_begun_says_why(history: SqlHistory, approve: Approve) -> None:
    """It is done then; one that runs is left alone."""
    approve("p1")
    approve("p2", finding="other")
    _begun(history, "p1")
    for proposal_id in ("p1", "p2"):
        history.refuse_repair(_outcome(proposal_id, Result.REFUSED))
    assert history.outcome("p1") is None
    assert history.proposal("p1").state is ProposalState.RUNNING
    assert history.proposal("p2").state is ProposalState.DONE


def test_what_is_to_be_done_is_due(history: SqlHistory, sql: Sql, approve: Approve) -> None:
    """Approved plans, and running ones whose lease ran out; pending, running and finished ones are not."""
    approve("running")
    approve("approved", finding="other")
    approve("done", cluster="cluster-test")
    _begun(history, "running")
    history.finish(_begun(history, "done"), _outcome("done"), ProposalState.DONE)
    assert history.due() == (Job(kind="repair", ids={"proposal_id": "approved"}),)
    _lapse(sql)
    assert {(job.kind, job.ids["proposal_id"]) for job in history.due()} == {
        ("repair", "approved"),
        ("settle", "running"),
    }


def test_a_card_is_due_until_it_shows_the_newest_version(history: SqlHistory, approve: Approve) -> None:
    """Whatever changes what it shows makes it due: a decision, a line of the journal, the outcome."""
    approve()
    history.remember("p1", Posted(message=MessageRef(channel="C1", ts="1.2")))

    def is_due() -> bool:
        return Job(kind="send", ids={"queue": "C1"}) in history.due()

    seen = [is_due()]
    lease = _begun(history)
    for change in (
        lambda: history.journal(lease, index=0, state=StepState.STARTED),
        lambda: history.journal(lease, index=0, state=StepState.SENT),
        lambda: history.waits(lease, index=0, note="x"),
        lambda: history.finish(lease, _outcome(), ProposalState.DONE),
    ):
        history.sent("card:p1", None, history.story("p1").version)
        seen += [is_due()]
        change()
        seen += [is_due()]
    assert seen == [True] + [False, True] * 4
    history.sent("card:p1", None, history.story("p1").version)
    assert is_due()  # the outcome is to be said below it


def test_a_story_is_all_that_a_card_shows(history: SqlHistory, approve: Approve) -> None:
    """Proposal, journal and outcome as of one moment; an unknown one is refused."""
    approve()
    lease = _begun(history)
    line = history.journal(lease, index=0, state=StepState.STARTED)
    running = history.story("p1")
    outcome = history.finish(lease, _outcome(), ProposalState.DONE)
    assert (running.proposal, running.journal, running.outcome) == (running.proposal, (line,), None)
    assert running.proposal.state is ProposalState.RUNNING
    assert history.story("p1").outcome == outcome
    with pytest.raises(Refused, match="There is no plan"):
        history.story("nowhere")


def test_outcomes_stand_beside_their_diagnosis(history: SqlHistory, approve: Approve) -> None:
    """The list of diagnoses brings proposals and outcomes along."""
    approve()
    history.finish(_begun(history), _outcome(), ProposalState.DONE)
    entry = history.recent()[0]
    assert [proposal.id for proposal in entry.proposals] == ["p1"]
    assert [outcome.result for outcome in entry.outcomes] == [Result.VERIFIED]


def test_an_incident_is_a_diagnosis_with_those_that_verified_what_followed(
    history: SqlHistory, approve: Approve, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """By whichever diagnosis or plan of it; another diagnosis of the cluster is none of it."""
    approve()
    started_at = diagnosis_of("d1").started_at
    for hours, name in enumerate(("verifying", "another"), 1):
        history.record(diagnosis_of(name, started_at=started_at + timedelta(hours=hours)))
    ended = replace(_outcome(), verification_diagnosis_id="verifying")
    history.finish(_begun(history), ended, ProposalState.DONE)

    for known in ("d1", "p1", "verifying"):
        assert [(entry.diagnosis_id, entry.verifies) for entry in history.incident(known)] == [
            ("d1", ""),
            ("verifying", "p1"),
        ]
    assert [entry.diagnosis_id for entry in history.incident("another")] == ["another"]
    with pytest.raises(Refused, match="no diagnosis and no plan nowhere"):
        history.incident("nowhere")
