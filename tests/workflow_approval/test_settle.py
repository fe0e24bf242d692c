import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal, ProposalState, Result, StepRecord, StepState
from bot.domain.findings import Verdict
from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.domain.plans import Reading, Step
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import EvidenceUnavailable, HistoryUnavailable, Refused
from tests.workflow_approval.breaking import KilledError


def _die_at(setting: Any, proposal: Proposal, door: str) -> None:
    """The process ends while this door is written: the database hears nothing more from it."""

    def die() -> None:
        setting.history.down = True
        raise KilledError

    setting.world.on_write[door] = die
    with pytest.raises(KilledError):
        setting.use().repairer.run(proposal.id, lambda _: None)
    setting.history.down = False
    setting.world.on_write.clear()


def _settles(setting: Any, answers: list[Settled]) -> list[str]:
    """Let the fix settle by these answers, the last for ever; return what was asked about."""
    asked: list[str] = []

    def settled(step: Step, effects: JsonObject, reading: Reading) -> Settled:
        del effects, reading
        asked.append(str(step.parameters["door"]))
        return answers.pop(0) if len(answers) > 1 else answers[0]

    setting.fixes["open_door"] = setting.world.fix("open_door", settled=settled)
    return asked


def test_while_its_lease_is_good_a_running_repair_is_nobody_elses(setting: Any, approved: Proposal) -> None:
    """Another process that looks for work leaves it alone."""
    _die_at(setting, approved, "back")
    assert [job.kind for job in setting.history.due() if job.kind != "send"] == []
    assert setting.use(holder=setting.holder("another")).settler.run(approved.id, lambda _: None) is None
    assert setting.history.proposal(approved.id).state is ProposalState.RUNNING


def test_a_repair_whose_lease_ran_out_is_settled(setting: Any, approved: Proposal) -> None:
    """It is shown with what was done and what was not: the object of the step in flight is as it was before."""
    _die_at(setting, approved, "back")
    (outcome,) = setting.settle()
    assert setting.history.proposal(approved.id).state is ProposalState.INTERRUPTED
    assert outcome.result is Result.STOPPED
    assert "Done: step 1 of 2" in outcome.summary
    assert "Not made, or failed: step 2" in outcome.summary
    assert [record.state for record in outcome.steps] == [StepState.DONE, StepState.FAILED]


def test_a_step_in_flight_whose_object_has_changed_is_unknown(setting: Any, approved: Proposal) -> None:
    """Nobody claims that the change was ours."""
    _die_at(setting, approved, "back")
    setting.world.doors["back"] = True
    (outcome,) = setting.settle()
    assert outcome.steps[1].state is StepState.UNKNOWN
    assert "Step 2 was begun; nobody knows whether it happened" in outcome.summary


def test_a_step_in_flight_that_cannot_be_looked_at_is_unknown(setting: Any, approved: Proposal) -> None:
    """Could not look is not "was not made"."""
    _die_at(setting, approved, "back")

    def blind(_: str) -> None:
        raise EvidenceUnavailable("ec2:DescribeSecurityGroupRules: 403")

    setting.world.on_read = blind
    (outcome,) = setting.settle()
    assert outcome.steps[1].state is StepState.UNKNOWN


def test_a_sent_step_is_looked_at_until_it_is_complete(setting: Any, approved: Proposal) -> None:
    """A process that died while it waited leaves a change that another sees through; later steps are not run."""
    asked = _settles(setting, [waiting_for("d-1 is CREATING")])

    def die(_: float) -> None:
        setting.history.down = True
        raise KilledError

    with pytest.raises(KilledError):
        setting.use(sleep=die).repairer.run(approved.id, lambda _: None)
    setting.history.down = False
    assert setting.history.steps(approved.id)[0].state is StepState.SENT
    assert setting.history.steps(approved.id)[0].note == "d-1 is CREATING"
    _settles(setting, [waiting_for("d-1 is CREATING"), COMPLETE])
    (outcome,) = setting.settle()
    assert asked == ["front"]
    assert [record.state for record in outcome.steps] == [StepState.DONE]
    assert "Done: step 1 of 2" in outcome.summary
    assert setting.world.writes == ["open front"]


