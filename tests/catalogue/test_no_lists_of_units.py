"""Nobody lists units by hand: what speaks of all of a kind walks the catalogue, and a new unit is never left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.app import load_units, shipped_playbooks
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission
from bot.sandbox.world.scenario_catalogue import all_look_alikes, all_scenarios

ROOT = Path(__file__).parents[2]
CATALOGUE = load_units()
PERMISSIONS: set[Permission] = {
    *(one for collector in CATALOGUE.collectors.values() for one in collector.permissions),
    *(one for fix in CATALOGUE.fixes.values() for one in fix.permissions),
}
NAMES: Mapping[str, frozenset[str]] = {
    "collectors": frozenset(CATALOGUE.collectors),
    "rules": frozenset(CATALOGUE.rules),
    "fixes": frozenset(CATALOGUE.fixes),
    "playbooks": frozenset(shipped_playbooks(CATALOGUE)),
    "scenarios": frozenset(scenario.name for scenario in (*all_scenarios(), *all_look_alikes())),
    "rights in Kubernetes": frozenset(one.text for one in PERMISSIONS if isinstance(one, KubernetesPermission)),
    "actions of AWS": frozenset(one.action for one in PERMISSIONS if isinstance(one, AwsPermission)),
}
OWN = ("bot/collectors", "bot/rules", "bot/fixes", "bot/sandbox/scenarios")
"""Where units name others that they have to do with."""
FEW = 3
"""So many may stand together: they are examples."""


def files() -> list[str]:
    """Return the paths of all Python files that are no units."""
    found = [path for folder in ("bot", "tests", "lab", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    named = sorted(str(path.relative_to(ROOT)) for path in found)
    return [path for path in named if not path.startswith(OWN) and "/grafted/" not in path]


def lists(text: str) -> Iterator[tuple[int, str, frozenset[str]]]:
    """Yield line, kind and names of each display of a list, tuple, set or mapping that holds most of a kind's names.

    That is more than a few, and a third of all: what a hand would write that means all of them.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
            held = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
            for kind, names in NAMES.items():
                found = names & held
                if len(found) > FEW and len(found) * 3 >= len(names):
                    yield node.lineno, kind, found


def test_no_file_lists_the_units_of_a_kind() -> None:
    """Say it in the unit (a field of `Scenario`, `Rule`, `Rehearsal` …) and walk the catalogue."""
    assert [
        f"{path}:{line} lists {kind}: {', '.join(sorted(names))}"
        for path in files()
        for line, kind, names in lists((ROOT / path).read_text())
    ] == []


@pytest.mark.parametrize("kind", NAMES)
def test_a_list_by_hand_is_found(kind: str) -> None:
    """As a tuple, and as the keys of a table."""
    names = sorted(NAMES[kind])

    assert [found for _, found, _ in lists(f"ALL = {tuple(names)!r}")] == [kind]
    assert [found for _, found, _ in lists(f"EXPECTED = {dict.fromkeys(names, 1)!r}")] == [kind]
