"""A measure from its proposal to its undo: a dark cellar, and a lamp that lets it be seen."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.domain.approvals import Choice, Outcome, Proposal, ProposalState, Proposed, Result
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, FixOffer, Verdict
from bot.domain.people import Person
from bot.domain.plans import PlanCase, Planned

DARK = Gap(what="cellar", reason="it is dark")
OFFER = FixOffer(fix="light_lamp", parameters={}, risk="low", yields=("cellar",))


@dataclass(frozen=True)
class Water:
    """What is seen in a lit cellar."""

    deep: bool = True


@dataclass
class Cellar:
    """Sees the cellar when its lamp is lit; what it sees there can be set."""

    setting: Any
    kit: Any
    seen: Verdict = Verdict.PROBLEM
    rules: tuple[str, ...] = ("cellar_flooded",)
    changes: dict[str, Any] = field(default_factory=dict)
    """Changes to every diagnosis, for example no binding."""
    gap: Gap = DARK
    """Why the cellar is not seen while `lit` says no."""
    lit: Callable[[], bool] | None = None
    asked: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put lamp, rules and measure in place."""
        self.setting.world.doors = {"lamp": False}
        self.setting.fixes["light_lamp"] = self.setting.world.fix("light_lamp", plan=self.plan, yields=(Water,))
        measure = self.kit.use_of("light_lamp", verify=("cellar_flooded",))
        book = self.kit.playbook("cellar", "cellar_flooded")
        uses = (replace(book.findings[0], rule=rule, measures=(measure,)) for rule in ("cellar_flooded", "cellar_cold"))
        self.setting.playbooks["cellar"] = replace(book, findings=tuple(uses))

    def plan(self, case: PlanCase) -> Planned:
        """Plan to light the lamp."""
        return Planned(steps=(self.kit.step_for("lamp", case.plan_id, fix="light_lamp"),), blast_radius="One lamp.")

    def diagnosis(self) -> Diagnosis:
        """Return what is seen now."""
        lit = self.lit() if self.lit else self.setting.world.doors["lamp"]
        evidence = self.kit.collected("cellar", Water() if lit else None, gap=None if lit else self.gap)
        found: list[Finding] = [
            self.kit.finding_for(
                rule,
                self.seen if lit else Verdict.UNKNOWN,
                playbook="cellar",
                measures=() if lit or self.gap.grant else (OFFER,),
            )
            for rule in self.rules
        ]
        return self.kit.diagnosis_with(found, **{"evidence": (evidence,), "lookups_all_answer": None, **self.changes})  # type: ignore[no-any-return]

    def run(self, question: Question, *_: object) -> Diagnosis:
        """Diagnose, and remember what was asked."""
        self.asked.append(question)
        return self.diagnosis()

    def proposals(self) -> tuple[Proposal, ...]:
        """Diagnose and propose."""
        proposed: Proposed = self.setting.use().proposer.propose(self.diagnosis())
        return proposed.proposals

    def repaired(self, proposal: Proposal) -> Outcome:
        """Approve a proposal and apply it."""
        ben = Person(team_id="T01", user_id="U02")
        self.setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=ben, choice=Choice.APPROVE)
        outcome: Outcome = self.setting.repair(proposal.id, run_diagnosis=self.run)
        return outcome


@pytest.fixture
def cellar(setting: Any, kit: Any) -> Cellar:
    """A cellar that is dark, and floods unseen."""
    return Cellar(setting, kit)


def test_a_lack_becomes_a_stored_plan(cellar: Cellar) -> None:
    """An UNKNOWN finding that is offered a measure has it planned; the plan says what it gets and for which rule."""
    (proposal,) = cellar.proposals()

    assert proposal.state is ProposalState.PENDING
    assert (proposal.plan.fix, proposal.plan.yields) == ("light_lamp", ("cellar",))
    assert (proposal.plan.finding, proposal.plan.verify_rules) == ("cellar_flooded", ("cellar_flooded",))
    assert cellar.setting.history.proposal(proposal.id) == proposal


def test_rules_that_lack_the_same_evidence_share_one_measure(cellar: Cellar) -> None:
    """One lamp is enough for all who want to see; all of them must then no longer lack it."""
    cellar.rules = ("cellar_flooded", "cellar_cold")

    (proposal,) = cellar.proposals()

    assert proposal.plan.verify_rules == ("cellar_flooded", "cellar_cold")


def test_a_measure_that_is_not_offered_is_not_planned(cellar: Cellar) -> None:
    """Where a permission is missing the playbook's measure would not help, and the report offers none."""
    cellar.gap = replace(DARK, grant="cellar: enter")

    assert cellar.proposals() == ()


@pytest.mark.parametrize("seen", [Verdict.PROBLEM, Verdict.HEALTHY])
def test_it_is_verified_once_the_evidence_is_there(cellar: Cellar, seen: Verdict) -> None:
    """Whatever the rule finds then: it can decide. Lookups are not asked for."""
    cellar.seen = seen

    outcome = cellar.repaired(cellar.proposals()[0])

    assert (outcome.result, cellar.setting.world.writes) == (Result.VERIFIED, ["open lamp"])
    assert "Verified: cellar can be read now. " in outcome.summary
    assert [question.playbooks for question in cellar.asked] == [("cellar",)]


def test_its_undo_is_offered_and_takes_it_back(cellar: Cellar) -> None:
    """A measure that did its work is taken back by a plan of its own, when somebody approves that."""
    outcome = cellar.repaired(cellar.proposals()[0])
    undo = cellar.setting.history.proposal(outcome.inverse_proposal_id)

    undone = cellar.repaired(undo)

    assert (undone.result, undone.inverse_proposal_id) == (Result.VERIFIED, "")
    assert cellar.setting.world.doors == {"lamp": False}
    assert "(cellar) can no longer be read" in undo.plan.blast_radius
    assert undo.plan.yields == ()


@pytest.mark.parametrize(
    ("changes", "result", "says"),
    [
        ({"lit": lambda: False}, Result.NOT_VERIFIED, "the evidence is still missing. cellar_flooded: "),
        (
            {"lit": lambda: False, "gap": Gap(what="cellar", reason="locked", grant="key")},
            Result.UNVERIFIABLE,
            "cellar",
        ),
        ({"rules": ()}, Result.UNVERIFIABLE, "cellar flooded: was not checked"),
        ({"changes": {"binding": None}}, Result.UNVERIFIABLE, "which cluster this is"),
    ],
    ids=["still dark", "not allowed in", "rule is gone", "which cluster"],
)
def test_anything_less_is_not_called_success(
    cellar: Cellar, changes: dict[str, Any], result: Result, says: str
) -> None:
    """The evidence is not there, or it was not seen whether it is; the undo is offered either way."""
    (proposal,) = cellar.proposals()
    for name, value in changes.items():
        setattr(cellar, name, value)

    outcome = cellar.repaired(proposal)

    assert outcome.result is result
    assert says in outcome.summary
    assert outcome.inverse_proposal_id


def test_the_evidence_is_waited_for(cellar: Cellar) -> None:
    """What was switched on may take seconds to be seen: the third look succeeds, and no more are made."""
    (proposal,) = cellar.proposals()
    cellar.lit = lambda: len(cellar.asked) >= 3

    outcome = cellar.repaired(proposal)

    assert (outcome.result, len(cellar.asked)) == (Result.VERIFIED, 3)
