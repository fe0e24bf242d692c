from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bot.domain.approvals import Choice, Decided, Proposal, ProposalState, Result
from bot.domain.changes import ChangePolicy, Freeze, GlassPolicy
from bot.domain.findings import Verdict
from bot.domain.history import Press
from bot.domain.people import Person
from bot.errors import Refused

GLASS = GlassPolicy(users=("U01",), user_groups=(), expires_after=timedelta(minutes=15))
FROZEN = ChangePolicy(
    environment="production",
    freezes=(Freeze(since=date(2000, 1, 1), until=date(2999, 1, 1), reason="sales"),),
    glass=GLASS,
)
ANA, BEN = Person(team_id="T01", user_id="U01"), Person(team_id="T01", user_id="U02")
WHY = "CoreDNS is down and nobody answers"


@pytest.fixture
def proposal(setting: Any, kit: Any) -> Proposal:
    """A pending plan for cluster-prod that ana (U01) asked for."""
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)])
    found: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    return found


@pytest.fixture
def approve(setting: Any, proposal: Proposal) -> Callable[..., Decided]:
    """A function that lets somebody press Approve, under a policy of changes."""

    def press(person: Person, changes: ChangePolicy = FROZEN) -> Decided:
        asked = Press(
            proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE, reason=""
        )
        decided: Decided = setting.use(changes={"production": changes}).gate.decide(asked)
        return decided

    return press


def test_in_a_freeze_an_approval_is_refused_and_a_rejection_is_not(
    setting: Any, proposal: Proposal, approve: Callable[..., Decided]
) -> None:
    """The refusal names the freeze, why there is one, and the way for an emergency; the plan stays pending."""
    with pytest.raises(Refused, match=r"frozen from 2000-01-01 to 2999-01-01 \(sales\).*/dns-break-glass"):
        approve(BEN)
    assert setting.history.proposal(proposal.id).state is ProposalState.PENDING
    rejected = setting.use(changes={"production": FROZEN}).gate.decide(
        Press(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=BEN, choice=Choice.REJECT, reason="no")
    )
    assert rejected.proposal.state is ProposalState.REJECTED


def test_what_was_approved_before_a_freeze_is_not_begun_in_it(
    setting: Any, proposal: Proposal, approve: Callable[..., Decided]
) -> None:
    """The times are looked at again when the plan is to be applied; nothing is written."""
    approve(BEN, replace(FROZEN, freezes=()))
    outcome = setting.use(changes={"production": FROZEN}).repairer.run(proposal.id, lambda _: None)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "is frozen" in outcome.summary


def test_who_broke_the_glass_approves_alone(setting: Any, proposal: Proposal, approve: Callable[..., Decided]) -> None:
    """Their own request, in a freeze, where two are required: it runs, and the decision says under what."""
    setting.policies["production"] = replace(setting.policies["production"], required=2)
    use = setting.use(changes={"production": FROZEN})
    glass = use.gate.break_glass(ANA, "cluster-prod", WHY)
    decided = approve(ANA)
    outcome = use.repairer.run(proposal.id, lambda _: None)
    assert decided.proposal.state is ProposalState.APPROVED
    assert decided.decision.reason == f"under break-glass {glass.number}: {WHY}"
    assert (outcome.result, len(setting.world.writes)) == (Result.VERIFIED, 1)
    assert setting.history.audit_check().well


def test_broken_glass_lets_nobody_else_through(setting: Any, approve: Callable[..., Decided]) -> None:
    """Another person's Approve is refused as before."""
    setting.use(changes={"production": FROZEN}).gate.break_glass(ANA, "cluster-prod", WHY)
    with pytest.raises(Refused, match="is frozen"):
        approve(BEN)


