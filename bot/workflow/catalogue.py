"""The catalogue: every collector, rule and fix, found by walking the folders.

A unit's name is its file name; a bad file stops the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from bot.domain.evidence import Collector
from bot.domain.findings import Rule
from bot.domain.permissions import Use
from bot.domain.plans import Fix
from bot.domain.unit_files import walk_units
from bot.errors import UnitError
from bot.workflow.views import check_view


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All units by name."""

    collectors: Mapping[str, Collector[Any, Any]]
    rules: Mapping[str, Rule]
    fixes: Mapping[str, Fix]

    def collector_of(self, evidence: type) -> Collector[Any, Any]:
        """Return the collector that gathers this evidence class."""
        for collector in self.collectors.values():
            if collector.evidence is evidence:
                return collector
        raise UnitError(f"No collector gathers {evidence.__name__}.")


def load_catalogue(collectors: ModuleType, rules: ModuleType, fixes: ModuleType) -> Catalogue:
    """Import every module of the three packages and check that the units fit one another."""
    found = Catalogue(
        collectors=walk_units(collectors, "COLLECTOR", Collector),
        rules=walk_units(rules, "RULE", Rule),
        fixes=walk_units(fixes, "FIX", Fix),
    )
    check_units(found)
    return found


def check_units(catalogue: Catalogue) -> None:
    """Raise `UnitError` where units do not fit one another, or a collector and its view do not."""
    for collector in catalogue.collectors.values():
        _check_view(collector)
    _check_graph(catalogue)


def _check_view(collector: Collector[Any, Any]) -> None:
    """Its view can be made, and one that only reads is used by collectors that only read."""
    check_view(collector.view)
    for permission in collector.permissions:
        if collector.view.use is Use.READ and not permission.only_reads:
            raise UnitError(
                f"Collector {collector.name} declares {permission.text}, but its {collector.view.__name__} only reads."
            )


def _check_graph(catalogue: Catalogue) -> None:
    """Every needed evidence class has one collector, and the needs form no circle."""
    by_class: dict[type, str] = {}
    for name, collector in catalogue.collectors.items():
        if collector.evidence in by_class:
            other = by_class[collector.evidence]
            raise UnitError(f"Collectors {other} and {name} both gather {collector.evidence.__name__}.")
        by_class[collector.evidence] = name
    named = [(f"Rule {rule.name} needs", kind) for rule in catalogue.rules.values() for kind in rule.inputs]
    named += [(f"Fix {fix.name} needs", kind) for fix in catalogue.fixes.values() for kind in fix.needs]
    named += [(f"Measure {fix.name} yields", kind) for fix in catalogue.fixes.values() for kind in fix.yields]
    for who, kind in named:
        if kind not in by_class:
            raise UnitError(f"{who} {kind.__name__}, which no collector gathers.")
    done: set[str] = set()
    for name in catalogue.collectors:
        _visit(catalogue, name, by_class, done, path=())


def _visit(
    catalogue: Catalogue, name: str, by_class: Mapping[type, str], done: set[str], path: tuple[str, ...]
) -> None:
    if name in done:
        return
    if name in path:
        raise UnitError(f"Collectors need one another in a circle: {' → '.join((*path, name))}.")
    for needed in catalogue.collectors[name].inputs:
        if needed not in by_class:
            raise UnitError(f"Collector {name} needs {needed.__name__}, which no collector gathers.")
        _visit(catalogue, by_class[needed], by_class, done, (*path, name))
    done.add(name)
