from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal, Result, StepState
from bot.domain.findings import Verdict
from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.domain.plans import PlanCase, Planned, Step, Writing
from bot.errors import EvidenceUnavailable, WriteFailed
from bot.report.plan_words import journal_line
from bot.workflow.undo import undoable


@pytest.fixture
def applied(setting: Any, kit: Any) -> Proposal:
    """A plan that opened the front door for half an hour."""

    def plan(case: PlanCase) -> Planned:
        step = kit.step_for("front", case.plan_id)
        return Planned(steps=(replace(step, ends_after_seconds=1800),), blast_radius="")

    setting.fixes["open_door"] = setting.world.fix("open_door", plan=plan)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposal: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    assert setting.repair(proposal.id).result is Result.VERIFIED
    return proposal


def _time_passes(setting: Any) -> None:
    _change(setting, "UPDATE endings SET due_at = '2026-01-01 00:00:00.000000'")


def _due(setting: Any) -> list[str]:
    return [job.ids["proposal_id"] for job in setting.history.due() if job.kind == "end_change"]


def _end(setting: Any, owner: str = "another") -> None:
    setting.use(holder=setting.holder(owner)).ender.run(_due(setting)[0], lambda _: None)


def _change(setting: Any, statement: str) -> None:
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql(statement)


def test_a_change_is_taken_back_when_its_time_is_over(setting: Any, applied: Proposal) -> None:
    """By whichever process is there, once; what becomes of it stands in the plan's story."""
    before = _due(setting)
    _time_passes(setting)
    due = _due(setting)
    _end(setting)
    story = setting.history.story(applied.id)
    assert (before, due, _due(setting)) == ([], [applied.id], [])
    assert setting.world.writes == ["open front", "shut front"]
    assert [(line.index, line.state) for line in story.journal] == [(0, StepState.DONE), (1, StepState.DONE)]
    assert (story.endings[0].note, story.endings[0].ended_at is not None) == ("", True)
    assert story.outcome.result is Result.VERIFIED


def test_what_others_changed_meanwhile_is_left_alone(setting: Any, applied: Proposal) -> None:
    """Somebody shut the door: it is as it was before the plan, and nothing is written."""
    setting.world.doors["front"] = False
    _time_passes(setting)
    _end(setting)
    ending = setting.history.story(applied.id).endings[0]
    assert (setting.world.writes, ending.note) == (["open front"], "")
    assert _due(setting) == []


def test_an_end_that_is_refused_says_why_and_is_not_tried_again(setting: Any, applied: Proposal) -> None:
    """A person has to look: the story says what came back."""

    def refuse() -> None:
        raise WriteFailed("UnauthorizedOperation: no")

    setting.world.on_write["front"] = refuse
    _time_passes(setting)
    _end(setting)
    assert "It was not taken back. Step 2 (door front) failed: UnauthorizedOperation" in (
        setting.history.story(applied.id).endings[0].note
    )
    assert _due(setting) == []


def test_an_end_that_cannot_be_looked_at_is_tried_again(setting: Any, applied: Proposal) -> None:
    """The API is away: nothing is claimed, why is said, the cluster is let go, and later it is due once more."""

    def blind(_: str) -> None:
        raise EvidenceUnavailable("503")

    setting.world.on_read = blind
    _time_passes(setting)
    _end(setting)
    at_once, late = _due(setting), setting.history.late_endings()
    setting.world.on_read = lambda _: None
    _time_passes(setting)
    _end(setting)
    assert at_once == []
    assert [(one.proposal_id, one.cluster, one.index, one.note) for one in late] == [
        (applied.id, "cluster-prod", 0, "door front could not be read: 503")
    ]
    assert setting.history.late_endings() == ()
    assert setting.world.writes == ["open front", "shut front"]


def _without_the_cluster(setting: Any) -> None:
    setting.targets = {name: target for name, target in setting.targets.items() if name != "cluster-prod"}


def _without_the_fix(setting: Any) -> None:
    setting.fixes = {}


def _with_an_unreadable_plan(setting: Any) -> None:
    _change(setting, "UPDATE proposals SET plan = '{\"x\":1}'")


@pytest.mark.parametrize(
    ("hinder", "why"),
    [
        pytest.param(_without_the_cluster, "cluster-prod is no longer configured", id="cluster-gone"),
        pytest.param(_without_the_fix, "has no fix open_door", id="fix-gone"),
        pytest.param(_with_an_unreadable_plan, "cannot be read in the history", id="plan-unreadable"),
    ],
)
def test_an_end_that_is_not_possible_is_said_once_and_tried_again_now_and_then(
    setting: Any, applied: Proposal, hinder: Callable[[Any], None], why: str
) -> None:
    """Not every few seconds: it is due again a minute later, and only another reason changes the card."""
    version = setting.history.story(applied.id).version
    hinder(setting)
    versions = []
    for _ in range(2):
        _time_passes(setting)
        _end(setting)
        (late,) = setting.history.late_endings()
        assert why in late.note
        assert _due(setting) == []
        with setting.history.real.database.reading() as connection:
            versions.append(connection.exec_driver_sql("SELECT version FROM proposals").scalar_one())
    assert versions == [version + 1] * 2
    assert setting.world.writes == ["open front"]