def test_broken_glass_ends_by_itself(setting: Any, approve: Callable[..., Decided]) -> None:
    """After its time the policy holds again."""
    short = replace(FROZEN, glass=replace(GLASS, expires_after=timedelta(seconds=-1)))
    setting.use(changes={"production": short}).gate.break_glass(ANA, "cluster-prod", WHY)
    with pytest.raises(Refused, match="somebody else must approve"):
        approve(ANA, short)


def test_a_right_that_was_taken_away_meanwhile_does_not_count(
    setting: Any, proposal: Proposal, approve: Callable[..., Decided]
) -> None:
    """Whoever may no longer break the glass when the plan is to be applied has approved nothing."""
    setting.use(changes={"production": FROZEN}).gate.break_glass(ANA, "cluster-prod", WHY)
    approve(ANA)
    others = replace(FROZEN, freezes=(), glass=replace(GLASS, users=("U09",)))
    outcome = setting.use(changes={"production": others}).repairer.run(proposal.id, lambda _: None)
    assert (outcome.result, setting.world.writes) == (Result.REFUSED, [])
    assert "not among those who may break the glass" in outcome.summary


@pytest.mark.parametrize(
    ("person", "cluster", "reason", "changes", "why"),
    [
        pytest.param(BEN, "cluster-prod", WHY, FROZEN, "not among those who may break", id="not-named"),
        pytest.param(ANA, "cluster-prod", " now ", FROZEN, "needs a reason", id="no-reason"),
        pytest.param(ANA, "cluster-prod", WHY, replace(FROZEN, glass=None), "Nobody may break", id="nobody"),
        pytest.param(Person(team_id="T01", user_id="U05"), "cluster-prod", WHY,
                     replace(FROZEN, glass=replace(GLASS, users=("U05",))), "guest", id="guest"),
        pytest.param(ANA, "nowhere", WHY, FROZEN, "Nobody may break", id="unknown-cluster"),
    ],
)  # fmt: skip
def test_the_glass_holds_against_others(
    setting: Any, person: Person, cluster: str, reason: str, changes: ChangePolicy, why: str
) -> None:
    """The reason is given, and nothing is written down."""
    gate = setting.use(changes={"production": changes}).gate
    with pytest.raises(Refused, match=why):
        gate.break_glass(person, cluster, reason)
    assert setting.history.broken_glass() == ()


def test_it_stands_open_until_somebody_else_reviews_it(setting: Any) -> None:
    """Neither who broke it, nor somebody who may not approve, nor twice."""
    gate = setting.use(changes={"production": FROZEN}).gate
    glass = gate.break_glass(ANA, "cluster-prod", WHY)
    with pytest.raises(Refused, match="You broke the glass yourself"):
        gate.review_break_glass(ANA, glass.number)
    with pytest.raises(Refused, match="may not decide on plans"):
        gate.review_break_glass(Person(team_id="T01", user_id="U04"), glass.number)
    with pytest.raises(Refused, match="There is no break-glass 99"):
        gate.review_break_glass(BEN, 99)
    gate.review_break_glass(BEN, glass.number)
    with pytest.raises(Refused, match="was reviewed by T01/U02 already"):
        gate.review_break_glass(BEN, glass.number)
    assert [one.reviewed_by for one in setting.history.broken_glass("cluster-prod")] == [BEN]


def test_a_forged_break_glass_is_none(setting: Any, approve: Callable[..., Decided]) -> None:
    """A row that somebody put into the audit table by hand lets nobody through."""
    entry = (
        '{"at":"2026-01-01T00:00:00+00:00","cluster":"cluster-prod","person":["T01","U01"],"reason":"x",'
        '"seconds":99999999999}'
    )
    with setting.history.real.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO audit (seq, kind, proposal_id, entry, seal) "
            "SELECT max(seq) + 1, 'break-glass', 'cluster:cluster-prod', ?, 'plain:00' FROM audit",
            (entry,),
        )
    assert setting.history.broken_glass() == ()
    with pytest.raises(Refused, match="somebody else must approve"):
        approve(ANA)
