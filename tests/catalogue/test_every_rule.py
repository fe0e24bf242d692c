"""Each rule of the catalogue, judged on one healthy world: what all collectors gather in the simulated one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from bot.app import SourceBook, load_units, make_diagnoser, shipped_playbooks
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Rule, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.errors import EvidenceUnavailable
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.world import CLUSTER
from bot.settings.load import load_settings
from tests.environment import environment

CATALOGUE = load_units()
RULES = CATALOGUE.rules
PLAYBOOKS = shipped_playbooks(CATALOGUE)
AFTER_A_MEASURE = {use.rule for playbook in PLAYBOOKS.values() for use in playbook.findings if use.measures}
"""Rules that may lack what a measure would show: by itself a healthy world does not show it."""
JUDGED = {name: rule for name, rule in RULES.items() if name not in AFTER_A_MEASURE}
RESTS_ON = [(rule, kind) for rule in RULES.values() for kind in sorted(rule.rests_on, key=lambda one: one.__name__)]
GRANT = "pods/log: get"
TELLS_ITSELF = {LookupMatrix, SecurityGroupRules}
"""Evidence that shows in cells, or lists without entries, what was not read: a gap only says why."""


@dataclass(frozen=True)
class Healthy:
    """A healthy world as evidence, to be judged with parts of it replaced."""

    diagnosis: Diagnosis

    @property
    def evidence(self) -> Mapping[type, Any]:
        """What was gathered, by class: the value, or the gap in its place."""
        classes = {name: collector.evidence for name, collector in CATALOGUE.collectors.items()}
        return {classes[one.collector]: one.gap or one.value for one in self.diagnosis.evidence}

    def judge(self, rule: Rule, changed: Mapping[type, object]) -> Judgement:
        """Judge it with these values, or gaps, in the places of what was gathered."""
        evidence = {needed: changed.get(needed, self.evidence[needed]) for needed in rule.inputs}
        now, thresholds = self.diagnosis.started_at, rule.thresholds()
        case = Case(target=self.diagnosis.target, collected_at=now, thresholds=thresholds, evidence=evidence)
        return rule.judge(case)


@pytest.fixture(scope="module")
def healthy(far_ends: RunningWorld) -> Iterator[Healthy]:
    """Gather everything once in the world in which nothing is wrong."""
    far_ends.restart(scenario="healthy", seed=2)
    settings = load_settings(far_ends.directory / "dnsbot.yaml", {})
    with environment(far_ends.environment):
        sources = SourceBook(settings)
        yield Healthy(make_diagnoser(settings, sources).run(Question(cluster=CLUSTER, playbooks=tuple(PLAYBOOKS))))
        sources.close()


def test_no_two_rules_check_the_same() -> None:
    """Each has words of its own for what it looks at, which do not state the fault."""
    checks = [rule.check for rule in RULES.values()]

    assert len(set(checks)) == len(checks)
    assert "" not in checks
    assert {rule.title for rule in RULES.values()}.isdisjoint(checks)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_what_would_contradict_it(rule: Rule) -> None:
    """Its PROBLEM and its HEALTHY alike, by evidence that it may look at: it asks that before it says either."""
    for refuted_by in (rule.problem_refuted_by, rule.healthy_refuted_by):
        assert refuted_by
        assert {evidence for evidence, _ in refuted_by} <= set(rule.inputs)
        assert all(what and what[0].islower() and what[-1] not in ".;" for _, what in refuted_by)
    contradict = {evidence for evidence, _ in rule.healthy_refuted_by}
    assert contradict - set(rule.needs) >= set(rule.decides_without)  # what it needs it cannot decide without


@pytest.mark.parametrize("rule", JUDGED.values(), ids=JUDGED)
def test_a_healthy_world_is_healthy(healthy: Healthy, rule: Rule) -> None:
    """Nothing is wrong: HEALTHY, with nothing missing but what is usually switched off."""
    judgement = healthy.judge(rule, {})

    if judgement.missing and all(gap.off for gap in judgement.missing):
        assert judgement.verdict is Verdict.UNKNOWN
        return
    assert judgement.verdict is Verdict.HEALTHY, judgement.summary
    assert judgement.missing == ()


@pytest.mark.parametrize(
    ("rule", "needed"), RESTS_ON, ids=[f"{rule.name}-without-{needed.__name__}" for rule, needed in RESTS_ON]
)
def test_evidence_that_could_not_be_gathered_never_reads_as_healthy(healthy: Healthy, rule: Rule, needed: type) -> None:
    """Each rule without each of its evidence: not HEALTHY, and the grant is carried or the need raised.

    What would contradict a rule cannot where there is nothing for it to check.
    """
    gap = Gap(what=needed.__name__, reason="403 Forbidden", grant=GRANT)
    try:
        judgement = healthy.judge(rule, {needed: gap})
    except EvidenceUnavailable as error:
        assert error.grant == GRANT  # `need` raises; diagnosis makes it UNKNOWN
        return
    if needed in rule.wants and judgement.nothing_to_check:
        return
    assert judgement.verdict is Verdict.UNKNOWN
    assert GRANT in {one.grant for one in judgement.missing}


PARTS = [
    (rule, needed)
    for rule in RULES.values()
    for needed in rule.needs
    if needed not in TELLS_ITSELF and "gaps" in {member.name for member in fields(needed)}
]


@pytest.mark.parametrize(
    ("rule", "needed"), PARTS, ids=[f"{rule.name}-part-of-{needed.__name__}" for rule, needed in PARTS]
)
def test_evidence_of_which_a_part_could_not_be_read_never_reads_as_healthy(
    healthy: Healthy, rule: Rule, needed: type
) -> None:
    """The log of one of two pods, say: the rule cannot say HEALTHY, and carries the gap."""
    gap = Gap(what="log of kube-system/coredns-b", reason="403", grant=GRANT)

    judgement = healthy.judge(rule, {needed: replace(healthy.evidence[needed], gaps=(gap,))})

    assert (judgement.verdict, judgement.missing) == (Verdict.UNKNOWN, (gap,))
