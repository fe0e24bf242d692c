"""One human being is one person, whatever team a request names: an Enterprise Grid has one user id everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Proposal
from bot.domain.findings import Verdict
from bot.domain.history import Press
from bot.domain.people import Person
from bot.errors import Refused
from bot.slack.incoming import asked_by_command, asked_by_mention, pressed_button, submitted_modal
from tests.emptied_history import EmptiedHistory
from tests.workflow_approval.conftest import Doors, Kit, Setting, World, setting_of

OURS, OTHER = "T01", "T77"
Way = Callable[[str, str], Person]
ASKING: Mapping[str, Way] = {
    "command": lambda team, user: asked_by_command({"team_id": team, "user_id": user}).origin.person,
    "mention, user_team": lambda team, user: _mention({"user_team": team, "user": user}),
    "mention, source_team": lambda team, user: _mention({"source_team": team, "user": user}),
    "mention, team": lambda team, user: _mention({"team": team, "user": user}),
}
DECIDING: Mapping[str, Way] = {
    "button": lambda team, user: pressed_button({"user": {"id": user, "team_id": team}}).origin.person,
    "modal": lambda team, user: submitted_modal({"user": {"id": user, "team_id": team}}).origin.person,
}


def _mention(event: dict[str, Any]) -> Person:
    return asked_by_mention({"team_id": OURS, "event": event}).origin.person


@pytest.fixture
def setting(kept_history: EmptiedHistory) -> Setting:
    """Doors, people and an empty history."""
    return setting_of(World(), kept_history.emptied({"doors": Doors}))


def _proposed(setting: Setting, asked_by: Person) -> Proposal:
    diagnosis = Kit().diagnosis_with([Kit().finding_for("door_shut", Verdict.PROBLEM)], asked_by=asked_by)
    return setting.use().proposer.propose(diagnosis).proposals[0]


def _press(proposal: Proposal, person: Person, choice: Choice = Choice.APPROVE) -> Press:
    return Press(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=choice, reason="no")


@pytest.mark.parametrize("team", [OURS, OTHER])
@pytest.mark.parametrize("asks", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("decides", DECIDING.values(), ids=DECIDING)
def test_who_asked_may_not_approve_whatever_team_the_request_named(
    setting: Setting, asks: Way, decides: Way, team: str
) -> None:
    """U02 is among the approvers; asked for by any way in, the plan is somebody else's to approve."""
    proposal = _proposed(setting, asks(team, "U02"))

    with pytest.raises(Refused, match="somebody else must approve"):
        setting.use().gate.decide(_press(proposal, decides(OURS, "U02")))

    assert setting.use().gate.decide(_press(proposal, decides(OURS, "U02"), Choice.REJECT)).decision.accepted


@pytest.mark.parametrize("first", DECIDING.values(), ids=DECIDING)
@pytest.mark.parametrize("second", DECIDING.values(), ids=DECIDING)
@pytest.mark.parametrize("team", [OURS, OTHER])
def test_one_person_decides_once_whatever_team_the_press_named(
    setting: Setting, first: Way, second: Way, team: str
) -> None:
    """Two approvals are needed: one person is one of them, by whichever way in they press."""
    setting.policies["production"] = replace(setting.policies["production"], required=2)
    proposal = _proposed(setting, Person(team_id=OURS, user_id="U01"))
    setting.use().gate.decide(_press(proposal, first(OURS, "U02")))

    with pytest.raises(Refused):
        setting.use().gate.decide(_press(proposal, second(team, "U02")))

    assert [one.accepted for one in setting.history.proposal(proposal.id).decisions].count(True) == 1


def test_the_history_counts_one_person_once_even_where_the_gate_did_not(setting: Setting) -> None:
    """The row itself takes no second press of one user id."""
    proposal = _proposed(setting, Person(team_id=OURS, user_id="U01"))
    taken = [
        setting.history.take(_press(proposal, Person(team_id=team, user_id="U02")), required=2)
        for team in (OURS, OTHER)
    ]

    assert [one.value for one in taken] == ["taken", "repeated"]
