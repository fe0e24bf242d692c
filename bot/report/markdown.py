"""A report and plans as Markdown, for the incident's document. The sentences stand in `*_words.py`.

What comes from the cluster cannot become a link, an image, HTML or a heading: everything outside code is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from bot.domain.findings import TextFile
from bot.report.diagnosis_words import DiagnosisWords, FaultWords
from bot.report.plan_words import PlanWords, StepWords

_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]<>#|~!&@])")
_BEGINS_LIST = re.compile(r"^(\d*)([-+=.)])")
_FENCE = re.compile(r"`{3,}")


def diagnosis_markdown(words: DiagnosisWords, plans: Sequence[PlanWords] = ()) -> str:
    """Return the report, and the plans that it leads to, ending in a newline."""
    parts = (
        [f"# {escaped(words.headline)}", ""],
        _paragraphs(f"{words.cluster} ({words.where}), {words.started_at}, {words.took}. {words.coverage}"),
        _listed("Asked", words.answers),
        _paragraphs(words.verdict),
        chain.from_iterable(_fault("Cause", fault) for fault in words.causes),
        chain.from_iterable(map(_paragraphs, words.notes)),
        _listed("What to do", tuple(words.next_steps(offers=not plans))),
        chain.from_iterable(map(_plan, plans)),
        chain.from_iterable(_fault("Also", fault) for fault in words.follows),
        _lookups(words),
        chain.from_iterable(map(_handed, words.handed)),
        _listed("Could not be checked", (*words.unknown, *words.closed, *words.unread)),
        _listed("Checked" if words.all_well else "Ruled out", words.ruled_out),
        [f"Diagnosis `{words.diagnosis_id}`"],
    )
    return "\n".join(chain.from_iterable(parts)) + "\n"


def plan_markdown(plan: PlanWords) -> str:
    """Return a stored plan and what became of it, ending in a newline."""
    parts = (
        _plan(plan),
        _paragraphs(f"{plan.status} {plan.policy}"),
        _listed("What became of it", (*plan.decisions, *plan.journal)),
        [f"Plan `{plan.plan_id}`"],
    )
    return "\n".join(chain.from_iterable(parts)) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    line = " ".join(text.split())
    return _BEGINS_LIST.sub(r"\1\\\2", _MEANS_SOMETHING.sub(r"\\\1", line))


def _fenced(text: str, language: str = "") -> Iterator[str]:
    """Yield a block of code, its fence longer than any within."""
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    yield f"{fence}{language}"
    yield from text.splitlines()
    yield fence
    yield ""


def _paragraphs(text: str) -> Iterator[str]:
    if text.strip():
        yield escaped(text)
        yield ""


def _listed(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"## {heading}"
        yield ""
        yield from _bullets(lines)
        yield ""


def _bullets(lines: Iterable[str]) -> Iterator[str]:
    yield from (f"- {escaped(line)}" for line in lines)


def _fault(word: str, fault: FaultWords) -> Iterator[str]:
    yield f"## {word}: {escaped(fault.title)} ({fault.severity})"
    yield ""
    yield from _paragraphs(fault.summary)
    yield from _bullets((*fault.proof, *(f"could not be read: {gap}" for gap in fault.missing)))
    yield ""
    if fault.changed:
        yield "Who changed it:"
        yield ""
        yield from _bullets(fault.changed)
        yield ""


def _handed(file: TextFile) -> Iterator[str]:
    yield f"## For your servers: {escaped(file.title)} (`{file.name}`)"
    yield ""
    yield from _fenced(file.text)


def _lookups(words: DiagnosisWords) -> Iterator[str]:
    if words.matrix:
        yield "## Lookups"
        yield ""
        yield from _paragraphs(words.lookups)
        yield from _fenced(words.matrix)


def _plan(plan: PlanWords) -> Iterator[str]:
    """Yield a plan, or those of which one can be approved."""
    if plan.choices:
        many = len(plan.choices)
        yield from _paragraphs(f"Choose one of {many} plans, the narrowest first: approving one withdraws the others.")
    for number, one in enumerate(plan.choices or (plan,), 1):
        yield from _whole(one, f"Plan {number}" if plan.choices else "Plan")
    yield from chain.from_iterable(_paragraphs(f"Withdrawn: {title}") for title in plan.withdrawn)


def _whole(plan: PlanWords, name: str) -> Iterator[str]:
    yield f"## {name}: {escaped(plan.title)} (risk {plan.risk})"
    yield ""
    yield from _paragraphs(plan.speaks_for)
    yield from _paragraphs(plan.blast_radius)
    yield from _paragraphs(f"Cannot be approved here: {plan.not_approvable}" if plan.not_approvable else "")
    for step in plan.steps:
        yield from _step(step)
    yield from _paragraphs(plan.verification)


def _step(step: StepWords) -> Iterator[str]:
    yield f"### {escaped(step.heading)}"
    yield ""
    yield from _fenced(step.diff, "diff")
    yield from _fenced(step.command, "sh")
    yield from _paragraphs(f"Undo: {step.undo}")
