from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import ProposalState
from bot.domain.evidence import Gap
from bot.domain.findings import Kind, Verdict
from bot.domain.people import Person
from bot.domain.plans import Advice, PlanCase, Planned, When, WriterKind
from bot.errors import EvidenceUnavailable, UnitError


def test_a_root_cause_becomes_a_stored_plan(setting: Any, kit: Any) -> None:
    """The playbook's fix plans from the evidence; what is stored is pending and hashes to what was shown."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposed = setting.use().proposer.propose(diagnosis)
    (proposal,) = proposed.proposals
    assert proposed.not_offered == ()
    assert proposal.state is ProposalState.PENDING
    assert proposal.plan.hash == proposal.plan_hash
    assert proposal.id == proposal.plan.id
    assert [step.target for step in proposal.plan.steps] == ["door front"]
    assert proposal.plan.steps[0].parameters["tag"] == proposal.plan.id
    assert (proposal.plan.finding, proposal.plan.playbook, proposal.plan.risk) == ("door_shut", "doors", "low")
    assert (proposal.plan.binding, proposal.plan.verify_rules) == (kit.binding, ("door_shut",))
    assert proposal.policy == setting.policies["production"]
    assert proposal.requested_by == Person(team_id="T01", user_id="U01")
    assert setting.history.proposal(proposal.id) == proposal


@pytest.mark.parametrize(
    ("explains", "pods", "peers", "carried"),
    [
        pytest.param(("pods_fail",), Verdict.PROBLEM, Verdict.HEALTHY, ("pods_fail",), id="explained"),
        pytest.param(("pods_fail", "peers_fail"), *[Verdict.PROBLEM] * 2, ("pods_fail", "peers_fail"), id="both"),
        pytest.param((), Verdict.HEALTHY, Verdict.UNKNOWN, ("peers_fail", "pods_fail"), id="latent"),
        pytest.param((), Verdict.PROBLEM, Verdict.HEALTHY, ("peers_fail",), id="another cause's left out"),
        pytest.param((), None, None, ("peers_fail", "pods_fail"), id="none looked at"),
    ],
)
def test_a_plan_carries_the_symptoms_that_must_be_gone(
    setting: Any, kit: Any, explains: tuple[str, ...], pods: Verdict, peers: Verdict, carried: tuple[str, ...]
) -> None:
    """Those that its finding explained; where it explained none, those that did not fail must go on answering."""
    seen = [("pods_fail", pods), ("peers_fail", peers)]
    findings = [kit.finding_for(rule, verdict, kind=Kind.SYMPTOM) for rule, verdict in seen if verdict]
    cause = kit.finding_for("door_shut", Verdict.PROBLEM, explains=explains)
    proposer = setting.use(symptoms=("pods_fail", "peers_fail")).proposer
    (proposal,) = proposer.propose(kit.diagnosis_with([cause, *findings])).proposals
    assert proposal.plan.symptoms == carried
    assert setting.history.proposal(proposal.id).plan.symptoms == carried
    assert replace(proposal.plan, symptoms=()).hash != proposal.plan.hash


def test_the_same_plan_is_not_proposed_twice(setting: Any, kit: Any) -> None:
    """Diagnosing twice gives one pending proposal, though the plans' ids differ."""
    first = setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))
    second = setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))
    assert second.proposals[0].id == first.proposals[0].id


def test_a_changed_world_gives_a_new_plan_and_ends_the_old_one(setting: Any, kit: Any) -> None:
    """Another plan for the same finding replaces the pending one."""
    finding = kit.finding_for("door_shut", Verdict.PROBLEM)
    first = setting.use().proposer.propose(kit.diagnosis_with([finding])).proposals[0]
    two_doors = kit.doors(open=(("front", False), ("back", False)))
    later = kit.diagnosis_with([finding], evidence=(kit.collected("doors", two_doors),))
    second = setting.use().proposer.propose(later).proposals[0]
    assert second.id != first.id
    assert setting.history.proposal(first.id).state is ProposalState.EXPIRED


def test_a_newly_configured_writer_gives_a_new_plan(setting: Any, kit: Any) -> None:
    """A plan that could not be approved does not stand in the way of the same plan that can."""
    finding = kit.finding_for("door_shut", Verdict.PROBLEM)
    without = replace(setting.targets["cluster-prod"], aws_writer=False)
    first = setting.use().proposer.propose(kit.diagnosis_with([finding], target=without)).proposals[0]
    second = setting.use().proposer.propose(kit.diagnosis_with([finding])).proposals[0]
    assert first.not_approvable
    assert not second.not_approvable
    assert second.id != first.id


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        pytest.param(Verdict.HEALTHY, Kind.CAUSE, id="healthy"),
        pytest.param(Verdict.UNKNOWN, Kind.CAUSE, id="unknown"),
        pytest.param(Verdict.PROBLEM, Kind.SYMPTOM, id="symptom"),
    ],
)
def test_what_is_no_root_cause_leads_to_no_plan(setting: Any, kit: Any, verdict: Verdict, kind: Kind) -> None:
    """Only a PROBLEM cause is repaired."""
    proposed = setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", verdict, kind=kind)]))
    assert (proposed.proposals, proposed.not_offered) == ((), ())


