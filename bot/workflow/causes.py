"""The causal graph: which PROBLEM explains which.

An edge leads from a cause to every symptom of whose failing lookups its reach covers at least one, or of whose pods it
names one; to every cause of whose failing API calls it covers some, provided that each of them is covered by some
cause; and to the causes that its playbook names, those that are about closed ways only where all of these are among its
own, those that are about pods of the DNS service only where it is about one of them. By its playbook a symptom leads to
causes, too: an effect that some rule names is no root where it follows from what nobody can explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.findings import Finding, Kind, Verdict

_ORDER = {Verdict.PROBLEM: 0, Verdict.UNKNOWN: 2, Verdict.HEALTHY: 3}


def explain(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings with `explains` and `explained_by` set, root causes first."""
    problems = [finding for finding in findings if finding.verdict is Verdict.PROBLEM]
    causes = [finding for finding in problems if finding.kind is Kind.CAUSE]
    follows = {
        source.rule: tuple(one.rule for one in problems if one is not source and _follows(one, source, causes))
        for source in problems
    }
    bad = {finding.rule for finding in problems}
    placed = [_placed(finding, follows.get(finding.rule), bad) for finding in findings]
    by = {rule: tuple(cause for cause, effects in follows.items() if rule in effects) for rule in bad}
    return tuple(sorted((replace(finding, explained_by=by.get(finding.rule, ())) for finding in placed), key=_rank))


def _follows(effect: Finding, cause: Finding, causes: Sequence[Finding]) -> bool:
    if effect.kind is Kind.SYMPTOM:
        return cause.kind is Kind.CAUSE and _reaches(cause, effect)
    closed = effect.judgement.closed_ways
    if effect.rule in cause.explains and closed <= cause.judgement.closed_ways and not _apart(cause, effect):
        return True
    return _cuts_off(cause, effect) and all(
        any(reach.covers(call) for one in causes if one is not effect for reach in one.judgement.call_reach)
        for call in effect.judgement.failing_calls
    )


def _reaches(cause: Finding, symptom: Finding) -> bool:
    covered = any(reach.covers(lookup) for reach in cause.judgement.reach for lookup in symptom.judgement.failing)
    return covered or bool(set(cause.judgement.pods) & set(symptom.judgement.pods))


def _apart(one: Finding, other: Finding) -> bool:
    """Return whether both name pods of the DNS service, and none in common."""
    first, second = set(one.judgement.pods), set(other.judgement.pods)
    return bool(first and second) and not first & second


def _cuts_off(cause: Finding, effect: Finding) -> bool:
    return any(reach.covers(call) for reach in cause.judgement.call_reach for call in effect.judgement.failing_calls)


def _placed(finding: Finding, follows: tuple[str, ...] | None, bad: set[str]) -> Finding:
    """Name what follows from the finding; of what its playbook names, leave out a PROBLEM that does not."""
    if follows is None:
        return finding
    named = [rule for rule in finding.explains if rule not in bad or rule in follows]
    return replace(finding, explains=tuple(dict.fromkeys((*named, *follows))))


def _rank(finding: Finding) -> tuple[int, int, str]:
    """Root causes, other problems, unknowns, healthy; the worse severity first."""
    order = _ORDER[finding.verdict]
    if finding.verdict is Verdict.PROBLEM and (finding.explained_by or finding.kind is Kind.SYMPTOM):
        order = 1
    return order, finding.severity.rank, finding.rule
