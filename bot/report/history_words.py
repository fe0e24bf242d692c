"""What was diagnosed, proposed, decided and done, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain.approvals import Choice, Decision, Ending, Outcome, Proposal
from bot.domain.findings import Verdict
from bot.domain.history import Entry, Unreadable
from bot.domain.sought import Sought
from bot.report.plan_words import (
    Names,
    TimeForm,
    approvers,
    asked,
    decision_words,
    ending_line,
    journal_line,
    outcome_words,
    status_words,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHistory:
    """One plan that followed."""

    plan: str
    """Title and id."""
    status: str
    brief: str
    """Plan, status, who approved and the outcome, in one line."""
    risk: str
    not_approvable: str
    not_shown: str
    """What of it the chat did not take, or empty."""
    decisions: tuple[str, ...]
    """Those that were not taken, too."""
    journal: tuple[str, ...]
    outcome: str
    taken_back_by: str
    """The plan that would take it back, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryWords:
    """One diagnosis."""

    diagnosis_id: str
    heading: str
    verdict: str
    plans: tuple[PlanHistory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """One page of the history."""

    lines: tuple[HistoryWords, ...]
    fits: str
    """What the page is restricted to; empty: nothing."""
    nothing: str
    """Why there is no line, or empty."""
    notes: tuple[str, ...] = ()
    """What somebody must look at first."""
    older: str
    """The id of the last diagnosis where there are older ones; empty: this is the last page."""


class Ids:
    """Names for a teller that can look nobody up: people and groups by their ids."""

    def person(self, user_id: str) -> str:
        """Return the id."""
        return user_id

    def group(self, group_id: str) -> str:
        """Return the id."""
        return group_id


def page_words(
    entries: Sequence[Entry],
    names: Names,
    *,
    at: TimeForm,
    size: int,
    cluster: str,
    sought: Sought,
    notes: tuple[str, ...] = (),
) -> PageWords:
    """Return a page of so many diagnoses; `entries` holds one more where there are older ones."""
    shown = entries[:size]
    fits = "; ".join(_fits(cluster, sought, names, at))
    nothing = f"No recorded diagnosis fits ({fits})." if fits else "Nothing is recorded yet."
    return PageWords(
        lines=history_words(shown, names, at=at),
        fits=fits,
        notes=notes,
        nothing="" if shown else nothing,
        older=shown[-1].diagnosis_id if len(entries) > size else "",
    )


def _fits(cluster: str, sought: Sought, names: Names, at: TimeForm) -> Iterator[str]:
    if cluster:
        yield f"cluster {cluster}"
    if sought.rule:
        yield f"rule {sought.rule}"
    if sought.user_id:
        yield f"with {names.person(sought.user_id)} asking or deciding"
    if sought.since:
        yield f"since {at(sought.since)}"
    if sought.until:
        yield f"before {at(sought.until)}"
    if sought.older:
        yield f"older than diagnosis {sought.older}"


def history_words(entries: Sequence[Entry], names: Names, *, at: TimeForm) -> tuple[HistoryWords, ...]:
    """Return one entry for each diagnosis, in the order given."""
    checks = {one.verification_diagnosis_id: one.proposal_id for entry in entries for one in entry.outcomes}
    return tuple(_entry(entry, names, at, checks.get(entry.diagnosis_id, "")) for entry in entries)


def _entry(entry: Entry, names: Names, at: TimeForm, checks: str) -> HistoryWords:
    """Return an entry; `checks` is the plan that this diagnosis verified, or empty."""
    why = f"the check after plan {checks}" if checks else f"asked {asked(entry.asked_by, names)}"
    outcomes = {outcome.proposal_id: outcome for outcome in entry.outcomes}
    return HistoryWords(
        diagnosis_id=entry.diagnosis_id,
        heading=f"{at(entry.started_at)} {entry.cluster}, {why}:",
        verdict=verdict_words(entry) + _deleted(entry, at),
        plans=(
            *(
                _plan(proposal, outcomes.get(proposal.id), entry.endings.get(proposal.id, ()), names, at)
                for proposal in entry.proposals
            ),
            *map(_unreadable, entry.unreadable),
        ),
    )


def verdict_words(entry: Entry) -> str:
    """Return what a diagnosis found: the verdict, and the root causes."""
    causes = ", ".join(map(entry.title_of, entry.root_causes)) or (
        "no known cause" if entry.verdict is Verdict.PROBLEM else ""
    )
    return f"{entry.verdict.value} ({causes})" if causes else entry.verdict.value


def _deleted(entry: Entry, at: TimeForm) -> str:
    """Say where the evidence of a diagnosis is gone."""
    if entry.evidence_deleted_at is None:
        return ""
    return f"; what it had read was deleted at {at(entry.evidence_deleted_at)} (`retention:` in dnsbot.yaml)"


def _unreadable(record: Unreadable) -> PlanHistory:
    """Return in the place of a plan that there is a record which cannot be read."""
    return PlanHistory(
        plan=f"Plan {record.proposal_id}" if record.proposal_id else f"Diagnosis {record.diagnosis_id}",
        status="cannot be read",
        brief=record.reason,
        risk="unknown",
        not_approvable="",
        not_shown="",
        decisions=(),
        journal=(),
        outcome=record.reason,
        taken_back_by="",
    )


def _plan(
    proposal: Proposal, outcome: Outcome | None, endings: Sequence[Ending], names: Names, at: TimeForm
) -> PlanHistory:
    plan, status = f"{proposal.plan.title} ({proposal.id})", status_words(proposal, at)
    people = ", ".join(names.person(person.rpartition("/")[2]) for person in approvers(proposal))
    by = f" Approved by {people}." if people else ""
    by += "".join(f" {decision_words(one, names, at)}." for one in proposal.decisions if _ends(one))
    ended = outcome_words(outcome) if outcome is not None else ""
    steps = outcome.steps if outcome is not None else ()
    return PlanHistory(
        plan=plan,
        status=status,
        brief=" ".join(filter(None, (f"{plan}: {status}{by}", ended, not_shown_words(proposal)))),
        risk=proposal.plan.risk,
        not_approvable=proposal.not_approvable,
        not_shown=not_shown_words(proposal),
        decisions=tuple(decision_words(decision, names, at) for decision in proposal.decisions),
        journal=(
            *(f"{at(record.at)} {journal_line(record, proposal.plan.steps)}" for record in steps),
            *(ending_line(ending, proposal.plan.steps, at) for ending in endings),
        ),
        outcome=ended,
        taken_back_by=outcome.inverse_proposal_id if outcome is not None and outcome.inverse_proposal_id else "",
    )


def _ends(decision: Decision) -> bool:
    return decision.accepted and decision.choice is Choice.REJECT


def not_shown_words(proposal: Proposal) -> str:
    """Say what of a plan the chat did not take, and why: a person who looks there sees less than has happened."""
    card = f"Its card is out of date: Slack answered {proposal.undrawn}." if proposal.undrawn else ""
    thread = f"Its thread does not tell what became of it: Slack answered {proposal.untold}." if proposal.untold else ""
    return " ".join(filter(None, (card, thread)))