def test_a_fix_plans_from_what_it_needs_and_nothing_else(setting: Any, kit: Any) -> None:
    """A fix that asks for undeclared evidence is told so: a playbook might not gather it."""
    setting.fixes["open_door"] = replace(setting.fixes["open_door"], needs=())
    with pytest.raises(UnitError, match="Doors was asked for but is not in the fix's `needs`"):
        setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))


def test_needed_evidence_that_was_not_gathered_is_said(setting: Any, kit: Any) -> None:
    """A fix whose evidence is not there is not offered, and why is told."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], evidence=())
    (one,) = setting.use().proposer.propose(diagnosis).not_offered
    assert one.advice.reason == "It cannot be planned: Doors was not gathered"


def test_an_explained_problem_leads_to_no_plan(setting: Any, kit: Any) -> None:
    """What another cause explains is not repaired by itself."""
    finding = kit.finding_for("door_shut", Verdict.PROBLEM, explained_by=("window_shut",))
    assert setting.use().proposer.propose(kit.diagnosis_with([finding])).proposals == ()


def _advises(case: PlanCase) -> Advice:
    return Advice(reason="no free number", text=(f"free one for {case.target.name}",))


def _cannot_see(case: PlanCase) -> Planned:
    del case
    raise EvidenceUnavailable("403 Forbidden", grant="doors: list")


def _nothing(case: PlanCase) -> Planned:
    del case
    return Planned(steps=(), blast_radius="")


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        pytest.param(_advises, "no free number", id="advice"),
        pytest.param(_cannot_see, "It cannot be planned: 403 Forbidden", id="unseen"),
        pytest.param(_nothing, "There is nothing left for it to change.", id="no-steps"),
    ],
)
def test_the_next_fix_is_tried_and_the_reason_kept(setting: Any, kit: Any, plan: Any, reason: str) -> None:
    """Fixes are asked in the playbook's order; the first that can be planned is proposed."""
    setting.fixes["first"] = setting.world.fix("first", plan=plan)
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", kit.use_of("first"), kit.use_of("open_door"))
    proposed = setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))
    assert [proposal.plan.fix for proposal in proposed.proposals] == ["open_door"]
    assert [(one.finding, one.fix, one.advice.reason) for one in proposed.not_offered] == [
        ("door_shut", "first", reason)
    ]


def test_only_the_first_fix_that_can_be_planned_is_proposed(setting: Any, kit: Any) -> None:
    """A second fix for the same finding is not asked once one was planned."""
    setting.fixes["second"] = setting.world.fix("second")
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", kit.use_of("open_door"), kit.use_of("second"))
    proposed = setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))
    assert [proposal.plan.fix for proposal in proposed.proposals] == ["open_door"]


def test_no_evidence_of_which_cluster_means_no_plan(setting: Any, kit: Any) -> None:
    """Without a binding nothing is proposed, and why is said with the missing grant."""
    gap = Gap(what="binding", reason="namespaces kube-system: 403", grant="namespaces: get")
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], binding=None, binding_gap=gap)
    proposed = setting.use().proposer.propose(diagnosis)
    assert proposed.proposals == ()
    assert "namespaces kube-system: 403" in proposed.not_offered[0].advice.reason
    assert proposed.not_offered[0].advice.text == ("Grant namespaces: get and diagnose again.",)


def test_later_fixes_join_the_plan_and_wait_for_lookups(setting: Any, kit: Any) -> None:
    """`then` adds steps that wait; risk is the highest, rules and texts are joined."""

    def restart(case: PlanCase) -> Planned:
        step = replace(kit.step_for("pods", case.plan_id, WriterKind.KUBERNETES), fix="restart")
        return Planned(steps=(step,), blast_radius="4 pods")

    setting.fixes["restart"] = setting.world.fix("restart", plan=restart)
    use = kit.use_of("open_door", kit.use_of("restart", risk="high", verify=("pods_ready",), when=When.LOOKUPS_ANSWER))
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", use)
    (proposal,) = (
        setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])).proposals
    )
    assert [(step.fix, step.when) for step in proposal.plan.steps] == [
        ("open_door", When.AT_ONCE),
        ("restart", When.LOOKUPS_ANSWER),
    ]
    assert (proposal.plan.title, proposal.plan.risk) == ("Fix: open_door, then fix: restart", "high")
    assert proposal.plan.blast_radius == "1 doors 4 pods"
    assert proposal.plan.verify_rules == ("door_shut", "pods_ready")


