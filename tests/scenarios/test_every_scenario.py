from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from bot.app import load_units, make_replayer
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.phrases import timestamp
from bot.report.diagnosis_words import diagnosis_words
from bot.report.json_report import json_report
from bot.report.terminal import diagnosis_text
from bot.sandbox.world.scenario import ByFix, ByFixThenHand
from bot.sandbox.world.scenario_catalogue import all_look_alikes, all_scenarios, find_scenario
from bot.workflow.record import read_record, record_of
from bot.workflow.replay import replay
from tests.scenarios.refutations import Seen, refutation, undeclared

CATALOGUE = load_units()
SCENARIOS = [scenario.name for scenario in all_scenarios()]
LOOK_ALIKES = [scenario.name for scenario in all_look_alikes()]
SEEDS = (1, 2, 3)
"""Of each scenario the first world is looked at; of every third another one, and where not all that follows from a
fault has shown, the others until it has. `make chaos` and the lab look at more."""
ALL, THIRD = os.environ.get("CHAOS") == "all", 3
LOOK_ALIKE_SEEDS = SEEDS[:2] if ALL else SEEDS[:1]
"""With the first each rule must show what it saw, so that it is not blind by chance."""
REPLAYER = make_replayer()
See = Callable[[str, int], Diagnosis]


def _report(diagnosis: Diagnosis) -> dict[str, Any]:
    return dict(json.loads(json.dumps(json_report(diagnosis))))


def _verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {finding["rule"]: finding["verdict"] for finding in report["findings"]}


def _may_be_unknown(collectors: tuple[str, ...]) -> set[str]:
    """Return the rules that need what one of these collectors gathers."""
    blind = {CATALOGUE.collectors[name].evidence for name in collectors}
    return {rule.name for rule in CATALOGUE.rules.values() if blind & rule.rests_on}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_diagnosis_names_exactly_what_the_scenario_says(seen: See, scenario: str) -> None:
    """Whatever the ids, addresses, node counts and rule orders: what was broken, its consequences, and nothing else.

    What looks alike is ruled out, not merely unsaid; what cannot be judged is so because of the fault.
    """
    explained: set[str] = set()
    told, wanted = find_scenario(scenario), 2 if ALL or SCENARIOS.index(scenario) % THIRD == 0 else 1
    for turn, seed in enumerate(SEEDS):
        if turn >= wanted and explained == set(told.explains):
            break
        report = _report(seen(scenario, seed))

        found, verdicts = {finding["rule"]: finding for finding in report["findings"]}, _verdicts(report)
        assert report["root_causes"] == ([told.root_cause] if told.root_cause else []), seed
        assert report["verdict"] == ("problem" if told.broken else "unknown" if told.blinds else "healthy"), seed
        assert not told.symptom or (verdicts[told.symptom], found[told.symptom]["explained_by"]) == ("problem", []), (
            seed
        )
        assert {rule: verdicts[rule] for rule in told.not_to_blame} == dict.fromkeys(told.not_to_blame, "healthy")
        assert {one["rule"] for one in report["coverage"]["unknown"]} <= _may_be_unknown(told.blinds), seed
        if isinstance(told.healed_by, ByFix | ByFixThenHand):
            assert told.healed_by.fix in {fix["fix"] for fix in found[told.root_cause]["fixes"]}, seed
        explained |= {rule for rule, finding in found.items() if told.root_cause in finding["explained_by"]}
    assert explained == set(told.explains)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_record_of_each_scenario_leads_to_the_same_report(seen: See, scenario: str) -> None:
    """Every finding, every sentence, every reading, without any cluster."""
    first = seen(scenario, SEEDS[0])

    again = replay(read_record(record_of(first, version="1.0"), name="record"), REPLAYER)

    assert again.lacks == ()
    assert again.diagnosis.findings == first.findings
    assert json_report(again.diagnosis) == json_report(first)
    assert diagnosis_text(diagnosis_words(again.diagnosis, at=timestamp)) == diagnosis_text(
        diagnosis_words(first, at=timestamp)
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", LOOK_ALIKE_SEEDS)
@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_what_only_looks_like_the_fault_is_not_blamed(seen: See, look_alike: str, seed: int) -> None:
    """The operator did something that resembles the fault and breaks nothing: no root cause, all healthy.

    Where it leaves a trace, with seed 1 for certain, the rule is not blind to it: it shows what it saw.
    """
    told, report = find_scenario(look_alike), _report(seen(look_alike, seed))

    proofs = {finding["rule"]: finding["proof"] for finding in report["findings"]}
    assert (report["root_causes"], report["verdict"]) == ([], "healthy")
    assert {_verdicts(report)[rule] for rule in told.not_to_blame} == {"healthy"}
    for rule, shown in told.weighed.items() if seed == 1 else ():
        assert any(re.search(shown, line) for line in proofs[rule]), proofs[rule]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_a_rule_declares_turns_its_verdict_and_nothing_else_that_it_only_wants_does(seen: See) -> None:
    """Each refutation that a rule declares, wherever a scenario shows the verdict, by other values of that evidence.

    Some depend on more than one thing, which no scenario shows together: the rules name those (`refuted_with_more`).
    """
    all_seen = Seen([seen(name, SEEDS[0]) for name in (*SCENARIOS, *LOOK_ALIKES)])
    pairs = [
        (rule, shown, tuple(dict.fromkeys(kind for kind, _ in refuted_by)))
        for rule in CATALOGUE.rules.values()
        for verdict, refuted_by in (
            (Verdict.PROBLEM, rule.problem_refuted_by),
            (Verdict.HEALTHY, rule.healthy_refuted_by),
        )
        if (shown := all_seen.shown(rule, verdict))
    ]

    not_turned = [
        (rule.name, shown[0].finding.verdict.value, kind.__name__)
        for rule, shown, declared in pairs
        for kind in declared
        if kind not in rule.refuted_with_more and not refutation(all_seen, shown, kind)
    ]
    turned_undeclared = [
        (rule.name, shown[0].finding.verdict.value, kind.__name__)
        for rule, shown, declared in pairs
        for kind in rule.wants
        if kind not in declared and undeclared(all_seen, shown, kind)
    ]

    assert (not_turned, turned_undeclared) == ([], [])
