import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.approvals import Choice, Decided, Proposal, ProposalState, StepState
from bot.domain.findings import Verdict
from bot.domain.history import Press
from bot.domain.json_values import canonical
from bot.domain.people import Person
from bot.domain.plans import Advice, PlanCase, Planned, plan_document
from bot.errors import Refused

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def proposal(setting: Any, kit: Any) -> Proposal:
    """A pending plan for cluster-prod that ana (U01) asked for."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    found: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    return found


def _press(setting: Any, proposal: Proposal, user_id: str, choice: Choice = Choice.APPROVE, **named: Any) -> Decided:
    team = named.pop("team_id", "T01")
    decided: Decided = setting.decide(
        proposal_id=proposal.id,
        plan_hash=named.pop("plan_hash", proposal.plan_hash),
        person=Person(team_id=team, user_id=user_id),
        choice=choice,
        reason=named.pop("reason", ""),
    )
    return decided


@pytest.mark.parametrize("user_id", [pytest.param("U02", id="through-a-group"), pytest.param("U09", id="by-name")])
def test_those_the_policy_names_approve(setting: Any, proposal: Proposal, user_id: str) -> None:
    """A member of a named group, or a named user, approves; the plan may run."""
    decided = _press(setting, proposal, user_id)
    assert (decided.proposal.state, decided.still_needed) == (ProposalState.APPROVED, 0)
    assert (decided.decision.person.user_id, decided.decision.accepted) == (user_id, True)


@pytest.mark.parametrize(
    ("user_id", "team_id", "why"),
    [
        pytest.param("U01", "T01", "somebody else must approve", id="requester"),
        pytest.param("U04", "T01", "You may not decide", id="outsider"),
        pytest.param("U05", "T01", "guest", id="guest-in-the-group"),
        pytest.param("U06", "T01", "bot", id="bot-in-the-group"),
        pytest.param("U07", "T01", "deactivated", id="deactivated"),
        pytest.param("U08", "T01", "another workspace", id="stranger-with-our-team-id"),
        pytest.param("U08", "T99", "workspace that this bot serves", id="stranger"),
        pytest.param("U02", "T99", "workspace that this bot serves", id="same-user-id-elsewhere"),
    ],
)
def test_nobody_else_approves(setting: Any, proposal: Proposal, user_id: str, team_id: str, why: str) -> None:
    """The reason is given, the press is recorded, the proposal stays pending."""
    with pytest.raises(Refused, match=why):
        _press(setting, proposal, user_id, team_id=team_id)
    stored = setting.history.proposal(proposal.id)
    assert stored.state is ProposalState.PENDING
    assert [(one.person.user_id, one.accepted) for one in stored.decisions] == [(user_id, False)]
    assert why in stored.decisions[0].reason


@pytest.mark.parametrize("user_id", ["U05", "U06", "U07", "U08"])
def test_a_doubtful_account_may_not_even_reject_what_it_asked_for(setting: Any, kit: Any, user_id: str) -> None:
    """Withdrawing one's own request takes a regular account too."""
    asked_by = Person(team_id="T01", user_id=user_id)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], asked_by=asked_by)
    own = setting.use().proposer.propose(diagnosis).proposals[0]
    with pytest.raises(Refused, match="may not decide"):
        _press(setting, own, user_id, Choice.REJECT, reason="no")


@pytest.mark.parametrize("team_id", ["T77", ""])
def test_a_requester_is_the_same_person_whatever_team_the_way_in_named(setting: Any, kit: Any, team_id: str) -> None:
    """Who asked is compared by user: the ids are the same in all teams of an organisation."""
    asked_by = Person(team_id=team_id, user_id="U02")
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], asked_by=asked_by)
    own = setting.use().proposer.propose(diagnosis).proposals[0]

    with pytest.raises(Refused, match="somebody else must approve"):
        _press(setting, own, "U02")
    assert _press(setting, own, "U02", Choice.REJECT, reason="mine").proposal.state is ProposalState.REJECTED


def test_the_requester_may_approve_where_the_policy_says_so(setting: Any, kit: Any) -> None:
    """`requester_may_approve` of the cluster's own environment decides."""
    diagnosis = kit.diagnosis_with(
        [kit.finding_for("door_shut", Verdict.PROBLEM)], target=setting.targets["cluster-test"]
    )
    own = setting.use().proposer.propose(diagnosis).proposals[0]
    assert _press(setting, own, "U01").proposal.state is ProposalState.APPROVED


def test_the_requester_may_always_withdraw(setting: Any, proposal: Proposal) -> None:
    """Whoever asked may reject, though not approve."""
    decided = _press(setting, proposal, "U01", Choice.REJECT, reason="wrong cluster")
    assert (decided.proposal.state, decided.decision.reason) == (ProposalState.REJECTED, "wrong cluster")


