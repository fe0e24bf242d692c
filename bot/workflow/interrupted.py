"""Repairs whose process ended: shown as interrupted, never resumed by themselves."""

from __future__ import annotations

from bot.domain.approvals import Outcome, Proposal, ProposalState, Result, StepState
from bot.domain.history import History
from bot.errors import HistoryUnavailable


def interrupt_stranded(history: History) -> tuple[Proposal, ...]:
    """At start-up: mark every repair that a former process left approved or running, and return them."""
    return tuple(interrupt(history, proposal) for proposal in history.stranded())


def interrupt(history: History, proposal: Proposal) -> Proposal:
    """Mark one repair as interrupted; its outcome says what was done and what nobody knows."""
    lines = history.steps(proposal.id)
    for line in lines:
        if line.state is StepState.STARTED:
            note = "The process ended while this step ran: it may or may not have happened."
            history.journal(proposal_id=proposal.id, index=line.index, state=StepState.UNKNOWN, note=note)
    done = [str(line.index + 1) for line in lines if line.state is StepState.DONE]
    open_ones = [str(line.index + 1) for line in lines if line.state in {StepState.STARTED, StepState.UNKNOWN}]
    outcome = Outcome(
        proposal_id=proposal.id,
        result=Result.STOPPED if done or open_ones else Result.REFUSED,
        summary=_summary(done, open_ones, len(proposal.plan.steps)),
        steps=(),
    )
    history.finish(outcome, ProposalState.INTERRUPTED)
    marked = history.proposal(proposal.id)
    if marked is None:
        raise HistoryUnavailable(f"Plan {proposal.id} was marked interrupted and then could not be read again.")
    return marked


def _summary(done: list[str], open_ones: list[str], total: int) -> str:
    parts = ["Interrupted: the process that ran this repair ended."]
    if done:
        parts.append(f"Done: step {', '.join(done)} of {total}.")
    if open_ones:
        parts.append(f"Step {', '.join(open_ones)} was begun; nobody knows whether it happened.")
    if not done and not open_ones:
        parts.append("Nothing was written.")
    parts.append("Nothing is resumed; diagnose again.")
    return " ".join(parts)
