from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, FixOffer, Judgement, Kind, Severity, Verdict, unknown
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.errors import EvidenceUnavailable
from bot.workflow.catalogue import Catalogue
from bot.workflow.diagnose import Diagnoser, kept
from bot.workflow.load_playbook import load_playbooks

OFFER = FixOffer(fix="dig", parameters={}, risk="low", yields=("soil",), title="dig")
DEEP = Gap(what="the deep soil", reason="too deep")
LIGHT = Gap(what="the light", reason="the lamp is off", off=True)
NO_LAMP = replace(LIGHT, setting="lamp")


@dataclass(frozen=True)
class Garden:
    """Diagnoses a garden whose playbook allows to dig where the soil could not be read."""

    file: Path
    target: ClusterTarget
    sources: Callable[..., Any]

    def soil_finding(self, catalogue: Catalogue, answer: Callable[[], Any]) -> Finding:
        """Return what is said of the soil when the reader answers so."""
        return next(finding for finding in self.findings(catalogue, answer) if finding.rule == "soil_dry")

    def findings(self, catalogue: Catalogue, answer: Callable[[], Any], *playbooks: str) -> tuple[Finding, ...]:
        """Return all that is said, in a diagnosis that names these playbooks."""
        diagnoser = Diagnoser(
            catalogue=catalogue,
            playbooks=load_playbooks([self.file], catalogue, ("diagnose",)),
            targets={"cluster-prod": self.target},
            open_sources=lambda _: self.sources(answer),
        )
        return diagnoser.run(Question(cluster="cluster-prod", playbooks=playbooks)).findings


@pytest.fixture
def garden(tmp_path: Path, garden_yaml: str, target: ClusterTarget, sources: Callable[..., Any]) -> Garden:
    """A garden with a measure."""
    file = tmp_path / "garden.yaml"
    threshold = "    with: {at_least: 2}\n"
    measure = f"{threshold}    measures: [{{measure: dig, risk: low}}]\n"
    file.write_text(garden_yaml.replace(threshold, measure))
    return Garden(file, target, sources)


def not_dug() -> Any:
    """Answer that the soil cannot be seen."""
    raise EvidenceUnavailable("nobody has dug yet")


def test_rule_that_lacks_evidence_is_offered_the_measure_that_gets_it(garden: Garden, catalogue: Catalogue) -> None:
    """UNKNOWN for want of the soil: the playbook's measure is offered and says what it yields."""
    finding = garden.soil_finding(catalogue, not_dug)

    assert (finding.verdict, finding.measures, finding.fixes) == (Verdict.UNKNOWN, (OFFER,), ())
    assert finding.judgement.missing == (Gap(what="soil", reason="nobody has dug yet"),)


@pytest.mark.parametrize("text", ["wet", "dry"])
def test_rule_that_decides_is_offered_no_measure(garden: Garden, catalogue: Catalogue, text: str) -> None:
    """HEALTHY or PROBLEM: the evidence is there."""
    assert garden.soil_finding(catalogue, lambda: {"text": text}).measures == ()


def test_missing_permission_is_no_case_for_a_measure(
    garden: Garden, catalogue: Catalogue, denied: Callable[[], Any]
) -> None:
    """What is refused needs a grant; changing the cluster would not show it."""
    finding = garden.soil_finding(catalogue, denied)

    assert (finding.verdict, finding.measures) == (Verdict.UNKNOWN, ())


