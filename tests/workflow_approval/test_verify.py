from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Outcome, Proposal, ProposalState, Result
from bot.domain.cluster import PodName, Question
from bot.domain.findings import Kind, Verdict
from bot.domain.people import Person
from bot.errors import EvidenceUnavailable, SourceTimeout
from bot.report.plan_words import outcome_words


def _repaired(setting: Any, kit: Any, **changes: Any) -> tuple[Proposal, Outcome]:
    """Propose, approve and apply; return the proposal and how it ended."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], **changes)
    proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, proposal)
    return proposal, setting.repair(proposal.id)


def _approve(setting: Any, proposal: Proposal) -> None:
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)


def test_success_takes_healthy_rules_and_answering_lookups(setting: Any, kit: Any) -> None:
    """Both are seen anew, recorded as a diagnosis of its own, and said with how much was looked at."""
    _, outcome = _repaired(setting, kit)
    assert outcome.result is Result.VERIFIED
    assert "looked from 2 of 2 nodes" in outcome.summary
    assert setting.history.real.diagnosis(outcome.verification_diagnosis_id) is not None
    assert (outcome.inverse_proposal_id, setting.slept) == ("", [])


def test_the_same_question_is_asked_of_the_playbooks_that_matter(setting: Any, kit: Any) -> None:
    """The plan's playbook and the lookups, with the pod and names that were asked about in the first place."""
    question = Question(cluster="cluster-prod", pod=PodName(namespace="shop", name="cart"), names=("db.example.com",))
    _repaired(setting, kit, question=question)
    assert setting.world.asked == [replace(question, playbooks=("doors", "lookups"))]


@pytest.mark.parametrize(
    ("changes", "result", "says"),
    [
        pytest.param(
            {"heals": False}, Result.NOT_VERIFIED, "the problem is still there: door shut", id="rule-says-problem"
        ),
        pytest.param({"lookups": False}, Result.NOT_VERIFIED, "lookups still fail", id="lookups-fail"),
        pytest.param({"lookups": None}, Result.UNVERIFIABLE, "no lookup could be made", id="no-lookups"),
        pytest.param({"unseen": True}, Result.UNVERIFIABLE, "door shut could not be checked", id="rule-unknown"),
        pytest.param({"unseen": True, "lookups": False}, Result.NOT_VERIFIED, "still fail", id="problem-outweighs"),
    ],
)
def test_anything_less_is_not_called_success(
    setting: Any, kit: Any, changes: dict[str, Any], result: Result, says: str
) -> None:
    """A PROBLEM is not verified; what could not be seen is applied, not verified."""
    for name, value in changes.items():
        setattr(setting.world, name, value)
    _, outcome = _repaired(setting, kit)
    assert outcome.result is result
    assert says in outcome.summary


@pytest.mark.parametrize(
    ("changes", "result", "says"),
    [
        pytest.param({"heals": False, "lookups": False}, Result.WAITS, "hq: Oil the hinges.", id="all-is-seen"),
        pytest.param({"unseen": True, "lookups": None}, Result.WAITS, "hq: Oil the hinges.", id="nobody-looks-there"),
        pytest.param(
            {"heals": False, "lookups": False, "explains": False}, Result.NOT_VERIFIED, "still fail", id="fails-besides"
        ),
    ],
)
def test_what_is_left_to_people_is_neither_success_nor_failure(
    setting: Any, kit: Any, changes: dict[str, Any], result: Result, says: str
) -> None:
    """The plan did its part: what it waits for is said at once, and its change is not offered to be taken back."""
    for name, value in {"waits_for": "your joiner", **changes}.items():
        setattr(setting.world, name, value)
    _, outcome = _repaired(setting, kit)
    assert outcome.result is result
    assert says in outcome.summary
    if result is Result.WAITS:
        assert outcome.summary == f"Applied; waits for your joiner: {says}"
        assert (outcome_words(outcome), outcome.inverse_proposal_id, setting.slept) == (outcome.summary, "", [])


