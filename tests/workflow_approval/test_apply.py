import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal, ProposalState, Result, StepRecord, StepState
from bot.domain.findings import Verdict
from bot.domain.people import Person
from bot.domain.plans import PlanCase, Planned, When, WriterKind
from bot.errors import EvidenceUnavailable, UnitError, WorldChanged, WriteFailed


def _approved(setting: Any, kit: Any, *doors: str, cluster: str = "cluster-prod") -> Proposal:
    """A plan that opens these doors, proposed for ana and approved by ben."""
    setting.world.doors = dict.fromkeys(doors or ("front",), False)
    evidence = kit.doors(open=tuple(setting.world.doors.items()))
    diagnosis = kit.diagnosis_with(
        [kit.finding_for("door_shut", Verdict.PROBLEM)],
        evidence=(kit.collected("doors", evidence),),
        target=setting.targets[cluster],
    )
    proposal: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, proposal)
    return proposal


def _approve(setting: Any, proposal: Proposal, user_id: str = "U02") -> None:
    person = Person(team_id="T01", user_id=user_id)
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)


def _fail(error: Exception) -> Any:
    def fail() -> None:
        raise error

    return fail


def _states(records: tuple[StepRecord, ...]) -> list[tuple[int, StepState]]:
    return [(record.index, record.state) for record in records]


def test_an_approved_plan_is_applied_and_verified(setting: Any, kit: Any) -> None:
    """Every step is written once, in order; each is told as it starts and ends; the outcome is stored."""
    proposal = _approved(setting, kit, "front", "back")
    told: list[tuple[int, StepState]] = []
    outcome = setting.repair(proposal.id, told=lambda record: told.append((record.index, record.state)))
    assert setting.world.writes == ["open front", "open back"]
    assert outcome.result is Result.VERIFIED
    assert _states(outcome.steps) == [(0, StepState.DONE), (1, StepState.DONE)]
    assert outcome.steps[0].effects == {"id": "change-1", "was": False}
    assert told == [
        (0, StepState.STARTED),
        (0, StepState.SENT),
        (0, StepState.DONE),
        (1, StepState.STARTED),
        (1, StepState.SENT),
        (1, StepState.DONE),
    ]
    assert setting.history.proposal(proposal.id).state is ProposalState.DONE
    assert outcome.finished_at is not None


def test_intent_is_committed_before_the_effect(setting: Any, kit: Any) -> None:
    """At the moment of the write the journal already says STARTED."""
    proposal = _approved(setting, kit)
    seen: list[list[tuple[int, StepState]]] = []
    setting.world.on_write["front"] = lambda: seen.append(_states(setting.history.real.steps(proposal.id)))
    setting.repair(proposal.id)
    assert seen == [[(0, StepState.STARTED)]]


def test_a_plan_is_applied_once(setting: Any, kit: Any) -> None:
    """A second call has nothing to carry on and writes nothing."""
    proposal = _approved(setting, kit)
    setting.repair(proposal.id)
    assert setting.use().repairer.run(proposal.id, lambda _: None) is None
    assert setting.world.writes == ["open front"]


def test_of_many_repairs_at_once_one_writes(setting: Any, kit: Any) -> None:
    """Six threads, one approved plan, one effect."""
    proposal = _approved(setting, kit)
    barrier = threading.Barrier(6)

    def run(_: int) -> str:
        barrier.wait()
        outcome = setting.use().repairer.run(proposal.id, lambda _: None)
        return str(outcome.result) if outcome else "not ours"

    with ThreadPoolExecutor(max_workers=6) as pool:
        answers = sorted(pool.map(run, range(6)))
    assert answers == ["not ours"] * 5 + ["verified"]
    assert setting.world.writes == ["open front"]


@pytest.mark.parametrize("state", ["pending", "rejected"])
def test_what_is_not_approved_is_not_applied(setting: Any, kit: Any, state: str) -> None:
    """Neither a pending nor a rejected plan runs."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    if state == "rejected":
        person = Person(team_id="T01", user_id="U02")
        setting.decide(
            proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.REJECT, reason="no"
        )
    assert setting.use().repairer.run(proposal.id, lambda _: None) is None
    assert setting.world.writes == []


def test_authorisation_is_decided_again_when_applied(setting: Any, kit: Any) -> None:
    """An approver who was deactivated meanwhile no longer counts: nothing is written, and why is said."""
    proposal = _approved(setting, kit)
    standings = setting.directory.standings
    standings["U02"] = replace(standings["U02"], is_deactivated=True)
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "T01/U02" in outcome.summary
    assert "deactivated" in outcome.summary


def test_a_policy_changed_between_approval_and_apply_holds(setting: Any, kit: Any) -> None:
    """With two approvals required now, the one given is not enough."""
    proposal = _approved(setting, kit)
    setting.policies["production"] = replace(setting.policies["production"], required=2)
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "1 of the 2 approvals" in outcome.summary


def test_a_directory_that_is_down_when_applied_refuses(setting: Any, kit: Any) -> None:
    """Nobody can be looked up: nothing is written."""
    proposal = _approved(setting, kit)
    setting.directory.down = True
    assert (setting.repair(proposal.id).result, setting.world.writes) == (Result.REFUSED, [])


def test_a_plan_changed_after_its_approval_is_refused(setting: Any, kit: Any) -> None:
    """The hash is computed again from what is stored, right before applying."""
    proposal = _approved(setting, kit)
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("""UPDATE proposals SET plan = replace(plan, '"door":"front"', '"door":"vault"')""")
    setting.world.doors["vault"] = False
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "hash differs" in outcome.summary


def test_a_decision_forged_in_the_database_needs_an_entitled_person(setting: Any, kit: Any) -> None:
    """A row that says `approved` by an outsider does not open the gate."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, proposal)
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE decisions SET user_id = 'U04'")
    assert (setting.repair(proposal.id).result, setting.world.writes) == (Result.REFUSED, [])