def test_a_plan_whose_every_step_is_done_is_verified_by_whoever_takes_it_over(setting: Any, approved: Proposal) -> None:
    """The process died while it verified: what was repaired is not called interrupted."""

    def die(*_: object) -> None:
        setting.history.down = True
        raise KilledError

    with pytest.raises(KilledError):
        setting.use(run_diagnosis=die).repairer.run(approved.id, lambda _: None)
    setting.history.down = False
    (outcome,) = setting.settle()
    assert outcome.result is Result.VERIFIED
    assert setting.history.proposal(approved.id).state is ProposalState.DONE


def test_it_is_never_resumed(setting: Any, approved: Proposal) -> None:
    """Neither settling nor a further call writes anything; a click finds it decided."""
    _die_at(setting, approved, "back")
    setting.settle()
    assert setting.use().repairer.run(approved.id, lambda _: None) is None
    person = Person(team_id="T01", user_id="U03")
    with pytest.raises(Refused, match="Already decided by ben"):
        setting.decide(proposal_id=approved.id, plan_hash=approved.plan_hash, person=person, choice=Choice.APPROVE)
    assert setting.world.writes == ["open front"]


def test_the_next_repair_settles_what_stands_in_its_way(setting: Any, kit: Any, approved: Proposal) -> None:
    """A repair that died long ago does not make the cluster busy."""
    _die_at(setting, approved, "front")
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    fresh = setting.use().proposer.propose(diagnosis).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=fresh.id, plan_hash=fresh.plan_hash, person=person, choice=Choice.APPROVE)
    setting.world.doors["back"] = True
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")
    assert setting.repair(fresh.id).result is Result.VERIFIED
    assert setting.history.proposal(approved.id).state is ProposalState.INTERRUPTED


def test_a_repair_of_another_cluster_is_not_waited_for(setting: Any, kit: Any, approved: Proposal) -> None:
    """What died elsewhere is settled by whoever looks for work; this cluster's repair begins at once."""
    _die_at(setting, approved, "front")
    diagnosis = kit.diagnosis_with(
        [kit.finding_for("door_shut", Verdict.PROBLEM)], target=setting.targets["cluster-test"]
    )
    fresh = setting.use().proposer.propose(diagnosis).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=fresh.id, plan_hash=fresh.plan_hash, person=person, choice=Choice.APPROVE)
    setting.world.doors["back"] = True
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")
    setting.repair(fresh.id)
    assert setting.history.proposal(approved.id).state is ProposalState.RUNNING


def test_what_is_known_of_an_interruption_is_said(setting: Any, approved: Proposal) -> None:
    """The database was away longer than it is waited for: no process has ended, and none is said to have."""
    setting.world.on_write["front"] = lambda: setting.history.fails.update(journal=7)
    with pytest.raises(HistoryUnavailable):
        setting.repair(approved.id)
    assert "Interrupted: the history database did not answer in the middle of this repair. " in (
        setting.history.outcome(approved.id).summary
    )


def test_a_repair_whose_fix_is_gone_is_settled(setting: Any, approved: Proposal) -> None:
    """Another version of the bot made the plan: the cluster does not wait for its fix for ever."""
    _die_at(setting, approved, "back")
    setting.fixes = {}
    (outcome,) = setting.settle()
    assert "This dnsbot has no fix open_door" in outcome.summary
    assert setting.history.proposal(approved.id).state is ProposalState.INTERRUPTED


def test_an_approval_that_nobody_began_is_due(setting: Any, approved: Proposal) -> None:
    """The process ended between the approval and the first step: any process finds the plan and runs it."""
    jobs = [job for job in setting.history.due() if job.kind == "repair"]
    assert [job.ids for job in jobs] == [{"proposal_id": approved.id}]
    assert setting.repair(approved.id, holder=setting.holder("another")).result is Result.VERIFIED
    assert [job for job in setting.history.due() if job.kind == "repair"] == []


