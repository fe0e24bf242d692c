"""What the rules conclude and which fixes may follow, from rules and playbooks: the table of docs/causes.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.findings import Kind
from bot.domain.playbooks import FixUse, Playbook
from bot.workflow.catalogue import Catalogue


def fixes_of(rule: str, playbooks: Iterable[Playbook]) -> tuple[str, ...]:
    """Return the fixes that playbooks may propose where this rule finds a PROBLEM, those that follow them included."""
    uses = (use for playbook in playbooks for use in playbook.findings if use.rule == rule)
    return tuple(dict.fromkeys(name for use in uses for fix in use.fixes for name in _names(fix)))


def _names(use: FixUse) -> Iterator[str]:
    for one in use.choices:
        yield one.fix
    for following in use.then:
        yield from _names(following)


def causes_table(catalogue: Catalogue, playbooks: Iterable[Playbook]) -> str:
    """Return one row a rule, causes before symptoms, each by name."""
    known = tuple(playbooks)
    lines = ["| rule | when it is a problem | fixes | measures |", "| --- | --- | --- | --- |"]
    for rule in sorted(catalogue.rules.values(), key=lambda one: (one.kind is Kind.SYMPTOM, one.name)):
        uses = [use for playbook in known for use in playbook.findings if use.rule == rule.name]
        measures = dict.fromkeys(one.fix for use in uses for one in use.measures)
        symptom = " (a symptom)" if rule.kind is Kind.SYMPTOM else ""
        fixes = fixes_of(rule.name, known)
        lines.append(f"| `{rule.name}` | {rule.title}{symptom} | {_listed(fixes)} | {_listed(measures)} |")
    return "\n".join(lines) + "\n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"