def test_a_rule_that_is_not_there_afterwards_is_not_healthy(setting: Any, kit: Any) -> None:
    """A verify rule that no playbook judged is unseen, not fine."""
    setting.playbooks["doors"] = kit.playbook(
        "doors", "door_shut", kit.use_of("open_door", verify=("door_shut", "gone"))
    )
    _, outcome = _repaired(setting, kit)
    assert outcome.result is Result.UNVERIFIABLE
    assert "gone could not be checked" in outcome.summary


def test_rules_of_other_playbooks_are_looked_at_too(setting: Any, kit: Any) -> None:
    """`verify` may name a rule of another playbook; that playbook runs as well."""
    setting.playbooks["doors"] = kit.playbook(
        "doors", "door_shut", kit.use_of("open_door", verify=("door_shut", "window_shut"))
    )
    _repaired(setting, kit)
    assert setting.world.asked[0].playbooks == ("doors", "lookups", "other")


def test_lookups_are_repeated_until_they_answer(setting: Any, kit: Any) -> None:
    """Data planes take seconds: the third look succeeds, and no more are made."""
    setting.world.lookups = False

    def heal(seconds: float) -> None:
        setting.slept.append(seconds)
        setting.world.lookups = len(setting.slept) >= 2

    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, proposal)
    outcome = setting.repair(proposal.id, sleep=heal)
    assert (outcome.result, len(setting.world.asked), setting.slept) == (Result.VERIFIED, 3, [3.0, 3.0])


def test_lookups_are_repeated_no_longer_than_the_limit(setting: Any, kit: Any) -> None:
    """After 60 seconds of no answer the outcome is what was seen last."""
    setting.world.lookups = False
    _, outcome = _repaired(setting, kit)
    assert outcome.result is Result.NOT_VERIFIED
    assert 50 <= sum(setting.slept) <= 60


def test_nobody_waits_for_lookups_that_cannot_be_made(setting: Any, kit: Any) -> None:
    """Where what they need is not configured waiting is of no use."""
    setting.world.selector = False
    _, outcome = _repaired(setting, kit)
    assert (outcome.result, setting.slept) == (Result.UNVERIFIABLE, [])


def test_somebody_waits_for_lookups_that_could_not_be_made_this_time(setting: Any, kit: Any) -> None:
    """What could not be looked at for another reason may be seen a little later."""
    setting.world.lookups = None
    _, outcome = _repaired(setting, kit)
    assert outcome.result is Result.UNVERIFIABLE
    assert 50 <= sum(setting.slept) <= 60


@pytest.mark.parametrize(
    ("answer", "result"),
    [(True, Result.VERIFIED), (False, Result.NOT_VERIFIED), (None, Result.UNVERIFIABLE)],
    ids=["answer", "fail", "not seen"],
)
def test_the_symptoms_that_the_finding_explained_are_asked_for_whatever_they_are(
    setting: Any,
    kit: Any,
    answer: bool | None,  # noqa: FBT001  # a column
    result: Result,
) -> None:
    """Lookups from elsewhere verify such a plan; those from pods are neither needed nor made."""
    setting.targets["cluster-prod"] = replace(setting.targets["cluster-prod"], workload_selector="")
    setting.playbooks["peers"] = kit.playbook("peers", "peers_fail")
    setting.world.symptom, setting.world.lookups = "peers_fail", answer
    findings = [
        kit.finding_for("door_shut", Verdict.PROBLEM, explains=("peers_fail",)),
        kit.finding_for("peers_fail", Verdict.PROBLEM, kind=Kind.SYMPTOM, explained_by=("door_shut",)),
    ]
    proposal = setting.use().proposer.propose(kit.diagnosis_with(findings)).proposals[0]
    _approve(setting, proposal)
    outcome = setting.repair(proposal.id)
    assert (proposal.plan.symptoms, outcome.result) == (("peers_fail",), result)
    assert {question.playbooks for question in setting.world.asked} == {("doors", "peers")}