def test_an_end_of_a_process_that_is_being_stopped_is_the_next_ones_at_once(setting: Any, applied: Proposal) -> None:
    """Nothing hinders it: nobody has to wait, and nothing is said."""
    _time_passes(setting)
    holder = setting.holder("stopping", stopping=lambda: True)
    setting.use(holder=holder).ender.run(applied.id, lambda _: None)
    assert (setting.history.late_endings(), _due(setting)) == ((), [applied.id])
    _end(setting)
    assert setting.world.writes == ["open front", "shut front"]


def test_an_end_waits_while_the_cluster_is_repaired(setting: Any, kit: Any, applied: Proposal) -> None:
    """One writer a cluster: what is due is not due while another holds it."""
    setting.playbooks["other"] = kit.playbook("other", "window_shut", kit.use_of("open_door"))
    setting.world.doors["front"] = False
    finding = kit.finding_for("window_shut", Verdict.PROBLEM, playbook="other")
    other = setting.use().proposer.propose(kit.diagnosis_with([finding])).proposals[0]
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=other.id, plan_hash=other.plan_hash, person=person, choice=Choice.APPROVE)
    _time_passes(setting)
    seen: list[list[str]] = []
    setting.world.on_write["front"] = lambda: seen.append(_due(setting))
    setting.repair(other.id)
    assert seen == [[]]
    assert applied.id in _due(setting)


def test_an_end_that_a_process_did_not_live_to_see_is_seen_through_by_another(setting: Any, applied: Proposal) -> None:
    """It was taken back and nobody wrote it down: the object is as it was before, and that is enough."""

    class KilledError(BaseException):
        """The end of the process."""

    def apply(step: Step, writing: Writing) -> JsonObject:
        setting.world.apply(step, writing)
        setting.history.down = True
        raise KilledError

    setting.fixes["open_door"] = replace(setting.fixes["open_door"], apply=apply)
    _time_passes(setting)
    with pytest.raises(KilledError):
        _end(setting, "first")
    setting.history.down = False
    while_leased = _due(setting)
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE clusters SET lease_until = NULL")
    _end(setting)
    assert while_leased == []
    assert setting.world.writes == ["open front", "shut front"]
    assert setting.history.story(applied.id).endings[0].note == ""


def _killed_before_the_write(setting: Any) -> None:
    """Let a process begin the end, and be killed before it is made; its lease runs out."""

    class KilledError(BaseException):
        """The end of the process."""

    def apply(_step: Step, _writing: Writing) -> JsonObject:
        setting.history.down = True
        raise KilledError

    whole = setting.fixes["open_door"]
    setting.fixes["open_door"] = replace(whole, apply=apply)
    with pytest.raises(KilledError):
        _end(setting, "first")
    setting.fixes["open_door"] = whole
    setting.history.down = False
    _change(setting, "UPDATE clusters SET lease_until = NULL")


def test_an_end_that_was_begun_and_not_made_is_made_by_the_next(setting: Any, applied: Proposal) -> None:
    """The object is as it was right before: nothing was sent, so that it is begun anew, and written once."""
    _time_passes(setting)
    _killed_before_the_write(setting)
    _end(setting)
    story = setting.history.story(applied.id)
    assert setting.world.writes == ["open front", "shut front"]
    assert (story.endings[0].note, _due(setting)) == ("", [])
    assert [(line.index, line.state) for line in story.journal] == [
        (0, StepState.DONE),
        (1, StepState.FAILED),
        (2, StepState.DONE),
    ]
    assert list(undoable(applied.plan, story.journal, setting.fixes)) == []
    told = [journal_line(line, applied.plan.steps) for line in story.journal]
    assert [line.startswith("Undo of step 1, door front: ") for line in told] == [False, True, True]


def test_an_end_that_is_never_made_asks_a_person(setting: Any, applied: Proposal) -> None:
    """Three processes were killed in the same place: nobody tries for ever."""
    _time_passes(setting)
    for _ in range(3):
        _killed_before_the_write(setting)
    _end(setting)
    assert "look at it" in setting.history.story(applied.id).endings[0].note
    assert setting.world.writes == ["open front"]


def test_what_its_end_took_back_is_not_offered_to_be_taken_back(setting: Any, applied: Proposal) -> None:
    """The inverse of a plan holds what still stands of it."""
    _time_passes(setting)
    _end(setting)
    steps = setting.history.steps(applied.id)
    assert list(undoable(applied.plan, steps, setting.fixes)) == []
