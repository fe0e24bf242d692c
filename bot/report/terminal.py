"""Reports, plans and history for a terminal: layout only, the sentences stand in `*_words.py`.

The cause first, its proof under it, then what was ruled out, what could not be checked, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from bot.domain.findings import TextFile
from bot.report.diagnosis_words import DiagnosisWords, FaultWords
from bot.report.history_words import HistoryWords, PageWords, PlanHistory
from bot.report.plan_words import PlanWords, StepWords
from bot.report.timeline_words import EventWords
from bot.report.wrapping import Page, Styled

HEADING = "bold"
SEVERITIES = {"critical": "bold red", "warning": "bold yellow", "note": "bold cyan"}
DIFFERENCES = {"+": "green", "-": "red"}
COMMAND = "cyan"
WELL = "green"
PLAIN = Page()


def diagnosis_text(words: DiagnosisWords, page: Page = PLAIN) -> str:
    """Return the report as text, ending in a newline."""
    return text_of(diagnosis_lines(words, page))


def text_of(lines: Iterable[str]) -> str:
    """Return lines as text, ending in a newline."""
    return "\n".join(lines) + "\n"


def diagnosis_lines(words: DiagnosisWords, page: Page) -> list[str]:
    """Return the report."""
    return _joined(
        _head(words, page),
        _listed("ASKED", words.answers, page),
        _causes(words, page),
        _symptoms(words, page),
        _follows(words, page),
        _listed(f"COULD NOT BE CHECKED  {len(words.unknown)}", words.unknown, page),
        _listed(f"COULD NOT BE LOOKED AT  {len(words.closed)}", words.closed, page),
        _listed(f"COULD NOT BE READ, though no check misses it  {len(words.unread)}", words.unread, page),
        _listed(f"{'CHECKED' if words.all_well else 'RULED OUT'}  {len(words.ruled_out)}", words.ruled_out, page),
        _listed("WHAT TO DO", tuple(words.next_steps()), page),
        chain.from_iterable(map(_handed, words.handed)),
    )


def brief_lines(words: DiagnosisWords, page: Page) -> list[str]:
    """Return the report in a few lines: what is wrong, or else the first thing to do, and how much was checked."""
    style = SEVERITIES.get(words.causes[0].severity, HEADING) if words.causes else HEADING
    return _joined(
        page.wrapped(words.headline, style=f"{HEADING} {WELL}" if words.all_well else style),
        *(page.wrapped(fault.summary, "  ") for fault in words.causes),
        page.bullets(() if words.causes else tuple(words.next_steps())[:1]),
        page.bullets(words.answers),
        page.wrapped(f"{words.coverage} {words.took}. Diagnosis {words.diagnosis_id}."),
    )


def _joined(*parts: Iterable[str]) -> list[str]:
    """Return the lines of all parts, without blank ones at the end."""
    lines = list(chain.from_iterable(parts))
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _head(words: DiagnosisWords, page: Page) -> Iterator[str]:
    yield from page.wrapped(f"{words.cluster} ({words.where})", style=HEADING)
    about = f"{words.started_at}, {words.took}, {words.coverage} Diagnosis {words.diagnosis_id}."
    yield from page.wrapped(about)
    yield from page.wrapped(words.looked_at)
    yield ""


def _causes(words: DiagnosisWords, page: Page) -> Iterator[str]:
    if words.verdict:
        yield from page.wrapped(words.headline, style=f"{HEADING} {WELL}" if words.all_well else HEADING)
        yield from page.wrapped(words.verdict, "  ")
        yield ""
    for fault in words.causes:
        style = SEVERITIES.get(fault.severity, HEADING)
        yield from page.wrapped(f"ROOT CAUSE  {fault.title}  [{fault.severity}]", "", "  ", style)
        yield from _body(fault, page)
        yield ""
    for note in words.notes:
        yield from page.wrapped(note)
        yield ""


def _body(fault: FaultWords, page: Page) -> Iterator[str]:
    yield from page.wrapped(fault.summary, "  ")
    last_failure = (f"last failure at {fault.last_failure}",) if fault.last_failure else ()
    missing = (f"could not be read: {gap}" for gap in fault.missing)
    yield from page.bullets((*fault.proof, *last_failure, *missing), "    ")
    if fault.changed:
        yield from page.wrapped("Who changed it", "  ")
        yield from page.bullets(fault.changed, "    ")


def _symptoms(words: DiagnosisWords, page: Page) -> Iterator[str]:
    for fault in words.symptoms:
        heading = f"LOOKUPS  {words.looked_from}" if fault.lookups else f"SEEN  {fault.title}"
        yield from page.wrapped(heading, "", "  ", HEADING)
        yield from page.wrapped(fault.summary, "  ")
        if fault.lookups:
            yield from (f"    {line}" for line in words.matrix.splitlines())
        yield from page.bullets(fault.proof, "    ")
        yield ""
    if words.unexplained:
        yield from page.wrapped(words.unexplained, "  ")
        yield from page.bullets(words.unexplained_lookups, "    ")
        yield ""


def _follows(words: DiagnosisWords, page: Page) -> Iterator[str]:
    for fault in words.follows:
        heading = f"FOLLOWS FROM {', '.join(fault.explained_by)}  {fault.title}"
        yield from page.wrapped(heading, "", "  ", HEADING)
        yield from _body(fault, page)
        yield ""


def _listed(heading: str, lines: Sequence[str], page: Page) -> Iterator[str]:
    if lines:
        yield from page.wrapped(heading, style=HEADING)
        yield from page.bullets(lines)
        yield ""


def _handed(file: TextFile) -> Iterator[str]:
    """Yield a text for people's own servers as it is, to be copied."""
    yield Styled(f"FOR YOUR SERVERS  {file.title}  [{file.name}]", HEADING)
    yield from file.text.splitlines()
    yield ""