def test_a_later_fix_that_cannot_be_planned_leaves_the_plan_standing(setting: Any, kit: Any) -> None:
    """The first part is proposed all the same, and what is missing is said."""
    setting.fixes["restart"] = setting.world.fix("restart", plan=_advises)
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", kit.use_of("open_door", kit.use_of("restart")))
    proposed = setting.use().proposer.propose(kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)]))
    assert [len(proposal.plan.steps) for proposal in proposed.proposals] == [1]
    assert [one.fix for one in proposed.not_offered] == ["restart"]


def test_what_follows_a_change_that_is_made_already_is_proposed_alone(setting: Any, kit: Any) -> None:
    """The plan is the first fix's, with its risk and its rules, and names what it does; without steps there is none."""

    def made(case: PlanCase) -> Planned:
        del case
        return Planned(steps=(), blast_radius="", only_followed=True)

    setting.fixes["made"] = setting.world.fix("made", plan=made)
    use = kit.use_of("made", kit.use_of("open_door"), risk="high", verify=("door_shut", "made_right"))
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", use)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])

    (proposal,) = setting.use().proposer.propose(diagnosis).proposals

    assert [step.fix for step in proposal.plan.steps] == ["open_door"]
    assert (proposal.plan.fix, proposal.plan.title, proposal.plan.risk) == ("made", "Fix: open_door", "high")
    assert proposal.plan.verify_rules == ("door_shut", "made_right")
    setting.fixes["open_door"] = setting.world.fix("open_door", plan=_advises)
    proposed = setting.use().proposer.propose(diagnosis)
    assert [(one.fix, one.advice.reason) for one in proposed.not_offered] == [
        ("open_door", "no free number"),
        ("made", "There is nothing left for it to change."),
    ]


@pytest.mark.parametrize(
    ("writer", "setting_name"),
    [
        pytest.param(WriterKind.AWS, "writer_role_arn", id="aws"),
        pytest.param(WriterKind.KUBERNETES, "writer_context", id="kubernetes"),
    ],
)
def test_without_a_writer_the_plan_is_shown_and_cannot_be_approved(
    setting: Any, kit: Any, writer: WriterKind, setting_name: str
) -> None:
    """The command is there, Approve is not, and the missing setting is named."""

    def plan(case: PlanCase) -> Planned:
        return Planned(steps=(kit.step_for("front", case.plan_id, writer),), blast_radius="")

    setting.fixes["open_door"] = setting.world.fix("open_door", plan=plan)
    diagnosis = kit.diagnosis_with(
        [kit.finding_for("door_shut", Verdict.PROBLEM)], target=setting.targets["cluster-read"]
    )
    (proposal,) = setting.use().proposer.propose(diagnosis).proposals
    assert setting_name in proposal.not_approvable
    assert proposal.plan.steps[0].command.startswith("aws door open")


def test_an_environment_without_a_policy_is_not_loosened_to_the_default(setting: Any, kit: Any) -> None:
    """A typo in `environment` means that nobody may approve; `default` is for clusters that name none."""
    finding = kit.finding_for("door_shut", Verdict.PROBLEM)
    typo = replace(setting.targets["cluster-prod"], environment="prodution")
    (strict,) = setting.use().proposer.propose(kit.diagnosis_with([finding], target=typo)).proposals
    (unnamed,) = (
        setting.use().proposer.propose(kit.diagnosis_with([finding], target=setting.targets["cluster-test"])).proposals
    )
    assert "`prodution`" in strict.not_approvable
    assert (unnamed.policy, unnamed.not_approvable) == (setting.policies["default"], "")


def test_a_plan_is_made_from_what_the_finding_was_judged_from(setting: Any, kit: Any) -> None:
    """Of two pieces of evidence of one class the finding's own counts; a value goes before a gap."""
    other = kit.collected("doors", kit.doors(open=(("wrong", False),)))
    own = kit.collected("doors#2", kit.doors(open=(("right", False),)))
    blind = kit.collected("doors#3", None, gap=Gap(what="doors", reason="time-out"))
    finding = kit.finding_for("door_shut", Verdict.PROBLEM, evidence=("doors#3", "doors#2"))
    (proposal,) = setting.use().proposer.propose(kit.diagnosis_with([finding], evidence=(other, own, blind))).proposals
    assert [step.target for step in proposal.plan.steps] == ["door right"]


def test_evidence_that_could_not_be_gathered_says_why(setting: Any, kit: Any) -> None:
    """The gap in place of the evidence is the reason why no fix is offered."""
    blind = kit.collected("doors", None, gap=Gap(what="doors", reason="time-out after 20 s", grant=""))
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], evidence=(blind,))
    proposed = setting.use().proposer.propose(diagnosis)
    assert [one.advice.reason for one in proposed.not_offered] == ["It cannot be planned: time-out after 20 s"]