def test_an_outsider_may_not_reject(setting: Any, proposal: Proposal) -> None:
    """Stopping a repair is a decision as well."""
    with pytest.raises(Refused, match="You may not decide"):
        _press(setting, proposal, "U04", Choice.REJECT, reason="I do not like it")


def test_a_rejection_needs_a_reason(setting: Any, proposal: Proposal) -> None:
    """Blanks are no reason."""
    with pytest.raises(Refused, match="needs a reason"):
        _press(setting, proposal, "U02", Choice.REJECT, reason="  ")


def test_a_secret_in_a_reason_is_not_kept(setting: Any, proposal: Proposal) -> None:
    """What people type is redacted like everything else that is stored."""
    _press(setting, proposal, "U02", Choice.REJECT, reason="use password=hunter2hunter2 instead")
    assert "hunter2" not in setting.history.proposal(proposal.id).decisions[0].reason


@pytest.mark.parametrize("which", ["down", "groups_down"])
def test_a_look_up_that_fails_is_a_refusal(setting: Any, proposal: Proposal, which: str) -> None:
    """Nobody is entitled by default: neither without users.info nor without the group's members."""
    setattr(setting.directory, which, True)
    with pytest.raises(Refused, match="Try again later"):
        _press(setting, proposal, "U02")
    assert setting.history.proposal(proposal.id).state is ProposalState.PENDING


def test_a_directory_that_answers_about_somebody_else_is_not_believed(setting: Any, proposal: Proposal) -> None:
    """The standing must be that of the person who pressed."""
    setting.directory.standings["U02"] = setting.directory.standings["U03"]
    with pytest.raises(Refused, match="not the account that was looked up"):
        _press(setting, proposal, "U02")


def test_without_a_workspace_nobody_may_approve(setting: Any, proposal: Proposal) -> None:
    """On the command line there is no Slack, and no approval."""
    press = Press(
        proposal_id=proposal.id,
        plan_hash=proposal.plan_hash,
        person=Person(team_id="", user_id="U02"),
        choice=Choice.APPROVE,
    )
    with pytest.raises(Refused, match="workspace"):
        setting.use(team_id="").gate.decide(press)


def test_two_people_where_two_are_required(setting: Any, kit: Any) -> None:
    """The first press leaves one to go; the same person again does not count; the second person completes it."""
    setting.policies["production"] = replace(setting.policies["production"], required=2)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    two = setting.use().proposer.propose(diagnosis).proposals[0]
    first = _press(setting, two, "U02")
    with pytest.raises(Refused, match="one decision a person"):
        _press(setting, two, "U02")
    second = _press(setting, two, "U03")
    assert (first.still_needed, first.proposal.state) == (1, ProposalState.PENDING)
    assert (second.still_needed, second.proposal.state) == (0, ProposalState.APPROVED)


def test_a_second_click_is_told_who_decided(setting: Any, proposal: Proposal) -> None:
    """By name, with what was decided; the late press is recorded."""
    _press(setting, proposal, "U02")
    with pytest.raises(Refused, match=r"Already decided by ben \(T01/U02\): approved"):
        _press(setting, proposal, "U03")
    assert [one.accepted for one in setting.history.proposal(proposal.id).decisions] == [True, False]


def test_one_reject_ends_it(setting: Any, proposal: Proposal) -> None:
    """After a Reject nobody approves."""
    _press(setting, proposal, "U02", Choice.REJECT, reason="freeze")
    with pytest.raises(Refused, match=r"Already decided by ben .*: rejected"):
        _press(setting, proposal, "U03")


def test_a_click_after_expiry_is_refused_and_recorded(setting: Any, kit: Any) -> None:
    """By the database's clock, swept or not."""
    setting.policies["production"] = replace(setting.policies["production"], expires_after=kit.soon)
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    late = setting.use().proposer.propose(diagnosis).proposals[0]
    time.sleep(0.08)
    with pytest.raises(Refused, match="expired"):
        _press(setting, late, "U02")
    assert [one.accepted for one in setting.history.proposal(late.id).decisions] == [False]
    assert [one.id for one in setting.history.expire()] == [late.id]


def test_a_plan_without_a_writer_cannot_be_approved(setting: Any, kit: Any) -> None:
    """No button is shown, and a forged press on it is refused."""
    diagnosis = kit.diagnosis_with(
        [kit.finding_for("door_shut", Verdict.PROBLEM)], target=setting.targets["cluster-read"]
    )
    shown = setting.use().proposer.propose(diagnosis).proposals[0]
    with pytest.raises(Refused, match="writer_role_arn"):
        _press(setting, shown, "U02")


