"""Reports and history for a terminal: layout only, the sentences stand in `diagnosis_words.py`, `history_words.py`.

The cause first, its proof under it, then what was ruled out, what could not be checked, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from bot.domain.findings import TextFile
from bot.report.diagnosis_words import DiagnosisWords, FaultWords
from bot.report.history_words import HistoryWords, PageWords, PlanHistory
from bot.report.timeline_words import EventWords
from bot.report.wrapping import bullets, wrapped


def diagnosis_text(words: DiagnosisWords) -> str:
    """Return the report, wrapped at 110 columns, ending in a newline."""
    parts = (
        _head(words),
        _listed("ASKED", words.answers),
        _causes(words),
        _symptoms(words),
        _follows(words),
        _listed(f"COULD NOT BE CHECKED  {len(words.unknown)}", words.unknown),
        _listed(f"COULD NOT BE LOOKED AT  {len(words.closed)}", words.closed),
        _listed(f"COULD NOT BE READ, though no check misses it  {len(words.unread)}", words.unread),
        _listed(f"{'CHECKED' if words.all_well else 'RULED OUT'}  {len(words.ruled_out)}", words.ruled_out),
        _listed("WHAT TO DO", tuple(_next_steps(words))),
        chain.from_iterable(map(_handed, words.handed)),
    )
    return "\n".join(chain.from_iterable(parts)).rstrip("\n") + "\n"


def _head(words: DiagnosisWords) -> Iterator[str]:
    yield f"{words.cluster} ({words.where})"
    yield f"{words.started_at}, {words.took}, {words.coverage} Diagnosis {words.diagnosis_id}."
    yield from wrapped(words.looked_at)
    yield ""


def _causes(words: DiagnosisWords) -> Iterator[str]:
    if words.verdict:
        yield words.headline
        yield from wrapped(words.verdict, "  ")
        yield ""
    for fault in words.causes:
        yield f"ROOT CAUSE  {fault.title}  [{fault.rule}, {fault.severity}]"
        yield from _body(fault)
        yield ""
    for note in words.notes:
        yield from wrapped(note)
        yield ""


def _body(fault: FaultWords) -> Iterator[str]:
    yield from wrapped(fault.summary, "  ")
    last_failure = (f"last failure at {fault.last_failure}",) if fault.last_failure else ()
    missing = (f"could not be read: {gap}" for gap in fault.missing)
    yield from bullets((*fault.proof, *last_failure, *missing), "    ")


def _symptoms(words: DiagnosisWords) -> Iterator[str]:
    for fault in words.symptoms:
        yield f"LOOKUPS  {words.looked_from}" if fault.lookups else f"SEEN  {fault.title}  [{fault.rule}]"
        yield from wrapped(fault.summary, "  ")
        yield from (f"    {line}" for line in fault.proof)
        yield ""
    if words.unexplained:
        yield from wrapped(words.unexplained, "  ")
        yield from bullets(words.unexplained_lookups, "    ")
        yield ""


def _follows(words: DiagnosisWords) -> Iterator[str]:
    for fault in words.follows:
        yield f"FOLLOWS FROM {', '.join(fault.explained_by)}  {fault.title}  [{fault.rule}]"
        yield from _body(fault)
        yield ""


def _listed(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield heading
        yield from bullets(lines)
        yield ""


def _next_steps(words: DiagnosisWords) -> Iterator[str]:
    for fault in words.causes:
        yield from fault.advice
        yield from filter(None, (fault.offer,))
    yield from words.advice
    yield from words.measures
    yield from filter(None, (words.grants,))


def _handed(file: TextFile) -> Iterator[str]:
    """Yield a text for people's own servers as it is, to be copied."""
    yield f"FOR YOUR SERVERS  {file.title}  [{file.name}]"
    yield from file.text.splitlines()
    yield ""


def history_text(page: PageWords) -> str:
    """Return the history in the order given, ending in a newline."""
    notes = [line for note in page.notes for line in wrapped(f"! {note}")]
    if page.nothing:
        first = "" if page.fits else " `dnsbot diagnose CLUSTER` or /dns-diagnose makes the first entry."
        return "\n".join([*notes, f"{page.nothing}{first}"]) + "\n"
    older = [f"There are older ones: the same with --older {page.older}"] if page.older else []
    head = ["\n".join(notes)] if notes else []
    return "\n\n".join([*head, *("\n".join(_entry(entry)) for entry in page.lines), *older]) + "\n"


def timeline_text(events: Sequence[EventWords]) -> str:
    """Return a timeline, a line for each event, wrapped at 110 columns, ending in a newline."""
    lines = (
        f"{event.at}  {event.event}, {event.who}{f' (plan {event.plan})' if event.plan else ''}. {event.what}".rstrip()
        for event in events
    )
    return "\n".join(chain.from_iterable(wrapped(line, hanging="    ") for line in lines)) + "\n"


def _entry(entry: HistoryWords) -> Iterator[str]:
    yield f"{entry.heading} {entry.verdict}  (diagnosis {entry.diagnosis_id})"
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
