"""A playbook whole: what it looks at, concludes and may propose, with the calls and permissions of each unit.

Made from the playbook and its units' declarations. `playbook_text` lays it out for a terminal, `page_json` for scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.diagnosis import PEERS
from bot.domain.findings import Kind, Severity
from bot.domain.json_values import JsonObject
from bot.domain.permissions import Permission, Use
from bot.domain.playbooks import FindingUse, FixUse, Gather, Playbook
from bot.report.permissions import use_of
from bot.workflow.catalogue import Catalogue
from bot.workflow.diagnose import BINDING
from bot.workflow.parameters import parameters_document

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that a unit may make, as the permission for it is granted."""

    permission: str
    """`ec2:DescribeVpcs`, or `pods/log: get in namespace kube-system`."""
    use: Use
    """Which role needs it."""
    unlocks: str
    """What it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One collector."""

    collector: str
    title: str
    parameters: JsonObject
    listed: bool
    needed_by: tuple[str, ...]
    """Rules, fixes and collectors; empty for what is shown only, and for what every diagnosis looks at."""
    shown_because: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fix, or, where it yields evidence, one measure."""

    name: str
    title: str
    does: str
    risk: str
    parameters: JsonObject
    yields: tuple[str, ...]
    """Collectors."""
    verify_rules: tuple[str, ...]
    then: tuple[Change, ...]
    """Fixes that follow in the same plan."""
    calls: tuple[Call, ...]
    speaks_for: str = ""
    """What speaks for it among several to choose from."""
    alternatives: tuple[Change, ...] = ()
    """What may be approved instead of it, on the same card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """One rule, and what may be proposed for it, in the order in which it is tried."""

    rule: str
    title: str
    kind: Kind
    severity: Severity
    thresholds: JsonObject
    judged_from: tuple[str, ...]
    """Collectors."""
    problem_refuted_by: tuple[str, ...]
    healthy_refuted_by: tuple[str, ...]
    explains: tuple[str, ...]
    fixes: tuple[Change, ...]
    measures: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookPage:
    """All of one playbook."""

    name: str
    title: str
    purpose: str
    commands: tuple[str, ...]
    always: tuple[Looked, ...]
    """What every diagnosis looks at besides, whichever playbooks run; peers only where some are configured."""
    gather: tuple[Looked, ...]
    findings: tuple[Concluded, ...]


def playbook_page(playbook: Playbook, catalogue: Catalogue) -> PlaybookPage:
    """Return the whole of a playbook that was loaded with this catalogue."""
    always = (
        Gather(collector=name, parameters=catalogue.collectors[name].parameters(), listed=False)
        for name in (BINDING, PEERS)
    )
    return PlaybookPage(
        name=playbook.name,
        title=playbook.title,
        purpose=playbook.purpose,
        commands=playbook.commands,
        always=tuple(_looked(entry, catalogue) for entry in always),
        gather=tuple(_looked(entry, catalogue) for entry in playbook.gather),
        findings=tuple(_concluded(use, catalogue) for use in playbook.findings),
    )


def _looked(entry: Gather, catalogue: Catalogue) -> Looked:
    collector = catalogue.collectors[entry.collector]
    return Looked(
        collector=collector.name,
        title=collector.title,
        parameters=parameters_document(entry.parameters),
        listed=entry.listed,
        needed_by=entry.needed_by,
        shown_because=entry.shown_because,
        calls=_calls(collector.permissions, collector.view.use),
    )


def _refutations(refutations: Sequence[tuple[type, str]], catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(f"{what} ({catalogue.collector_of(evidence).name})" for evidence, what in refutations)


def _concluded(use: FindingUse, catalogue: Catalogue) -> Concluded:
    rule = catalogue.rules[use.rule]
    return Concluded(
        rule=rule.name,
        title=rule.title,
        kind=rule.kind,
        severity=use.severity,
        thresholds=parameters_document(use.thresholds),
        judged_from=_collectors(rule.inputs, catalogue),
        problem_refuted_by=_refutations(rule.problem_refuted_by, catalogue),
        healthy_refuted_by=_refutations(rule.healthy_refuted_by, catalogue),
        explains=use.explains,
        fixes=tuple(_change(fix, catalogue) for fix in use.fixes),
        measures=tuple(_change(measure, catalogue) for measure in use.measures),
    )


def _change(use: FixUse, catalogue: Catalogue) -> Change:
    fix = catalogue.fixes[use.fix]
    return Change(
        name=fix.name,
        title=use.title or fix.title,
        does=fix.does,
        risk=use.risk,
        parameters=use.parameters_document,
        yields=_collectors(fix.yields, catalogue),
        verify_rules=use.verify_rules,
        then=tuple(_change(later, catalogue) for later in use.then),
        speaks_for=use.speaks_for,
        alternatives=tuple(_change(other, catalogue) for other in use.alternatives),
        calls=_calls(fix.permissions, Use.CHANGE),
    )


def _collectors(evidence: Iterable[type], catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(catalogue.collector_of(kind).name for kind in evidence)


def _calls(permissions: Iterable[Permission], otherwise: Use) -> tuple[Call, ...]:
    return tuple(Call(permission=one.text, use=use_of(one, otherwise), unlocks=one.unlocks) for one in permissions)


def page_json(page: PlaybookPage) -> JsonObject:
    """Return the page as JSON; names are those of the playbook file and of the report."""
    return {
        "schema": SCHEMA,
        "name": page.name,
        "title": page.title,
        "purpose": page.purpose,
        "commands": list(page.commands),
        "always": [_looked_json(one) for one in page.always],
        "gather": [_looked_json(one) for one in page.gather],
        "findings": [_concluded_json(one) for one in page.findings],
    }


def _looked_json(one: Looked) -> JsonObject:
    return {
        "collector": one.collector,
        "title": one.title,
        "with": one.parameters,
        "listed": one.listed,
        "needed_by": list(one.needed_by),
        "shown": one.shown_because,
        "calls": _calls_json(one.calls),
    }


def _concluded_json(one: Concluded) -> JsonObject:
    return {
        "rule": one.rule,
        "title": one.title,
        "kind": one.kind.value,
        "severity": one.severity.value,
        "with": one.thresholds,
        "judged_from": list(one.judged_from),
        "explains": list(one.explains),
        "fixes": [{"fix": fix.name, **_change_json(fix)} for fix in one.fixes],
        "measures": [{"measure": measure.name, **_change_json(measure)} for measure in one.measures],
    }


def _change_json(one: Change) -> JsonObject:
    return {
        "title": one.title,
        "does": one.does,
        "risk": one.risk,
        "with": one.parameters,
        "yields": list(one.yields),
        "verify": {"rules": list(one.verify_rules)},
        "then": [{"fix": later.name, **_change_json(later)} for later in one.then],
        "speaks_for": one.speaks_for,
        "alternatives": [{"fix": other.name, **_change_json(other)} for other in one.alternatives],
        "calls": _calls_json(one.calls),
    }


def _calls_json(calls: Iterable[Call]) -> list[JsonObject]:
    return [{"permission": call.permission, "to": call.use.value, "unlocks": call.unlocks} for call in calls]