def test_a_look_that_fails_as_a_whole_is_no_verdict(setting: Any, kit: Any) -> None:
    """When not even a diagnosis can be made the plan is applied, not verified, and nothing is taken back."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    _approve(setting, proposal)

    def hang(*_: object) -> Any:
        raise SourceTimeout("eks:DescribeCluster did not answer")

    outcome = setting.repair(proposal.id, run_diagnosis=hang)
    assert outcome.result is Result.UNVERIFIABLE
    assert (outcome.verification_diagnosis_id, outcome.inverse_proposal_id) == ("", "")


def test_another_cluster_seen_afterwards_verifies_nothing(setting: Any, kit: Any) -> None:
    """A diagnosis of another cluster, however healthy, is no proof."""

    def swap() -> None:
        setting.world.binding = replace(kit.binding, kube_system_uid="other")

    setting.world.on_write["front"] = swap
    _, outcome = _repaired(setting, kit)
    assert outcome.result is Result.UNVERIFIABLE


def test_a_failed_verification_offers_the_inverse_for_its_own_approval(setting: Any, kit: Any) -> None:
    """It takes back exactly what was done, is pending, hangs on the new diagnosis, and has the same requester."""
    setting.world.heals = False
    proposal, outcome = _repaired(setting, kit)
    inverse = setting.history.proposal(outcome.inverse_proposal_id)
    assert inverse.state is ProposalState.PENDING
    assert (inverse.plan.undoes, inverse.plan.diagnosis_id) == (proposal.id, outcome.verification_diagnosis_id)
    assert inverse.requested_by == proposal.requested_by
    assert [(step.action, step.parameters["takes_back"]) for step in inverse.plan.steps] == [("shut", "change-1")]
    assert setting.world.writes == ["open front"]
    assert setting.use().repairer.run(inverse.id, lambda _: None) is None


def test_the_inverse_goes_backwards_and_leaves_out_what_cannot_be_undone(setting: Any, kit: Any) -> None:
    """Last step first; a step without an inverse is left out."""
    setting.world.doors = {"front": False, "side": False, "back": False}
    setting.world.heals = False

    def inverse(step: Any, effects: Any) -> Any:
        return None if step.parameters["door"] == "side" else setting.world.inverse(step, effects)

    setting.fixes["open_door"] = setting.world.fix("open_door", plan=setting.world.plan)
    setting.fixes["open_door"] = replace(setting.fixes["open_door"], inverse=inverse)
    evidence = kit.doors(open=tuple(setting.world.doors.items()))
    _, outcome = _repaired(setting, kit, evidence=(kit.collected("doors", evidence),))
    plan = setting.history.proposal(outcome.inverse_proposal_id).plan
    assert [step.target for step in plan.steps] == ["door back", "door front"]


def test_an_approved_inverse_is_verified_by_the_state_from_before(setting: Any, kit: Any) -> None:
    """The problem is back by design; what counts is that the change is gone. No inverse of the inverse follows."""
    setting.world.heals = False
    _, outcome = _repaired(setting, kit)
    inverse = setting.history.proposal(outcome.inverse_proposal_id)
    _approve(setting, inverse)
    undone = setting.repair(inverse.id)
    assert setting.world.writes == ["open front", "shut front"]
    assert (undone.result, undone.inverse_proposal_id) == (Result.VERIFIED, "")
    assert "as it was before" in undone.summary


def test_an_inverse_that_did_not_take_back_is_not_called_verified(setting: Any, kit: Any) -> None:
    """The state after the undo is compared with the state before the plan that was undone."""
    setting.world.heals = False
    _, outcome = _repaired(setting, kit)
    inverse = setting.history.proposal(outcome.inverse_proposal_id)
    _approve(setting, inverse)
    stubborn = replace(setting.fixes["open_door"], apply=lambda _step, _writing: {})
    undone = setting.repair(inverse.id, fixes={"open_door": stubborn})
    assert undone.result is Result.NOT_VERIFIED


def test_an_inverse_whose_effect_cannot_be_read_is_not_called_verified(setting: Any, kit: Any) -> None:
    """Could not look after the undo: taken back, not verified."""
    setting.world.heals = False
    _, outcome = _repaired(setting, kit)
    inverse = setting.history.proposal(outcome.inverse_proposal_id)
    _approve(setting, inverse)

    def blind(_: str) -> None:
        if not setting.world.doors["front"]:
            raise EvidenceUnavailable("403")

    setting.world.on_read = blind
    assert setting.repair(inverse.id).result is Result.UNVERIFIABLE
