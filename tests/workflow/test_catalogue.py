from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot import collectors, fixes, rules
from bot.app import command_names
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.views import View
from bot.errors import UnitError
from bot.workflow.catalogue import Catalogue, check_units, load_catalogue
from bot.workflow.gather import plan_tasks
from bot.workflow.load_playbook import load_playbooks

PLAYBOOKS = sorted((Path(__file__).parents[2] / "playbooks").glob("*.yaml"))


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Callable[[str, str], ModuleType]]:
    """A package of one module with the given text, importable while the test runs."""
    made: list[str] = []

    def make(module: str, text: str) -> ModuleType:
        name = f"units_{tmp_path.name}".replace("-", "_")
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / f"{module}.py").write_text(text)
        sys.path.insert(0, str(tmp_path))
        made.append(str(tmp_path))
        return __import__(name)

    yield make
    for path in made:
        sys.path.remove(path)


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "exports no RULE"), ("RULE = 3", "exports no RULE"), ("import nothing_like_this", "nothing_like_this")],
    ids=["missing", "wrong type", "import error"],
)
def test_bad_unit_stops_the_start(package: Callable[[str, str], ModuleType], text: str, word: str) -> None:
    """A module that does not export its unit is not skipped."""
    broken = package("some_rule", text)

    with pytest.raises((UnitError, ImportError), match=word):
        load_catalogue(collectors, broken, fixes)


def test_shipped_units_fit_together() -> None:
    """Every collector, rule and fix loads, and every shipped playbook uses known ones."""
    catalogue = load_catalogue(collectors, rules, fixes)

    playbooks = load_playbooks(PLAYBOOKS, catalogue, command_names())

    assert set(playbooks) == {path.stem for path in PLAYBOOKS}
    used = {use.rule for playbook in playbooks.values() for use in playbook.findings}
    assert used == set(catalogue.rules), "every rule stands in a playbook"


def test_shipped_playbooks_list_all_that_they_gather() -> None:
    """Whoever reads the file sees everything that is looked at, though it could be left out."""
    playbooks = load_playbooks(PLAYBOOKS, load_catalogue(collectors, rules, fixes), command_names())

    left_out = {
        (playbook.name, entry.collector)
        for playbook in playbooks.values()
        for entry in playbook.gather
        if not entry.listed
    }

    assert left_out == set()


def test_one_collector_runs_once_over_all_playbooks() -> None:
    """All playbooks share their evidence: no collector runs twice."""
    catalogue = load_catalogue(collectors, rules, fixes)

    tasks = plan_tasks(
        list(load_playbooks(PLAYBOOKS, catalogue, command_names()).values()), catalogue, always=("cluster_binding",)
    )

    assert sorted(tasks.by_id) == sorted({task.collector.name for task in tasks.by_id.values()})


@dataclass(frozen=True, slots=True, kw_only=True)
class StarView(View):
    """A way of looking that nobody opens."""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"view": StarView}, "Nothing makes a StarView"),
        (
            {"permissions": (KubernetesPermission(verb="create", resource="pods/exec"),)},
            "its View only reads",
        ),
        ({"permissions": (AwsPermission(action="ec2:CreateTags"),)}, "its View only reads"),
    ],
    ids=["view without a maker", "exec by a reader", "write by a reader"],
)
def test_collector_that_its_view_cannot_serve_stops_the_start(
    catalogue: Catalogue, changed: dict[str, Any], said: str
) -> None:
    """A view that nobody makes, or rights that its view cannot use, are found before anything runs."""
    soil = replace(catalogue.collectors["soil"], **changed)

    with pytest.raises(UnitError, match=said):
        check_units(replace(catalogue, collectors={**catalogue.collectors, "soil": soil}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"yields": (StarView,)}, "Measure dig yields StarView, which no collector gathers"),
        ({"needs": (StarView,)}, "Fix dig needs StarView, which no collector gathers"),
    ],
    ids=["yields", "needs"],
)
def test_evidence_that_no_collector_gathers_is_no_use_to_a_fix(
    catalogue: Catalogue, changed: dict[str, Any], said: str
) -> None:
    """A measure cannot get, and a fix cannot plan from, what nobody looks at."""
    dig = replace(catalogue.fixes["dig"], **changed)

    with pytest.raises(UnitError, match=said):
        check_units(replace(catalogue, fixes={"dig": dig}))


def test_circle_of_needs_is_refused(catalogue: Catalogue) -> None:
    """Two collectors that wait for each other would wait for ever."""
    soil, plant = catalogue.collectors["soil"], catalogue.collectors["plant"]
    circle = replace(catalogue, collectors={**catalogue.collectors, "soil": replace(soil, needs=(plant.evidence,))})

    with pytest.raises(UnitError, match="circle"):
        check_units(circle)
