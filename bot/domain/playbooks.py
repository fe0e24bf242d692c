"""Playbooks as values: what is looked at, what is concluded, what may be changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.domain.findings import Severity
from bot.domain.json_values import JsonObject
from bot.domain.plans import When


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """A collector with its parameters: one `gather` entry, or one that the rules' needs imply."""

    collector: str
    parameters: Any
    """An instance of the collector's `parameters` class."""
    listed: bool = True
    """Whether the file lists it; else it is gathered because something needs it, with default parameters."""
    needed_by: tuple[str, ...] = ()
    """The rules, fixes and collectors of this playbook that ask for its evidence themselves."""
    shown_because: str = ""
    """Why it is gathered although nothing needs it: it is shown in reports only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixUse:
    """One fix or measure that a finding may propose."""

    fix: str
    parameters: Any
    """An instance of the fix's `parameters` class."""
    parameters_document: JsonObject = field(default_factory=dict)
    """The same as written in the playbook, for reports."""
    risk: str
    """low, medium or high."""
    when: When = When.AT_ONCE
    """When its steps may run, where it follows another fix."""
    then: tuple[FixUse, ...] = ()
    """Further fixes whose steps follow in the same plan."""
    verify_rules: tuple[str, ...]
    """Rules that must be HEALTHY after a fix, or able to decide after a measure; always the finding's own, too."""
    title: str = ""
    """What it is called where the fix's own title does not tell it from its alternatives; empty: the fix's own."""
    speaks_for: str = ""
    """What speaks for it among its alternatives, a sentence."""
    alternatives: tuple[FixUse, ...] = ()
    """What may be chosen instead of it, on the same card; with the same `then` and `verify_rules`."""

    @property
    def choices(self) -> tuple[FixUse, ...]:
        """It and its alternatives: the narrowest first, as the playbook has them."""
        return (self, *self.alternatives)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingUse:
    """One `findings` entry: a rule with thresholds and severity, and what follows from it."""

    rule: str
    severity: Severity
    thresholds: Any
    """An instance of the rule's `thresholds` class."""
    explains: tuple[str, ...] = ()
    """Rules for causes that follow from this one. Symptoms are not named: its reach tells which ones it explains."""
    fixes: tuple[FixUse, ...] = ()
    """What may be proposed when the rule finds a PROBLEM."""
    measures: tuple[FixUse, ...] = ()
    """What may be proposed when the rule is UNKNOWN for want of the evidence that they yield."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One file of `playbooks/`."""

    name: str
    title: str
    purpose: str
    commands: tuple[str, ...]
    """Commands that run it where they name no playbook: `diagnose`, or another file of `bot/slack/commands`."""
    gather: tuple[Gather, ...]
    """All that it gathers: what the file lists, then what is implied."""
    findings: tuple[FindingUse, ...]
    file: str = ""
