from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal, ProposalState, Result
from bot.domain.findings import Verdict
from bot.domain.people import Person
from bot.domain.places import HOME, Peer, Place
from bot.domain.plans import FixPlan, PlanCase, Planned, WriterKind, plan_document, plan_from_document
from bot.errors import Refused, UnitError

SHARED = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")


@pytest.fixture
def propose_at(setting: Any, kit: Any) -> Callable[..., Proposal]:
    """Return a function that proposes to open the front door at a place, with these peers configured."""

    def propose(place: Place, *peers: Peer) -> Proposal:
        def plan(case: PlanCase) -> Planned:
            return Planned(steps=(kit.step_for("front", case.plan_id, place=place),), blast_radius="")

        setting.targets["cluster-prod"] = replace(setting.targets["cluster-prod"], peers=peers)
        setting.fixes["open_door"] = setting.world.fix("open_door", plan=plan)
        finding = kit.finding_for("door_shut", Verdict.PROBLEM)
        diagnosis = kit.diagnosis_with([finding], target=setting.targets["cluster-prod"])
        (proposal,) = setting.use().proposer.propose(diagnosis).proposals
        return proposal  # type: ignore[no-any-return]  # the setting is untyped

    return propose


def approve(setting: Any, proposal: Proposal) -> None:
    """Let ben approve."""
    ben = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=ben, choice=Choice.APPROVE)


def moved(plan: FixPlan, **changes: str) -> FixPlan:
    """Return the plan with its step's place changed."""
    (step,) = plan.steps
    return replace(plan, steps=(replace(step, place=replace(step.place, **changes)),))


@pytest.mark.parametrize("member", ["name", "region", "account", "vpc_id"])
def test_the_hash_covers_every_member_of_a_steps_place(propose_at: Callable[..., Proposal], member: str) -> None:
    """What was approved for one account, region and VPC is no approval for another."""
    plan = propose_at(SHARED, Peer(place=SHARED, aws_writer=True)).plan

    assert moved(plan, **{member: "another"}).hash != plan.hash


def test_a_plan_comes_back_with_its_places(propose_at: Callable[..., Proposal]) -> None:
    """What is stored is the whole place, so that no later configuration moves the step."""
    plan = propose_at(SHARED, Peer(place=SHARED)).plan

    assert plan_from_document(plan_document(plan)) == plan


def test_a_plan_that_is_older_than_places_is_of_the_clusters_own(propose_at: Callable[..., Proposal]) -> None:
    """Its document names none."""
    document = dict(plan_document(propose_at(HOME).plan))
    (step,) = document["steps"]  # type: ignore[misc]  # a sequence of objects
    document["steps"] = [{key: value for key, value in step.items() if key != "place"}]  # type: ignore[union-attr]

    assert [step.place for step in plan_from_document(document).steps] == [HOME]


@pytest.mark.parametrize(
    ("peers", "words"),
    [
        ((Peer(place=SHARED),), "`writer_role_arn` of peer shared"),
        ((), "peer shared (vpc-0aaa, account 222233334444, eu-central-1) is no longer among the `peers`"),
        ((Peer(place=replace(SHARED, vpc_id="vpc-0bbb"), aws_writer=True),), "is no longer among the `peers`"),
    ],
    ids=["no writer there", "no such peer", "the name leads to another VPC"],
)
def test_without_a_writer_for_its_place_a_plan_is_shown_and_cannot_be_approved(
    propose_at: Callable[..., Proposal], peers: tuple[Peer, ...], words: str
) -> None:
    """The cluster's own writer, which is configured, does not stand in for it."""
    proposal = propose_at(SHARED, *peers)

    assert words in proposal.not_approvable
    assert proposal.plan.steps[0].command.startswith("aws door open")


def test_a_peer_that_leads_elsewhere_since_is_not_approved(setting: Any, propose_at: Callable[..., Proposal]) -> None:
    """The press is refused: the plan was made for the VPC that the name stood for then."""
    proposal = propose_at(SHARED, Peer(place=SHARED, aws_writer=True))
    elsewhere = Peer(place=replace(SHARED, account="999999999999"), aws_writer=True)
    setting.targets["cluster-prod"] = replace(setting.targets["cluster-prod"], peers=(elsewhere,))

    with pytest.raises(Refused, match="no longer among the `peers`"):
        approve(setting, proposal)


def test_a_step_is_read_and_written_at_its_place(setting: Any, propose_at: Callable[..., Proposal]) -> None:
    """Read again before the write and written as the peer's, by nobody else's reader or writer."""
    proposal = propose_at(SHARED, Peer(place=SHARED, aws_writer=True))
    seen: list[tuple[str, object]] = []
    fix, world = setting.fixes["open_door"], setting.world

    def read(step: Any, reading: Any) -> Any:
        seen.append(("read", reading.aws))
        return world.read(step, reading)

    def apply(step: Any, writing: Any) -> Any:
        seen.extend([("read", writing.aws), ("write", writing.aws_writer)])
        return world.apply(step, writing)

    setting.fixes["open_door"] = replace(fix, read=read, apply=apply)
    approve(setting, proposal)
    outcome = setting.repair(proposal.id)

    assert outcome.result is Result.VERIFIED
    assert seen == [("read", SHARED), ("read", SHARED), ("read", SHARED), ("write", SHARED)]
    assert setting.history.proposal(proposal.id).state is ProposalState.DONE


def test_what_was_done_at_a_place_is_taken_back_there(setting: Any, propose_at: Callable[..., Proposal]) -> None:
    """Even where a fix makes the inverse anew and does not say where."""
    proposal = propose_at(SHARED, Peer(place=SHARED, aws_writer=True))
    fix = setting.fixes["open_door"]
    at_home = replace(fix, inverse=lambda step, effects: replace(fix.inverse(step, effects), place=HOME))
    setting.fixes["open_door"], setting.world.heals = at_home, False
    approve(setting, proposal)

    outcome = setting.repair(proposal.id)

    inverse = setting.history.proposal(outcome.inverse_proposal_id)
    assert [step.place for step in inverse.plan.steps] == [SHARED]


def test_kubernetes_is_changed_in_the_cluster_alone(kit: Any) -> None:
    """No peer has a writer for Kubernetes, so a step that wants one is none."""
    with pytest.raises(UnitError, match="only home has one"):
        kit.step_for("front", "p", WriterKind.KUBERNETES, place=SHARED)
