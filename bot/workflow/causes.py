"""The causal graph: which PROBLEM explains which, and which failing look-ups nobody explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.findings import Cell, Finding, Kind, Verdict

_ORDER = {Verdict.PROBLEM: 0, Verdict.UNKNOWN: 2, Verdict.HEALTHY: 3}


def explain(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings with `explained_by` set, root causes first.

    A PROBLEM explains another PROBLEM that its playbook names. It explains the symptom
    `dns_lookups_fail` only when its reach covers at least one of the failing cells.
    """
    problems = [finding for finding in findings if finding.verdict is Verdict.PROBLEM]
    explained: Mapping[str, tuple[str, ...]] = {
        finding.rule: tuple(cause.rule for cause in problems if _explains(cause, finding)) for finding in problems
    }
    placed = [replace(finding, explained_by=explained.get(finding.rule, ())) for finding in findings]
    return tuple(sorted(placed, key=_rank))


def unexplained(findings: Sequence[Finding]) -> tuple[Cell, ...]:
    """Return the failing look-ups that lie within no PROBLEM's reach."""
    reaches = [
        reach
        for finding in findings
        if finding.verdict is Verdict.PROBLEM and finding.kind is Kind.CAUSE
        for reach in finding.judgement.reach
    ]
    return tuple(
        cell
        for finding in findings
        if finding.verdict is Verdict.PROBLEM
        for cell in finding.judgement.cells
        if not any(reach.covers(cell) for reach in reaches)
    )


def _explains(cause: Finding, finding: Finding) -> bool:
    if cause is finding or finding.rule not in cause.explains:
        return False
    cells = finding.judgement.cells
    if finding.kind is Kind.SYMPTOM and cells:
        return any(reach.covers(cell) for reach in cause.judgement.reach for cell in cells)
    return True


def _rank(finding: Finding) -> tuple[int, int, str]:
    """Root causes, other problems, unknowns, healthy; the worse severity first."""
    order = _ORDER[finding.verdict]
    if finding.verdict is Verdict.PROBLEM and (finding.explained_by or finding.kind is Kind.SYMPTOM):
        order = 1
    severity = ("critical", "warning", "note").index(finding.severity.value)
    return order, severity, finding.rule