def test_an_unknown_plan_is_refused(setting: Any, proposal: Proposal) -> None:
    """An id that was never stored says so."""
    with pytest.raises(Refused, match="There is no plan"):
        _press(setting, replace(proposal, id="nowhere"), "U02")


def test_a_stricter_policy_holds_for_pending_plans(setting: Any, proposal: Proposal) -> None:
    """Whoever is no longer named may not approve what was proposed before; a higher count holds at once."""
    setting.policies["production"] = replace(
        setting.policies["production"], user_groups=(), users=("U09", "U03"), required=2
    )
    with pytest.raises(Refused, match="You may not decide"):
        _press(setting, proposal, "U02")
    with pytest.raises(Refused, match="You may not decide"):
        _press(setting, replace(proposal), "U04")
    assert _press(setting, proposal, "U09").still_needed == 1


def test_a_looser_policy_does_not_hold_for_pending_plans(setting: Any, proposal: Proposal) -> None:
    """Whoever was not named when the plan was proposed does not approve it."""
    setting.policies["production"] = replace(setting.policies["production"], users=("U04",), requester_may_approve=True)
    for user_id in ("U01", "U04"):
        with pytest.raises(Refused):
            _press(setting, proposal, user_id)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, (*path, index))]
    return [path]


def _mutated(document: Any, path: tuple[Any, ...]) -> Any:
    changed = _copy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = (not old) if isinstance(old, bool) else (old + 1 if isinstance(old, int) else f"{old}x")
    if path[-1] in _OTHER_WORDS:
        place[path[-1]] = _OTHER_WORDS[path[-1]]
    if isinstance(old, list):
        place[path[-1]] = ["x"]
    return changed


_OTHER_WORDS = {"writer": "kubernetes", "when": "lookups_answer"}
"""Another valid value of the fields that are enums."""


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def test_every_leaf_of_a_stored_plan_is_covered_by_its_hash(setting: Any, proposal: Proposal) -> None:
    """Change any one value in the database and the press is refused: what was shown is what runs."""
    document = _copy(plan_document(proposal.plan))
    paths = _leaves(document)
    assert len(paths) > 25
    for path in paths:
        text = canonical(_mutated(document, path))
        with setting.history.real.database.writing() as connection:
            connection.exec_driver_sql("UPDATE proposals SET plan = ?", (text,))
        with pytest.raises(Refused, match="hash differs"):
            _press(setting, proposal, "U02")
    assert setting.history.proposal(proposal.id).state is ProposalState.PENDING


def test_a_button_with_another_hash_is_refused(setting: Any, proposal: Proposal) -> None:
    """A press that carries the hash of something else does not count."""
    with pytest.raises(Refused, match="another version"):
        _press(setting, proposal, "U02", plan_hash="0" * 64)


def test_of_many_entitled_people_clicking_at_once_one_decides(setting: Any, kit: Any) -> None:
    """Six people, a barrier, twenty rounds: one effect each, the others are told who decided."""
    use = setting.use()
    for number in range(20):
        finding = kit.finding_for("door_shut", Verdict.PROBLEM)
        doors = kit.doors(open=((f"d{number}", False),))
        diagnosis = kit.diagnosis_with([finding], evidence=(kit.collected("doors", doors),))
        proposal = use.proposer.propose(diagnosis).proposals[0]
        barrier = threading.Barrier(6)
        people = ["U02", "U03", "U09", "U02", "U03", "U09"]

        def click(user_id: str, proposal: Proposal = proposal, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            try:
                _press(setting, proposal, user_id)
            except Refused as refusal:
                return str(refusal)
            return "taken"

        with ThreadPoolExecutor(max_workers=6) as pool:
            answers = list(pool.map(click, people))
        assert answers.count("taken") == 1
        assert all(one == "taken" or one.startswith(("Already decided by", "You have")) for one in answers)


def test_a_forged_approval_neither_counts_nor_runs(setting: Any, proposal: Proposal) -> None:
    """A row that somebody put into the database is refused when the plan is to be applied, and the refusal says so."""
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO decisions (proposal_id, team_id, user_id, choice, accepted, reason, decided_at) "
            "SELECT id, 'T01', 'U02', 'approve', true, '', created_at FROM proposals"
        )
        connection.exec_driver_sql("UPDATE proposals SET state = 'approved', apply_before = '2999-01-01 00:00:00'")
    use = setting.use()
    outcome = use.repairer.run(proposal.id, lambda _: None)
    assert "0 of the 1 approvals needed still counted" in outcome.summary
    assert "the audit chain does not" in outcome.summary
    assert setting.world.writes == []


def test_a_plan_whose_requester_was_changed_is_not_decided(setting: Any, proposal: Proposal) -> None:
    """Who asked may not become somebody else in the database, so that they may approve: the press is refused."""
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE proposals SET requested_user_id = 'U03'")
    with pytest.raises(Refused, match="requested by is not what the audit chain says"):
        _press(setting, proposal, "U02")


