from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal, Result, StepState
from bot.domain.findings import Verdict
from bot.domain.json_values import JsonObject
from bot.domain.made import Made
from bot.domain.people import Person
from bot.domain.plans import PlanCase, Planned, Step, When, Writing


def _approved(setting: Any, kit: Any) -> Proposal:
    """Propose what the playbook says, for ana, and let ben approve it."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    return proposal


def _refers(setting: Any, kit: Any, member: str) -> list[JsonObject]:
    """Let the second step of the plan name what the first one makes; return what the steps were sent with."""
    sent: list[JsonObject] = []

    def plan(case: PlanCase) -> Planned:
        first, second = (kit.step_for(door, case.plan_id) for door in ("front", "back"))
        key = Made(made_by_step=0, member=member).as_json()
        return Planned(steps=(first, replace(second, parameters={**second.parameters, "keys": [key]})), blast_radius="")

    def apply(step: Step, writing: Writing) -> JsonObject:
        sent.append(step.parameters)
        effects: JsonObject = setting.world.apply(step, writing)
        return effects

    setting.world.doors = {"front": False, "back": False}
    setting.fixes["open_door"] = replace(setting.world.fix("open_door", plan=plan), apply=apply)
    return sent


def test_a_step_is_sent_with_what_an_earlier_one_made(setting: Any, kit: Any) -> None:
    """The id that the first step reported stands in the second one's parameters, wherever they named it."""
    sent = _refers(setting, kit, "id")
    outcome = setting.repair(_approved(setting, kit).id)
    assert outcome.result is Result.VERIFIED
    assert sent[1]["keys"] == ["change-1"]


def test_a_step_whose_predecessor_made_nothing_of_the_kind_is_not_begun(setting: Any, kit: Any) -> None:
    """What it needs is named; what was done before is offered to be taken back."""
    sent = _refers(setting, kit, "endpoint_id")
    outcome = setting.repair(_approved(setting, kit).id)
    assert (outcome.result, len(sent)) == (Result.STOPPED, 1)
    assert "Step 1 did not make endpoint_id" in outcome.summary
    assert [line.state for line in outcome.steps] == [StepState.DONE, StepState.SKIPPED]
    assert outcome.inverse_proposal_id


def test_a_step_that_refers_is_read_when_its_turn_comes(setting: Any, kit: Any) -> None:
    """Before the first write there is nothing yet that it could be read by."""
    _refers(setting, kit, "id")
    order: list[str] = []
    setting.world.on_read = lambda door: order.append(f"read {door}")
    setting.world.on_write = {door: lambda door=door: order.append(f"write {door}") for door in ("front", "back")}
    setting.repair(_approved(setting, kit).id)
    assert order == ["read front", "read front", "write front", "read back", "write back"]


def test_people_read_what_a_step_refers_to() -> None:
    """The words name the step as people count."""
    assert str(Made(made_by_step=0, member="resolver_endpoint_id")) == "the resolver endpoint id of step 1"


def test_a_reference_is_part_of_the_hash(setting: Any, kit: Any) -> None:
    """A plan that names another member of what a step makes is another plan."""
    _refers(setting, kit, "id")
    one = _approved(setting, kit).plan
    parameters = {**one.steps[1].parameters, "keys": [Made(made_by_step=0, member="was").as_json()]}
    assert replace(one, steps=(one.steps[0], replace(one.steps[1], parameters=parameters))).hash != one.hash


def test_a_field_that_a_step_gets_is_in_the_hash(setting: Any, kit: Any) -> None:
    """Document and hash come from the fields themselves: nobody has to remember a new one."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class FurtherStep(Step):
        reason: str = ""

    plan = _approved(setting, kit).plan
    values = {field.name: getattr(plan.steps[0], field.name) for field in fields(Step)}
    hashes = {replace(plan, steps=(FurtherStep(**values, reason=reason),)).hash for reason in ("because", "why not")}
    assert len(hashes) == 2


@pytest.mark.parametrize("when", list(When))
def test_what_must_be_done_before_lookups_answer_is_done_at_once(setting: Any, kit: Any, when: When) -> None:
    """Change, roll the pods, verify: lookups answer only after the rolling. The playbook says when, and decides."""
    setting.world.doors = {"front": False, "pods": False}
    setting.world.lookups = False
    setting.world.on_write["pods"] = lambda: setattr(setting.world, "lookups", True)
    for name, door in (("open_door", "front"), ("roll", "pods")):
        setting.fixes[name] = setting.world.fix(
            name, plan=lambda case, door=door: Planned(steps=(kit.step_for(door, case.plan_id),), blast_radius="")
        )
    setting.playbooks["doors"] = kit.playbook(
        "doors", "door_shut", kit.use_of("open_door", kit.use_of("roll", when=when))
    )
    outcome = setting.repair(_approved(setting, kit).id)
    done = when is When.AT_ONCE
    assert setting.world.writes == (["open front", "open pods"] if done else ["open front"])
    assert (outcome.result is Result.VERIFIED) is done
