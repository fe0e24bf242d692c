"""History as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.slack.card_facts import Names, approvers, outcome_words, status_words
from bot.workflow.desk import HistoryLine


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFacts:
    """One diagnosis."""

    heading: str
    verdict: str
    followed: tuple[str, ...]


def history_lines(history: Sequence[HistoryLine], names: Names) -> tuple[HistoryFacts, ...]:
    """Return one entry for each diagnosis, in the order given."""
    return tuple(_line(line, names) for line in history)


def _line(line: HistoryLine, names: Names) -> HistoryFacts:
    asked_by = names.person(line.asked_by.rpartition("/")[2]) if line.asked_by else "the schedule"
    outcomes = {outcome.proposal_id: outcome for outcome in line.outcomes}
    followed = []
    for proposal in line.proposals:
        people = ", ".join(names.person(person.rpartition("/")[2]) for person in approvers(proposal))
        by = f" Approved by {people}." if people else ""
        outcome = outcomes.get(proposal.id)
        ended = f" {outcome_words(outcome)}" if outcome is not None else ""
        followed.append(f"{proposal.plan.title} ({proposal.id}): {status_words(proposal)}{by}{ended}")
    causes = ", ".join(line.root_causes)
    return HistoryFacts(
        heading=f"{line.started_at} {line.cluster}, asked by {asked_by}:",
        verdict=f"{line.verdict} ({causes})" if causes else line.verdict,
        followed=tuple(followed),
    )