@pytest.mark.parametrize(
    ("judgement", "offers"),
    [
        (unknown("Cannot tell.", DEEP), (OFFER,)),
        (unknown("Cannot tell.", Gap(what="the season", reason="no calendar")), ()),
        (Judgement(verdict=Verdict.PROBLEM, summary="Dry above.", missing=(DEEP,)), ()),
        (Judgement(verdict=Verdict.PROBLEM, summary="Dry above.", missing=(DEEP, LIGHT)), (OFFER,)),
        (Judgement(verdict=Verdict.PROBLEM, summary="Dry above.", missing=(NO_LAMP,)), ()),
        (Judgement(verdict=Verdict.HEALTHY, summary="Wet above.", missing=(LIGHT,)), ()),
    ],
    ids=["gap of the evidence", "gap of the rule's own", "a problem all the same", "a problem that light says more of",
         "light that needs a setting", "well all the same"],
)  # fmt: skip
def test_gap_in_a_part_counts_where_the_rule_could_not_decide_for_it(
    garden: Garden, catalogue: Catalogue, judgement: Judgement, offers: tuple[FixOffer, ...]
) -> None:
    """A rule that hands on the evidence's own gap lacks that evidence; one that decides, or lacks another, does not.

    A problem is offered what is usually off and would say more of it.
    """
    soil = catalogue.collectors["soil"]

    @dataclass(frozen=True, slots=True, kw_only=True)
    class PartOfSoil(soil.evidence):  # type: ignore[misc, name-defined]  # the garden's own class
        gaps: tuple[Gap, ...] = (DEEP, LIGHT, NO_LAMP)

    units = replace(
        catalogue,
        collectors={**catalogue.collectors, "soil": replace(soil, collect=lambda _: PartOfSoil(text="wet"))},
        rules={**catalogue.rules, "soil_dry": replace(catalogue.rules["soil_dry"], judge=lambda _: judgement)},
    )

    assert garden.soil_finding(units, dict).measures == offers


@pytest.mark.parametrize(
    ("judgement", "named", "said"),
    [
        (unknown("Cannot tell.", LIGHT), (), False),
        (unknown("Cannot tell.", LIGHT), ("garden",), True),
        (unknown("Cannot tell.", LIGHT, DEEP), (), True),
        (Judgement(verdict=Verdict.PROBLEM, summary="Dry.", missing=(LIGHT,)), (), True),
    ],
    ids=["nobody asked", "its playbook was named", "something else is missing", "a problem all the same"],
)
def test_rule_that_lacks_only_what_is_usually_off_is_left_out_unless_asked_for(
    garden: Garden,
    catalogue: Catalogue,
    judgement: Judgement,
    named: tuple[str, ...],
    said: bool,  # noqa: FBT001
) -> None:
    """A log that is off in every cluster makes no diagnosis UNKNOWN; who names the playbook is told."""
    rule = replace(catalogue.rules["soil_dry"], judge=lambda _: judgement)
    units = replace(catalogue, rules={**catalogue.rules, "soil_dry": rule})

    assert ("soil_dry" in {one.rule for one in garden.findings(units, dict, *named)}) is said


def found(rule: str, judgement: Judgement, kind: Kind = Kind.CAUSE) -> Finding:
    """Return what a rule says."""
    return Finding(rule=rule, title=rule, kind=kind, playbook="garden", severity=Severity.WARNING, judgement=judgement)


FAILING = Lookup(
    client=Client(node="a", kind=ClientKind.POD, pod="shop/web"),
    server="172.20.0.10",
    through_service=True,
    transport=Transport.UDP,
    external=True,
    name="amazon.com.",
    answer=Answer.TIMED_OUT,
)
WITHERED = found("withered", Judgement(verdict=Verdict.PROBLEM, summary="Withers.", failing=(FAILING,)), Kind.SYMPTOM)
DARK = found("dark", unknown("Cannot tell.", LIGHT))


@pytest.mark.parametrize(
    ("others", "asked", "said"),
    [
        ((), Question(cluster="c"), False),
        ((), Question(cluster="c", command="log"), True),
        ((WITHERED,), Question(cluster="c"), True),
        (
            (WITHERED, found("drought", Judgement(verdict=Verdict.PROBLEM, summary="Dry."))),
            Question(cluster="c"),
            False,
        ),
        (
            (found("asked", replace(WITHERED.judgement, only_asked=True), Kind.SYMPTOM),),
            Question(cluster="c"),
            False,
        ),
    ],
    ids=["all is well", "asked by its command", "no known cause", "a cause is known", "only what was asked about"],
)
def test_what_is_usually_off_is_offered_where_it_may_help(
    others: tuple[Finding, ...],
    asked: Question,
    said: bool,  # noqa: FBT001  # a table
) -> None:
    """By the command that asks for it, and where lookups fail and nobody knows why; not beside a known cause."""
    assert (DARK in kept([DARK, *others], asked)) is said
