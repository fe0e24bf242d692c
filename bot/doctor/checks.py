"""One line of the doctor's report, the whole report as text, and the exit code that it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """What was found."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "could not look"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's report."""

    subject: str
    state: CheckState
    text: str
    disables: tuple[str, ...] = ()


def doctor_text(checks: Iterable[Check]) -> str:
    """Return the report: one line a check, what it disables under it."""
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.state.value:>14}  {check.subject}: {check.text}")
        if check.disables:
            lines.append(f"{'':>14}  it may cost: {', '.join(check.disables)}")
    return "\n".join(lines) + "\n"


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 when nothing is missing, 2 when something is, 3 when something could not be looked at."""
    states = {check.state for check in checks}
    if CheckState.MISSING in states:
        return 2
    return 3 if CheckState.UNKNOWN in states else 0
