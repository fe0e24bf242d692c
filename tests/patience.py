"""A diagnoser for tests of what is said, not of what is slow: a busy machine takes no collector's time away."""

from __future__ import annotations

from dataclasses import replace

from bot.workflow.diagnose import Diagnoser

TIMES = 10


def patient(diagnoser: Diagnoser) -> Diagnoser:
    """Return it with many times as long for each collector, and for all of them."""
    collectors = {
        name: replace(unit, deadline_seconds=TIMES * unit.deadline_seconds)
        for name, unit in diagnoser.catalogue.collectors.items()
    }
    catalogue = replace(diagnoser.catalogue, collectors=collectors)
    return replace(diagnoser, catalogue=catalogue, deadline_seconds=TIMES * diagnoser.deadline_seconds)
