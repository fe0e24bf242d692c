from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from bot import collectors, fixes, rules
from bot.errors import UnitError
from bot.workflow.catalogue import Catalogue, load_catalogue
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

    playbooks = load_playbooks(PLAYBOOKS, catalogue)

    assert set(playbooks) == {"coredns", "kube-proxy", "lookups", "network-acls", "security-groups"}
    used = {use.rule for playbook in playbooks.values() for use in playbook.findings}
    assert used == set(catalogue.rules), "every rule stands in a playbook"


def test_one_collector_runs_once_over_all_playbooks() -> None:
    """The five playbooks share their evidence: no collector runs twice."""
    catalogue = load_catalogue(collectors, rules, fixes)

    tasks = plan_tasks(list(load_playbooks(PLAYBOOKS, catalogue).values()), catalogue, always=("cluster_binding",))

    assert sorted(tasks.by_id) == sorted({task.collector.name for task in tasks.by_id.values()})


def test_circle_of_needs_is_refused(catalogue: Catalogue) -> None:
    """Two collectors that wait for each other would wait for ever."""
    from bot.workflow import catalogue as module  # noqa: PLC0415  # the private check is what is tested

    soil, plant = catalogue.collectors["soil"], catalogue.collectors["plant"]
    circle = replace(catalogue, collectors={**catalogue.collectors, "soil": replace(soil, needs=(plant.evidence,))})

    with pytest.raises(UnitError, match="circle"):
        module._check_graph(circle)  # noqa: SLF001
