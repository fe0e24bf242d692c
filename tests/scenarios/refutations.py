"""What rules declare to refute their verdicts, held to what all scenarios show: judged again with other evidence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from bot.app import load_units, shipped_playbooks
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected, Gap, failing_reads
from bot.domain.findings import Case, Finding, Rule, Verdict
from bot.errors import EvidenceUnavailable
from tests.scenarios.other_values import Shelf, moved, texts

CATALOGUE = load_units()
THRESHOLDS = {
    (playbook.name, use.rule): use.thresholds
    for playbook in shipped_playbooks(CATALOGUE).values()
    for use in playbook.findings
}
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
MOST_CASES = 3
"""In so many scenarios a verdict is attacked in every way; in the others by what other scenarios show."""
UNDECLARED_CASES = MOST_CASES if os.environ.get("CHAOS") == "all" else 1
"""In so many scenarios a verdict is attacked by evidence that is not declared to refute it."""


@dataclass(frozen=True)
class Shown:
    """A rule's verdict in a scenario, with the evidence that it had."""

    rule: Rule
    finding: Finding
    diagnosis: Diagnosis
    evidence: Mapping[type, Any]

    def verdict_with(self, kind: type, value: object) -> Verdict | None:
        """Return what the rule says with this in the place of one evidence; None where no cluster looks so."""
        case = Case(
            target=self.diagnosis.target,
            collected_at=AT,
            thresholds=THRESHOLDS[self.finding.playbook, self.rule.name],
            evidence={**self.evidence, kind: value},
            failing_reads=failing_reads(gap for one in self.diagnosis.evidence for gap in one.gaps),
        )
        try:
            return self.rule.judge(case).verdict
        except EvidenceUnavailable:
            return Verdict.UNKNOWN
        except Exception:  # noqa: BLE001  # names that refer to nothing, say: two scenarios in one
            return None


@dataclass(frozen=True, eq=False)
class Seen:
    """All diagnoses, by verdict and by evidence, as if all were made at one moment.

    Whichever was made first, what one shows is then no older or newer beside another's than within its own.
    """

    diagnoses: Sequence[Diagnosis]

    def shown(self, rule: Rule, verdict: Verdict) -> list[Shown]:
        """Return where the rule says so, first where it had something to check."""
        found = [one for one in self._all() if one.rule is rule and one.finding.verdict is verdict]
        return sorted(found, key=lambda one: one.finding.judgement.nothing_to_check)

    @cache  # noqa: B019  # lives as long as the test
    def shelf(self, kind: type) -> Shelf:
        """Return what the scenarios show of this evidence."""
        name = CATALOGUE.collector_of(kind).name
        values: list[Any] = []
        for found in self._collected():
            for one, value in found.values():
                if one.collector == name and one.gap is None and value not in values:
                    values.append(value)
        return Shelf(values)

    @cache  # noqa: B019  # the same
    def _collected(self) -> tuple[Mapping[str, tuple[Collected, Any]], ...]:
        """Return, for each diagnosis, what was gathered by id, each with its value or gap."""
        return tuple(
            {one.id: (one, one.gap or moved(one.value, AT - diagnosis.started_at)) for one in diagnosis.evidence}
            for diagnosis in self.diagnoses
        )

    @cache  # noqa: B019  # the same
    def _all(self) -> tuple[Shown, ...]:
        return tuple(self._each())

    def _each(self) -> Iterator[Shown]:
        for diagnosis, collected in zip(self.diagnoses, self._collected(), strict=True):
            for finding in diagnosis.findings:
                rule = CATALOGUE.rules[finding.rule]
                evidence = {kind: collected[at][1] for kind, at in zip(rule.inputs, finding.evidence, strict=True)}
                yield Shown(rule=rule, finding=finding, diagnosis=diagnosis, evidence=evidence)


def refutation(seen: Seen, shown: Sequence[Shown], kind: type) -> bool:
    """Return whether some other value of this evidence, or that it was not read, turns one of these verdicts."""
    verdict = shown[0].finding.verdict
    for at, one in enumerate(shown):
        own, shelf = one.evidence[kind], seen.shelf(kind)
        if isinstance(own, Gap):
            continue
        referred = frozenset(text for other in one.evidence if other is not kind for text in texts(one.evidence[other]))
        others = shelf.others(own, referred - {""}, AT) if at < MOST_CASES else shelf.values
        if any(one.verdict_with(kind, value) not in (verdict, None) for value in others):
            return True
    return verdict is Verdict.HEALTHY and any(one.verdict_with(kind, unread(kind)) is Verdict.UNKNOWN for one in shown)


def undeclared(seen: Seen, shown: Sequence[Shown], kind: type) -> bool:
    """Return whether this evidence turns one of these verdicts by another scenario's value or by not being there."""
    verdict = shown[0].finding.verdict
    return any(
        one.verdict_with(kind, value) not in (verdict, None)
        for one in shown[:UNDECLARED_CASES]
        for value in (*seen.shelf(kind).values, unread(kind))
    )


def unread(kind: type) -> Gap:
    """Return the gap in the place of evidence that could not be read."""
    return Gap(what=kind.__name__, reason="403 Forbidden")