def plans_lines(words: DiagnosisWords, plans: Sequence[PlanWords], page: Page) -> list[str]:
    """Return what a diagnosis would lead to: each plan with its differences and commands."""
    not_offered = tuple(f"{one.fix}: {one.reason} {' '.join(one.text.split())}".strip() for one in words.not_offered)
    return _joined(
        _head(words, page),
        [*page.wrapped(words.headline, style=HEADING), ""],
        *(_planned(plan, page) for plan in plans),
        _listed(f"CANNOT BE PLANNED  {len(not_offered)}", not_offered, page),
        () if plans else _listed("WHAT TO DO", tuple(words.next_steps(offers=False, measures=False)), page),
        page.wrapped("Nothing was applied, stored or posted." if plans else "There is nothing to plan."),
    )


def plan_lines(words: PlanWords, page: Page) -> list[str]:
    """Return a stored plan and all that became of it."""
    return _joined(
        _planned(words, page),
        [*page.wrapped(f"{words.status} {words.policy}"), ""],
        _listed("WHAT BECAME OF IT", (*words.decisions, *words.journal), page),
        page.wrapped(f"Plan {words.plan_id}, hash {words.plan_hash}. {', '.join(words.context)}."),
    )


def _planned(plan: PlanWords, page: Page) -> Iterator[str]:
    """Yield a plan, or those of which one can be approved."""
    if plan.choices:
        many = len(plan.choices)
        yield from page.wrapped(f"CHOOSE ONE of {many} plans, the narrowest first: approving one withdraws the others.")
        yield ""
    for number, one in enumerate(plan.choices or (plan,), 1):
        yield from _whole(one, f"PLAN {number}" if plan.choices else "PLAN", page)
    for title in plan.withdrawn:
        yield from page.wrapped(f"Withdrawn: {title}", "  ", "    ")
        yield ""


def _whole(plan: PlanWords, name: str, page: Page) -> Iterator[str]:
    yield from page.wrapped(f"{name}  {plan.title}  [risk {plan.risk}]", "", "  ", HEADING)
    yield from page.wrapped(plan.speaks_for, "  ")
    yield from page.wrapped(plan.blast_radius, "  ")
    yield from page.wrapped(f"Gets {plan.gets}." if plan.gets else "", "  ")
    yield from page.wrapped(f"Cannot be approved here: {plan.not_approvable}" if plan.not_approvable else "", "  ")
    for step in plan.steps:
        yield ""
        yield from _step(step, page)
    yield ""
    yield from page.wrapped(plan.verification, "  ")
    yield ""


def _step(step: StepWords, page: Page) -> Iterator[str]:
    """Yield a step; its command stands whole in lines of its own, however long, to be copied."""
    yield from page.wrapped(step.heading, "  ", "    ")
    yield from (Styled(f"    {line}", DIFFERENCES.get(line[:1], "")) for line in step.diff.splitlines())
    yield from page.wrapped(f"Undo: {step.undo}", "    ", "      ")
    yield from (Styled(line, COMMAND) for line in step.command.splitlines())


def history_text(words: PageWords) -> str:
    """Return the history in the order given, as text, ending in a newline."""
    return text_of(history_lines(words))


def history_lines(words: PageWords) -> list[str]:
    """Return the history in the order given."""
    notes = [line for note in words.notes for line in PLAIN.wrapped(f"! {note}", style=HEADING)]
    if words.nothing:
        first = "" if words.fits else " `dnsbot diagnose CLUSTER` or /dns-diagnose makes the first entry."
        return [*notes, f"{words.nothing}{first}"]
    older = [f"There are older ones: the same with --older {words.older}"] if words.older else []
    return _joined([*notes, ""] if notes else (), *((*_entry(entry), "") for entry in words.lines), older)


def timeline_text(events: Sequence[EventWords], page: Page = PLAIN) -> str:
    """Return a timeline, a line for each event, ending in a newline."""
    lines = (
        f"{event.at}  {event.event}, {event.who}{f' (plan {event.plan})' if event.plan else ''}. {event.what}".rstrip()
        for event in events
    )
    return text_of(chain.from_iterable(page.wrapped(line, hanging="    ") for line in lines))


def _entry(entry: HistoryWords) -> Iterator[str]:
    yield Styled(f"{entry.heading} {entry.verdict}  (diagnosis {entry.diagnosis_id})", HEADING)
    for plan in entry.plans:
        yield from _plan(plan)


def _plan(plan: PlanHistory) -> Iterator[str]:
    yield f"  {plan.plan}, {plan.risk} risk: {plan.status}"
    if plan.not_approvable:
        yield f"    cannot be approved here: {plan.not_approvable}"
    if plan.not_shown:
        yield f"    {plan.not_shown}"
    yield from (f"    {line}" for line in (*plan.decisions, *plan.journal, plan.outcome) if line)
    if plan.taken_back_by:
        yield f"    to take it back: plan {plan.taken_back_by}"
