"""The catalogue: every collector, rule and fix, found by walking the folders.

A unit's name is its file name. A module that does not export its constant, or exports another
name, stops the start: nothing is skipped.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TypeVar

from bot.domain.evidence import AnyCollector, Collector, ProbingCollector
from bot.domain.findings import Rule
from bot.domain.plans import Fix
from bot.errors import UnitError

U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All units by name."""

    collectors: Mapping[str, AnyCollector]
    rules: Mapping[str, Rule]
    fixes: Mapping[str, Fix]

    def collector_of(self, evidence: type) -> AnyCollector:
        """Return the collector that gathers this evidence class."""
        for collector in self.collectors.values():
            if collector.evidence is evidence:
                return collector
        raise UnitError(f"No collector gathers {evidence.__name__}.")


def load_catalogue(collectors: ModuleType, rules: ModuleType, fixes: ModuleType) -> Catalogue:
    """Import every module of the three packages and check that the units fit one another."""
    found = Catalogue(
        collectors=_collectors(collectors),
        rules=_units(rules, "RULE", Rule),
        fixes=_units(fixes, "FIX", Fix),
    )
    _check_graph(found)
    return found


def _collectors(package: ModuleType) -> dict[str, AnyCollector]:
    return {
        name: unit
        for name, unit in _units(package, "COLLECTOR", (Collector, ProbingCollector)).items()
        if isinstance(unit, Collector | ProbingCollector)
    }


def _units(package: ModuleType, constant: str, kind: type[U] | tuple[type[U], ...]) -> dict[str, U]:
    units: dict[str, U] = {}
    for module_info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        unit = getattr(module, constant, None)
        if not isinstance(unit, kind):
            raise UnitError(f"{module.__name__} exports no {constant}; a unit's module must.")
        name = getattr(unit, "name", "")
        if name != module_info.name:
            raise UnitError(f"{module.__name__} exports {constant} named {name!r}; it must be {module_info.name!r}.")
        units[name] = unit
    return units


def _check_graph(catalogue: Catalogue) -> None:
    """Every needed evidence class has one collector, and the needs form no circle."""
    by_class: dict[type, str] = {}
    for name, collector in catalogue.collectors.items():
        if collector.evidence in by_class:
            other = by_class[collector.evidence]
            raise UnitError(f"Collectors {other} and {name} both gather {collector.evidence.__name__}.")
        by_class[collector.evidence] = name
    for rule in catalogue.rules.values():
        for needed in rule.needs:
            if needed not in by_class:
                raise UnitError(f"Rule {rule.name} needs {needed.__name__}, which no collector gathers.")
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
    for needed in catalogue.collectors[name].needs:
        if needed not in by_class:
            raise UnitError(f"Collector {name} needs {needed.__name__}, which no collector gathers.")
        _visit(catalogue, by_class[needed], by_class, done, (*path, name))
    done.add(name)
