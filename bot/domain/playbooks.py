"""Playbooks as values: what is looked at, what is concluded, what may be changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.domain.findings import Severity
from bot.domain.json_values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """One `gather` entry: a collector with its parameters."""

    collector: str
    parameters: Any
    """An instance of the collector's `parameters` class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixUse:
    """One fix that a finding may propose."""

    fix: str
    parameters: Any
    """An instance of the fix's `parameters` class."""
    parameters_document: JsonObject = field(default_factory=dict)
    """The same as written in the playbook, for reports."""
    risk: str
    """low, medium or high."""
    then: tuple[FixUse, ...] = ()
    """Further fixes whose steps follow in the same plan, once look-ups answer."""
    verify_rules: tuple[str, ...]
    """Rules that must be HEALTHY after it; always at least the finding's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingUse:
    """One `findings` entry: a rule with thresholds and severity, and what follows from it."""

    rule: str
    severity: Severity
    thresholds: Any
    """An instance of the rule's `thresholds` class."""
    explains: tuple[str, ...] = ()
    fixes: tuple[FixUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One file of `playbooks/`."""

    name: str
    title: str
    purpose: str
    commands: tuple[str, ...]
    """Commands that run it when none is named: `diagnose`."""
    gather: tuple[Gather, ...]
    findings: tuple[FindingUse, ...]
    file: str = ""