def test_a_plan_whose_requester_was_changed_after_its_approval_is_not_run(setting: Any, proposal: Proposal) -> None:
    """What is stored is compared with the chain once more when the plan is to be applied; nothing is written."""
    _press(setting, proposal, "U02")
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE proposals SET requested_user_id = 'U03'")
    outcome = setting.use().repairer.run(proposal.id, lambda _: None)
    assert "requested by is not what the audit chain says" in outcome.summary
    assert setting.world.writes == []


@pytest.fixture
def choice(setting: Any, kit: Any) -> Proposal:
    """A pending choice of two plans, the second of which opens the back door."""
    wide = replace(kit.use_of("open_back"), title="Open the back door", speaks_for="It is wider.")
    narrow = replace(kit.use_of("open_door"), title="Open the front door", speaks_for="It is the narrowest.")
    setting.world.doors["back"] = False

    def open_back(case: PlanCase) -> Planned:
        return Planned(steps=(replace(kit.step_for("back", case.plan_id), fix="open_back"),), blast_radius="")

    setting.fixes["open_back"] = setting.world.fix("open_back", plan=open_back)
    setting.playbooks["doors"] = kit.playbook("doors", "door_shut", replace(narrow, alternatives=(wide,)))
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    found: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    return found


def test_one_finding_gives_one_proposal_with_its_alternatives(choice: Proposal) -> None:
    """The plans share their id, differ in hash, and each bears its own title and what speaks for it."""
    plans = (choice.plan, *choice.alternatives)
    assert [one.title for one in plans] == ["Open the front door", "Open the back door"]
    assert [one.speaks_for for one in plans] == ["It is the narrowest.", "It is wider."]
    assert {one.id for one in plans} == {choice.id}
    assert len({one.hash for one in plans}) == 2


def test_the_alternative_that_was_approved_is_what_runs(setting: Any, choice: Proposal) -> None:
    """Its steps alone are run, and whoever is late for the other one is told which one it was."""
    decided = _press(setting, choice, "U02", plan_hash=choice.alternatives[0].hash)
    with pytest.raises(Refused, match="approved “Open the back door”"):
        _press(setting, choice, "U03")
    outcome = setting.repair(choice.id)
    assert decided.proposal.plan.title == "Open the back door"
    assert [one.state for one in outcome.steps] == [StepState.DONE]
    assert setting.world.writes == ["open back"]


def test_an_approval_does_not_count_for_the_other_plan(setting: Any, choice: Proposal) -> None:
    """Who changes in the database which plan was chosen has no approval for it: nothing is run."""
    _press(setting, choice, "U02")
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE proposals SET chosen_hash = ?", (choice.alternatives[0].hash,))
    outcome = setting.use().repairer.run(choice.id, lambda _: None)
    assert "0 of the 1 approvals needed still counted" in outcome.summary
    assert setting.world.writes == []


def test_an_alternative_that_cannot_be_planned_leaves_one_plan(setting: Any, kit: Any, choice: Proposal) -> None:
    """It is said why; the plan that is left is not told as one of several."""
    setting.fixes["open_back"] = setting.world.fix("open_back", plan=lambda _: Advice(reason="It has no handle."))
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    proposed = setting.use().proposer.propose(diagnosis)
    assert [one.title for one in proposed.not_offered] == ["Open the back door"]
    assert (proposed.proposals[0].alternatives, proposed.proposals[0].plan.speaks_for) == ((), "")
    assert setting.history.proposal(choice.id).state is ProposalState.EXPIRED


def test_only_approve_makes_approved_plans() -> None:
    """The constructor stands in one module of the program."""
    modules = [path for path in (ROOT / "bot").rglob("*.py") if "ApprovedPlan(" in path.read_text(encoding="utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in modules] == ["bot/workflow/approve.py"]


def test_a_check_takes_nothing_and_records_what_it_refuses(setting: Any, proposal: Proposal) -> None:
    """Whoever may decide passes without a reason yet; who may not is refused, and that stands in the history."""
    press = Press(
        proposal_id=proposal.id,
        plan_hash=proposal.plan_hash,
        person=Person(team_id="T01", user_id="U02"),
        choice=Choice.REJECT,
    )
    gate = setting.use().gate
    gate.check(press)
    with pytest.raises(Refused, match="You may not decide"):
        gate.check(replace(press, person=Person(team_id="T01", user_id="U04")))

    stored = setting.history.proposal(proposal.id)
    assert stored.state is ProposalState.PENDING
    assert [(one.person.user_id, one.accepted) for one in stored.decisions] == [("U04", False)]
