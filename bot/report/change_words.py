"""What a plan changes, in brief: each distinct change in a line or two, restarts together in one.

Commands and whole differences stand in the plan's steps, never shortened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.domain.phrases import and_more, capital, count
from bot.domain.places import HOME
from bot.domain.plans import RESTART, Step, When

DIFFERENCES_SHOWN = 4
RESTARTED_SHOWN = 8
_WORKLOAD = re.compile(r"\w{1,63}/(?P<name>\S{1,253}) in namespace \S{1,63} \((?P<pods>\d{1,9}) pods?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWords:
    """One distinct change, of one step or of several alike."""

    text: str
    undone: bool
    """It can be taken back."""
    whole: bool
    """The text leaves nothing out that the steps' differences say."""


def change_words(steps: Sequence[Step]) -> tuple[ChangeWords, ...]:
    """Return the changes in the plan's order."""
    return tuple(
        _restarts(alike) if _is_restart(alike[0]) else _change(alike)
        for alike in (tuple(group) for _, group in groupby(steps, key=_kind))
    )


def undo_words(changes: Sequence[ChangeWords]) -> str:
    """Return which changes can be taken back."""
    lasting = [str(number) for number, change in enumerate(changes, 1) if not change.undone]
    if not lasting:
        return "everything can be undone."
    if len(lasting) == len(changes):
        return "cannot be undone."
    undone = [str(number) for number, change in enumerate(changes, 1) if change.undone]
    return f"{_numbered(undone)} can be undone, {_numbered(lasting)} cannot."


def _numbered(numbers: Sequence[str]) -> str:
    return ("change " if len(numbers) == 1 else "changes ") + and_more(numbers, DIFFERENCES_SHOWN)


def _is_restart(step: Step) -> bool:
    return [line for line in step.diff if line.startswith("+")] == [RESTART]


def _kind(step: Step) -> tuple[object, ...]:
    """Return what steps have in common that are told as one change."""
    target = "" if _is_restart(step) else step.target
    return step.fix, step.action, target, step.when, step.place, step.owner, step.ends_after_seconds


def _restarts(steps: Sequence[Step]) -> ChangeWords:
    found = [_WORKLOAD.fullmatch(step.target) for step in steps]
    names = [f"{one['name']} {one['pods']}" if one else step.target for one, step in zip(found, steps, strict=True)]
    pods = sum(int(one["pods"]) for one in found if one)
    what = count(pods, "pod") if pods else "the pods"
    one_by_one = ", one workload at a time" if len(steps) > 1 else ""
    shown = and_more(names, RESTARTED_SHOWN)
    text = f"Restart {what}{_later(steps[0])}{one_by_one}: {shown}.{_notes(steps[0])}"
    return ChangeWords(text=text, undone=False, whole=len(names) <= RESTARTED_SHOWN)


def _change(steps: Sequence[Step]) -> ChangeWords:
    first = steps[0]
    lines = list(dict.fromkeys(line for step in steps for line in _differences(step)))
    shown = ", ".join(lines[:DIFFERENCES_SHOWN])
    more = f" and {count(len(lines) - DIFFERENCES_SHOWN, 'more line')}" if len(lines) > DIFFERENCES_SHOWN else ""
    text = f"{capital(first.target)}{_later(first)}: {shown}{more}.{_notes(first)}"
    return ChangeWords(text=text, undone=all(step.undo for step in steps), whole=not more)


def _differences(step: Step) -> Iterator[str]:
    yield from (" ".join(line.split()) for line in step.diff if line[:1] in {"+", "-"} and line[1:].strip())


def _later(step: Step) -> str:
    return " once lookups are answered" if step.when is When.LOOKUPS_ANSWER else ""


def _notes(step: Step) -> str:
    return f"{where_words(step)}{end_words(step)}"


def where_words(step: Step) -> str:
    """Return at which other place the object is, and what else manages it, or nothing."""
    where = "" if step.place == HOME else f" At {step.place}."
    owner = f" Also managed by {step.owner.rstrip('.')}." if step.owner else ""
    return f"{where}{owner}"


def end_words(step: Step) -> str:
    """Return when the change is taken back by itself, or nothing."""
    if not step.ends_after_seconds:
        return ""
    minutes, seconds = divmod(step.ends_after_seconds, 60)
    time = count(minutes, "minute") if not seconds else count(step.ends_after_seconds, "second")
    return f" Undone automatically after {time}."
