"""What a field report is: who told it, what happened there, and what a diagnosis must say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.domain.cluster import PodName

if TYPE_CHECKING:
    from tests.field_reports.field import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One row. Exported as `REPORT` by a module of `reports/` whose file name is `name`."""

    name: str
    """The row's id in small letters: `f03b`."""
    source: str
    """Where it was told: `coredns/coredns#4729`, with "(variant)" where one thing was changed."""
    happened: str
    right: str
    """The right answer, in words."""
    before: str
    """What was said when the row was written down: root causes, then (verdict)."""
    arrange: Callable[[Field], None]
    """Makes the healthy world into the one of the report."""
    verdict: str
    """`problem`, `healthy` or `unknown`."""
    causes: tuple[str, ...] = ()
    """Exactly the root causes that are named, in any order."""
    judged: Mapping[str, str] = field(default_factory=dict)
    """By rule: its verdict, where it matters."""
    not_healthy: tuple[str, ...] = ()
    """Rules that must say PROBLEM or UNKNOWN."""
    explained: Mapping[str, str] = field(default_factory=dict)
    """By rule: another that must explain it."""
    says: Mapping[str, str] = field(default_factory=dict)
    """By rule: a pattern of its summary."""
    scenario: str = "healthy"
    """The world to begin with."""
    nodes: int = 2
    pod: PodName | None = None
    """`--pod`"""
    names: tuple[str, ...] = ()
    """`--name`"""