def test_a_second_look_finds_nothing_more(setting: Any, approved: Proposal) -> None:
    """What is settled stays as it is."""
    _die_at(setting, approved, "front")
    assert len(setting.settle()) == 1
    assert setting.settle() == []


def test_a_zombie_writes_nothing_further(setting: Any, approved: Proposal) -> None:
    """A repair that was taken over while it was frozen stops at its next step, and its outcome is the other's."""
    setting.world.on_write["front"] = setting.settle
    assert setting.use().repairer.run(approved.id, lambda _: None) is None
    assert setting.world.writes == ["open front"]
    stored = setting.history.outcome(approved.id)
    assert (stored.result, setting.history.proposal(approved.id).state) == (
        Result.REFUSED,
        ProposalState.INTERRUPTED,
    )


def test_a_process_that_is_frozen_right_before_the_effect_does_not_send_it(setting: Any, approved: Proposal) -> None:
    """Its step is in the journal as started and was taken over since: the other has said that it was not made."""
    now = [0.0]

    def freeze(record: StepRecord) -> None:
        if record.state is StepState.STARTED:
            now[0] += 20.0
            setting.settle()

    holder = replace(setting.holder(), clock=lambda: now[0])
    assert setting.use(holder=holder).repairer.run(approved.id, freeze) is None
    assert setting.world.writes == []
    assert "Not made, or failed: step 1" in setting.history.outcome(approved.id).summary


def test_a_lease_is_good_from_when_it_was_asked_for(setting: Any, approved: Proposal) -> None:
    """A process that was frozen between asking and the answer does not count from when it woke up."""
    now = [0.0]

    def frozen(name: str, call: Callable[[], Any]) -> Any:
        answer = call()
        now[0] += 20.0 if name == "begin" else 0.0
        return answer

    setting.history.around = frozen
    holder = replace(setting.holder(), clock=lambda: now[0])
    assert setting.use(holder=holder).repairer.run(approved.id, lambda _: None) is None
    assert setting.world.writes == []


def test_two_processes_settle_once(setting: Any, approved: Proposal) -> None:
    """Six that look at once: one takes it over."""
    _die_at(setting, approved, "front")
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")
    barrier, outcomes = threading.Barrier(6), []

    def run(number: int) -> None:
        use = setting.use(holder=setting.holder(f"process {number}"))
        barrier.wait()
        outcomes.append(use.settler.run(approved.id, lambda _: None))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome is not None for outcome in outcomes].count(True) == 1


def test_a_process_that_is_being_stopped_begins_no_further_step(setting: Any, approved: Proposal) -> None:
    """The step that runs is ended, the outcome says how far the plan came, and the inverse is offered."""
    stopping = threading.Event()
    setting.world.on_write["front"] = stopping.set
    outcome = setting.repair(approved.id, holder=setting.holder(stopping=stopping.is_set))
    assert outcome.result is Result.STOPPED
    assert "1 of 2 steps were done" in outcome.summary
    assert "The bot is being stopped" in outcome.summary
    assert setting.world.writes == ["open front"]


def test_a_process_that_is_being_stopped_leaves_a_sent_change_to_be_settled(setting: Any, approved: Proposal) -> None:
    """It does not wait for minutes: the lease is let go at once, and any process sees the change through."""
    stopping = threading.Event()
    _settles(setting, [waiting_for("d-1 is CREATING")])
    setting.world.on_write["front"] = stopping.set
    holder = setting.holder(stopping=stopping.is_set)
    assert setting.use(holder=holder).repairer.run(approved.id, lambda _: None) is None
    assert [job.kind for job in setting.history.due() if job.kind == "settle"] == ["settle"]


