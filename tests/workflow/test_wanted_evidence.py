"""What a collector wants: gathered before it where it can be, and no reason not to run where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.cluster import Question
from bot.domain.deadline import Deadline
from bot.domain.evidence import Collector
from bot.domain.views import View
from bot.errors import AccessDenied
from bot.workflow.catalogue import Catalogue, check_units
from bot.workflow.gather import Gathering, plan_tasks
from tests.looking import NOW, TARGET, Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """What is wanted."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What goes with a map where there is one."""

    text: str


def _unit(name: str, evidence: Any, collect: Callable[[View], Any], **changed: Any) -> Collector[Any, Any]:
    return Collector(
        name=name, title=name, evidence=evidence, view=View, collect=collect, summarise=str, permissions=(), **changed
    )


def _drawn(_look: View) -> Map:
    return Map(text="drawn")


def _refused(_look: View) -> Map:
    raise AccessDenied("the map is locked away")


def _travel(look: View) -> Journey:
    found = look.find(Map)
    return Journey(text=f"with a map that is {found.text}" if found else "without a map")


@pytest.mark.parametrize(
    ("draw", "text"), [(_drawn, "with a map that is drawn"), (_refused, "without a map")], ids=["gathered", "refused"]
)
def test_collector_runs_with_and_without_what_it_wants(draw: Callable[[View], Map], text: str) -> None:
    """It comes after what it wants, and its own evidence is no gap for want of it."""
    units = Catalogue(
        collectors={
            "journey": _unit("journey", Journey, _travel, wants=(Map,)),
            "map": _unit("map", Map, draw),
        },
        rules={},
        fixes={},
    )
    check_units(units)
    tasks = plan_tasks([], units, always=["journey"])

    found = Gathering(
        tasks=tasks.by_id,
        target=TARGET,
        question=Question(cluster=TARGET.name),
        sources=Ends(),
        deadline=Deadline.after(10),
        started_at=NOW,
        told=lambda *_: None,
    ).run()

    assert found["journey"].value == Journey(text=text)
    assert set(found) == {"journey", "map"}
