from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal, ProposalState, Result, StepState
from bot.domain.findings import Verdict
from bot.domain.people import Person
from bot.errors import Refused


class KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it, and nothing of ours runs after it."""


@pytest.fixture
def approved(setting: Any, kit: Any) -> Proposal:
    """An approved plan with two steps."""
    setting.world.doors = {"front": False, "back": False}
    evidence = kit.collected("doors", kit.doors(open=(("front", False), ("back", False))))
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], evidence=(evidence,))
    proposal: Proposal = setting.desk().propose(diagnosis).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.desk().decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    return proposal


def _die_at(setting: Any, proposal: Proposal, door: str) -> None:
    """The process ends while this door is written: the database hears nothing more from it."""

    def die() -> None:
        setting.history.down = True
        raise KilledError

    setting.world.on_write[door] = die
    with pytest.raises(KilledError):
        setting.desk().repair(proposal.id)
    setting.history.down = False
    setting.world.on_write.clear()


def test_a_repair_found_running_at_start_is_interrupted(setting: Any, approved: Proposal) -> None:
    """It is shown with what was done and what nobody knows; the step in flight is UNKNOWN."""
    _die_at(setting, approved, "back")
    assert setting.desk().proposal(approved.id).state is ProposalState.RUNNING
    (found,) = setting.desk().interrupted()
    outcome = setting.history.real.outcome(approved.id)
    assert (found.id, found.state) == (approved.id, ProposalState.INTERRUPTED)
    assert outcome.result is Result.STOPPED
    assert "Done: step 1 of 2" in outcome.summary
    assert "Step 2 was begun; nobody knows whether it happened" in outcome.summary
    assert [record.state for record in outcome.steps] == [StepState.DONE, StepState.UNKNOWN]


def test_it_is_never_resumed(setting: Any, approved: Proposal) -> None:
    """Neither the start nor a further call writes anything; a click finds it decided."""
    _die_at(setting, approved, "back")
    setting.desk().interrupted()
    with pytest.raises(Refused, match="is interrupted"):
        setting.desk().repair(approved.id)
    person = Person(team_id="T01", user_id="U03")
    with pytest.raises(Refused, match="Already decided by ben"):
        setting.desk().decide(
            proposal_id=approved.id, plan_hash=approved.plan_hash, person=person, choice=Choice.APPROVE
        )
    assert setting.world.writes == ["open front"]


def test_the_cluster_is_free_again_afterwards(setting: Any, kit: Any, approved: Proposal) -> None:
    """A new diagnosis leads to a new plan, which runs."""
    _die_at(setting, approved, "front")
    setting.desk().interrupted()
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    fresh = setting.desk().propose(diagnosis).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.desk().decide(proposal_id=fresh.id, plan_hash=fresh.plan_hash, person=person, choice=Choice.APPROVE)
    setting.world.doors["back"] = True
    assert setting.desk().repair(fresh.id).result is Result.VERIFIED


def test_an_approval_that_nobody_began_is_interrupted_too(setting: Any, approved: Proposal) -> None:
    """The process ended between the approval and the first step: nothing was written, and that is said."""
    (found,) = setting.desk().interrupted()
    outcome = setting.history.real.outcome(approved.id)
    assert (found.state, outcome.result) == (ProposalState.INTERRUPTED, Result.REFUSED)
    assert "Nothing was written" in outcome.summary


def test_a_second_start_finds_nothing_more(setting: Any, approved: Proposal) -> None:
    """What is marked stays as it is."""
    _die_at(setting, approved, "front")
    first = setting.desk().interrupted()
    assert len(first) == 1
    assert setting.desk().interrupted() == ()


def test_a_zombie_writes_nothing_further(setting: Any, approved: Proposal) -> None:
    """A repair that another start marked interrupted while it slept stops at its next step."""
    setting.world.on_write["front"] = lambda: setting.desk().interrupted() and None
    setting.desk().repair(approved.id)
    assert setting.world.writes == ["open front"]
    assert setting.desk().proposal(approved.id).state is ProposalState.INTERRUPTED