@pytest.mark.parametrize(
    ("answers", "state", "says"),
    [
        pytest.param([waiting_for("d-1 is CREATING"), COMPLETE], StepState.DONE, "", id="complete"),
        pytest.param([failed_because("d-1 is FAILED: no address")], StepState.FAILED, "no address", id="failed"),
        pytest.param([waiting_for("d-1 is CREATING")], StepState.FAILED, "not complete within 300 s", id="too-slow"),
    ],
)
def test_a_change_that_was_sent_is_waited_for(
    setting: Any, approved: Proposal, answers: list[Settled], state: StepState, says: str
) -> None:
    """Complete, failed, or slower than the plan allows; a change that was made and failed can be taken back."""
    told: list[tuple[StepState, str]] = []
    _settles(setting, answers)
    outcome = setting.repair(approved.id, lambda record: told.append((record.state, record.note)))
    assert outcome.steps[0].state is state
    assert says in outcome.steps[0].note
    assert bool(outcome.inverse_proposal_id) is (state is StepState.FAILED)
    if "CREATING" in answers[0].text:
        assert (StepState.SENT, "d-1 is CREATING") in told


def test_a_look_that_fails_is_repeated(setting: Any, approved: Proposal) -> None:
    """Could not look is no failure of the change."""
    looks: list[int] = []

    def settled(step: Step, effects: JsonObject, reading: Reading) -> Settled:
        del step, effects, reading
        looks.append(1)
        if len(looks) == 1:
            raise EvidenceUnavailable("503")
        return COMPLETE

    setting.fixes["open_door"] = setting.world.fix("open_door", settled=settled)
    assert setting.repair(approved.id).result is Result.VERIFIED


def test_a_lease_is_not_lengthened_after_its_end(setting: Any, approved: Proposal) -> None:
    """A renewal that is under way when the repair ends is waited for, and no further one follows."""
    under_way, may_end, order = threading.Event(), threading.Event(), []

    def slow(name: str, call: Callable[[], Any]) -> Any:
        if name != "renew":
            return call()
        under_way.set()
        may_end.wait(30)
        order.append(name)
        return call()

    holder = replace(setting.holder(), renewed_every_seconds=0.001)
    lease = setting.history.begin(approved.id, holder.owner)
    setting.history.around = slow
    with holder.hold(lease, holder.clock()) as holding:
        assert under_way.wait(30)
        threading.Timer(0.05, may_end.set).start()
        holding.end()
        order.append("ended")
    assert order == ["renew", "ended"]


def test_what_is_left_to_others_is_left_at_once(setting: Any, approved: Proposal) -> None:
    """The bot is stopped in the middle: once the lease is let run out nothing renews it, and it is due."""
    stopping = threading.Event()
    setting.world.on_write["front"] = stopping.set
    holder = replace(setting.holder(stopping=stopping.is_set), renewed_every_seconds=0.001)

    def slow(name: str, call: Callable[[], Any]) -> Any:
        answer = call()
        if name == "release":
            threading.Event().wait(0.05)
        return answer

    _settles(setting, [waiting_for("the door swings")])
    setting.history.around = slow
    setting.use(holder=holder).repairer.run(approved.id, lambda _: None)
    assert "renew" not in setting.history.calls[setting.history.calls.index("release") :]
    assert [job.kind for job in setting.history.due() if job.kind != "send"] == ["settle"]


def test_a_step_in_flight_that_left_its_mark_was_made(setting: Any, approved: Proposal) -> None:
    """What bears the plan's mark is ours, whatever else changed: it is done, with effects that can be taken back."""
    _die_at(setting, approved, "back")
    setting.world.doors["back"] = True
    asked: list[str] = []

    def found(step: Step, reading: Reading, plan_id: str) -> JsonObject | None:
        del reading
        asked.append(plan_id)
        return {"id": "change-9"} if step.parameters["door"] == "back" else None

    setting.fixes["open_door"] = replace(setting.world.fix("open_door"), found=found)
    (outcome,) = setting.settle()
    assert asked == [approved.id]
    assert [(line.state, line.effects) for line in outcome.steps][1] == (StepState.DONE, {"id": "change-9"})
    assert outcome.result is Result.VERIFIED
