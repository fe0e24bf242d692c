"""An incident as a timeline: who asked, saw, proposed, approved, ran, verified and undid what, and when."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime

from bot.domain.approvals import Choice, Decision, Ending, Outcome, Proposal, ProposalState, StepRecord, StepState
from bot.domain.history import Entry
from bot.report.history_words import verdict_words
from bot.report.plan_words import TERMINAL, Names, TimeForm, asked, ending_line, journal_line, outcome_words

BOT = "dnsbot"
NOT_RUN = {
    StepState.STARTED: "began",
    StepState.FAILED: "failed",
    StepState.UNKNOWN: "unknown",
    StepState.SKIPPED: "not run",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWords:
    """One thing that somebody did."""

    at: str
    cluster: str
    diagnosis: str
    """The id of the diagnosis that it followed from, or is."""
    event: str
    """`asked`, `saw`, `proposed`, `approved`, `rejected`, `not taken`, `expired`, `ran`, `undid`, what else became of a
    step, `unreadable`, or the result of a plan: `verified`."""
    who: str
    plan: str
    """The plan's id, or empty."""
    what: str


_Dated = tuple[datetime, EventWords]


def timeline(entries: Sequence[Entry], names: Names, *, at: TimeForm) -> tuple[EventWords, ...]:
    """Return what happened in these diagnoses and after them, oldest first."""
    found = [one for entry in entries for one in _events(entry, names, at)]
    return tuple(replace(event, at=at(moment)) for moment, event in sorted(found, key=lambda one: one[0]))


def timeline_csv(events: Iterable[EventWords]) -> str:
    """Return a heading and a row for each event; a text that a spreadsheet would run begins with an apostrophe."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([field.name for field in fields(EventWords)])
    for event in events:
        rows.writerow([f"'{value}" if value.startswith(FORMULA) else value for value in astuple(event)])
    return text.getvalue()


def _events(entry: Entry, names: Names, at: TimeForm) -> Iterator[_Dated]:
    blank = EventWords(at="", cluster=entry.cluster, diagnosis=entry.diagnosis_id, event="", who=BOT, plan="", what="")
    if not entry.verifies:
        who = names.person(entry.asked_by.user_id) if entry.asked_by else TERMINAL
        yield entry.started_at, replace(blank, event="asked", who=who, what=f"Diagnosis {entry.diagnosis_id}.")
    why = f" Looked to verify plan {entry.verifies}." if entry.verifies else ""
    yield entry.started_at, replace(blank, event="saw", plan=entry.verifies, what=f"{verdict_words(entry)}.{why}")
    for left in entry.unreadable:
        yield entry.started_at, replace(blank, event="unreadable", plan=left.proposal_id, what=left.reason)
    outcomes = {outcome.proposal_id: outcome for outcome in entry.outcomes}
    for proposal in entry.proposals:
        of_plan = replace(blank, plan=proposal.id)
        yield from _decided(proposal, of_plan, entry.title_of(proposal.plan.finding), names)
        yield from _done(proposal, outcomes.get(proposal.id), entry.endings.get(proposal.id, ()), of_plan, at)


def _decided(proposal: Proposal, blank: EventWords, problem: str, names: Names) -> Iterator[_Dated]:
    plan, by = proposal.plan, asked(proposal.requested_by, names)
    titles = " or ".join(f"{one.title}, {one.risk} risk" for one in (plan, *proposal.alternatives))
    what = f"{titles}, for: {problem}; asked {by}."
    yield proposal.created_at, replace(blank, event="proposed", what=what)
    for decision in proposal.decisions:
        who = names.person(decision.person.user_id)
        yield decision.decided_at, replace(blank, event=_press(decision), who=who, what=decision.reason)
    if proposal.state is ProposalState.EXPIRED:
        yield proposal.expires_at, replace(blank, event="expired", what="Nobody decided in time, or a newer plan came.")


def _press(decision: Decision) -> str:
    if not decision.accepted:
        return "not taken"
    return "approved" if decision.choice is Choice.APPROVE else "rejected"


def _done(
    proposal: Proposal, outcome: Outcome | None, endings: Sequence[Ending], blank: EventWords, at: TimeForm
) -> Iterator[_Dated]:
    steps = proposal.plan.steps
    last = proposal.created_at
    for record in outcome.steps if outcome is not None else ():
        last = max(last, record.at)
        yield record.at, replace(blank, event=_step(record, proposal), what=journal_line(record, steps))
    for ending in endings:
        if ending.ended_at is not None:
            event = "not undone" if ending.note else "undid"
            yield ending.ended_at, replace(blank, event=event, what=ending_line(ending, steps, at))
    if outcome is not None:
        ended = outcome.finished_at or last
        yield ended, replace(blank, event=outcome.result.value, what=outcome_words(outcome))


def _step(record: StepRecord, proposal: Proposal) -> str:
    undoes = bool(proposal.plan.undoes) or record.index >= len(proposal.plan.steps)
    return NOT_RUN.get(record.state, "undid" if undoes else "ran")