@pytest.mark.parametrize(
    "binding",
    [
        pytest.param(None, id="unknown"),
        pytest.param("another", id="another-cluster"),
    ],
)
def test_another_cluster_behind_the_same_name_is_refused(setting: Any, kit: Any, binding: str | None) -> None:
    """The cluster is identified again before anything is written."""
    proposal = _approved(setting, kit)
    setting.world.binding = None if binding is None else replace(kit.binding, kube_system_uid=binding)
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])


def test_a_world_that_changed_before_the_first_write_is_left_alone(setting: Any, kit: Any) -> None:
    """The last step's state is compared before the first step is written."""
    proposal = _approved(setting, kit, "front", "back")
    setting.world.doors["back"] = True
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes, outcome.steps) == (Result.REFUSED, [], ())
    assert "open was false, and is true" in outcome.summary
    assert "Diagnose again" in outcome.summary


def test_a_world_that_changes_half_way_stops_the_rest(setting: Any, kit: Any) -> None:
    """What was done is shown, the rest is skipped, and the inverse of what was done is offered."""
    proposal = _approved(setting, kit, "front", "back")
    setting.world.on_write["front"] = lambda: setting.world.doors.update(back=True)
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.STOPPED, ["open front"])
    assert _states(outcome.steps) == [(0, StepState.DONE), (1, StepState.SKIPPED)]
    assert outcome.summary.startswith("1 of 2 steps were done. door back is no longer as it was")
    assert setting.history.proposal(outcome.inverse_proposal_id).plan.undoes == proposal.id


def test_a_state_that_cannot_be_read_again_is_not_written(setting: Any, kit: Any) -> None:
    """Could not look is never looked and fine."""
    proposal = _approved(setting, kit)

    def blind(_: str) -> None:
        raise EvidenceUnavailable("ec2:DescribeSecurityGroupRules: 403")

    setting.world.on_read = blind
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "could not be read again" in outcome.summary


def test_the_state_is_read_again_right_before_each_write(setting: Any, kit: Any) -> None:
    """Once for all before the first write, and once more for each before its own."""
    proposal = _approved(setting, kit, "front", "back")
    order: list[str] = []
    setting.world.on_read = lambda door: order.append(f"read {door}")
    setting.world.on_write = {door: lambda door=door: order.append(f"write {door}") for door in ("front", "back")}
    setting.repair(proposal.id)
    assert order == ["read front", "read back", "read front", "write front", "read back", "write back"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        pytest.param(WriteFailed("InvalidPermission.Duplicate: no"), StepState.FAILED, id="refused"),
        pytest.param(WriteFailed("no answer", ambiguous=True), StepState.UNKNOWN, id="ambiguous"),
        pytest.param(WorldChanged("409 Conflict"), StepState.FAILED, id="conflict"),
        pytest.param(EvidenceUnavailable("time-out after the write"), StepState.UNKNOWN, id="unread-afterwards"),
        pytest.param(UnitError("it wrote what it did not declare"), StepState.UNKNOWN, id="our-mistake"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_step_that_fails_stops_the_plan(setting: Any, kit: Any, at: int, error: Exception, state: StepState) -> None:
    """At whichever step: the ones before are done, it is FAILED or UNKNOWN, the ones after are skipped."""
    doors = ("front", "back", "side")
    proposal = _approved(setting, kit, *doors)
    setting.world.on_write[doors[at]] = _fail(error)
    outcome = setting.repair(proposal.id)
    expected = [StepState.DONE] * at + [state] + [StepState.SKIPPED] * (2 - at)
    assert [record.state for record in outcome.steps] == expected
    assert setting.world.writes == [f"open {door}" for door in doors[:at]]
    wrote = at > 0 or state is StepState.UNKNOWN
    assert outcome.result is (Result.STOPPED if wrote else Result.REFUSED)
    assert bool(outcome.inverse_proposal_id) is (at > 0)


def test_a_secret_in_an_error_is_not_kept(setting: Any, kit: Any) -> None:
    """Error texts are redacted before they are stored or shown."""
    proposal = _approved(setting, kit)
    setting.world.on_write["front"] = _fail(WriteFailed("sent with Authorization: Bearer abcdefgh12345678"))
    outcome = setting.repair(proposal.id)
    assert "abcdefgh12345678" not in outcome.summary + outcome.steps[0].note


def test_an_error_that_nobody_foresaw_marks_the_repair_interrupted(setting: Any, kit: Any) -> None:
    """The error goes on, the cluster is let go, and it is looked whether the change was made: it was not."""
    proposal = _approved(setting, kit)
    setting.world.on_write["front"] = _fail(ZeroDivisionError("a mistake of ours"))
    with pytest.raises(ZeroDivisionError):
        setting.repair(proposal.id)
    stored = setting.history.proposal(proposal.id)
    assert stored.state is ProposalState.INTERRUPTED
    assert _states(setting.history.real.steps(proposal.id)) == [(0, StepState.FAILED)]
    setting.world.on_write.clear()
    assert setting.repair(_approved(setting, kit, "front").id).result is Result.VERIFIED


def test_one_repair_per_cluster_at_a_time(setting: Any, kit: Any) -> None:
    """A second repair that begins while the first writes is refused and writes nothing."""
    first = _approved(setting, kit, "front")
    diagnosis = kit.diagnosis_with([kit.finding_for("window_shut", Verdict.PROBLEM, playbook="other")])
    setting.playbooks["other"] = kit.playbook("other", "window_shut", kit.use_of("open_door"))
    second = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, second)
    outcomes: list[Any] = []
    setting.world.on_write["front"] = lambda: outcomes.append(setting.repair(second.id))
    setting.repair(first.id)
    assert [outcome.result for outcome in outcomes] == [Result.REFUSED]
    assert "Another repair of this cluster is running" in outcomes[0].summary
    assert setting.world.writes == ["open front"]


def test_a_step_gets_the_writer_it_declares_and_no_other(setting: Any, kit: Any) -> None:
    """A fix that tries the other side's writer is stopped before anything is sent."""

    def apply(step: Any, writing: Any) -> Any:
        del step
        return writing.aws_writer.write("ec2", "AuthorizeSecurityGroupIngress")

    def plan(case: PlanCase) -> Planned:
        return Planned(steps=(kit.step_for("front", case.plan_id, WriterKind.KUBERNETES),), blast_radius="")

    setting.fixes["open_door"] = replace(setting.world.fix("open_door", plan=plan), apply=apply)
    proposal = _approved(setting, kit)
    outcome = setting.repair(proposal.id)
    assert outcome.result is Result.STOPPED
    assert "ec2:AuthorizeSecurityGroupIngress" in outcome.summary


def _with_restart(setting: Any, kit: Any) -> Proposal:
    """A plan whose second step waits until lookups answer."""

    def restart(case: PlanCase) -> Planned:
        return Planned(steps=(kit.step_for("pods", case.plan_id, fix="restart"),), blast_radius="")

    setting.world.doors = {"front": False, "pods": False}
    setting.fixes["open_door"] = setting.world.fix(
        "open_door", plan=lambda case: Planned(steps=(kit.step_for("front", case.plan_id),), blast_radius="")
    )
    setting.fixes["restart"] = setting.world.fix("restart", plan=restart)
    use = kit.use_of("open_door", kit.use_of("restart", when=When.LOOKUPS_ANSWER))
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", use)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, proposal)
    return proposal


def test_pods_are_recreated_once_lookups_answer(setting: Any, kit: Any) -> None:
    """The later step waits for the lookups playbook to answer, then runs."""
    proposal = _with_restart(setting, kit)
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (Result.VERIFIED, ["open front", "open pods"])
    assert setting.world.asked[0].playbooks == ("lookups",)


@pytest.mark.parametrize(
    ("lookups", "result", "says"),
    [
        pytest.param(False, Result.NOT_VERIFIED, "still did not answer", id="no-answer"),
        pytest.param(None, Result.NOT_VERIFIED, "could not be seen", id="could-not-look"),
    ],
)
def test_pods_are_left_alone_while_lookups_do_not_answer(
    setting: Any, kit: Any, lookups: Any, result: Result, says: str
) -> None:
    """The later step is skipped with the reason; what was written before is verified all the same."""
    proposal = _with_restart(setting, kit)
    setting.world.lookups = lookups
    outcome = setting.repair(proposal.id)
    assert (outcome.result, setting.world.writes) == (result, ["open front"])
    assert _states(outcome.steps) == [(0, StepState.DONE), (1, StepState.SKIPPED)]
    assert says in outcome.summary


def test_a_later_step_that_fails_is_no_reason_to_take_the_repair_back(setting: Any, kit: Any) -> None:
    """Lookups answered before pods were recreated: a slow rollout stops the plan, and no inverse is offered."""
    proposal = _with_restart(setting, kit)
    setting.world.on_write["pods"] = _fail(WriteFailed("not all pods became Ready", ambiguous=True))
    outcome = setting.repair(proposal.id)
    assert (outcome.result, outcome.inverse_proposal_id) == (Result.STOPPED, "")
    assert _states(outcome.steps) == [(0, StepState.DONE), (1, StepState.UNKNOWN)]
