"""History as text and as JSON: diagnoses, proposals, decisions, outcomes, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.approvals import Decision, Outcome, Proposal
from bot.domain.json_values import JsonObject
from bot.report.json_report import timestamp
from bot.workflow.desk import HistoryLine


def history_text(lines: Sequence[HistoryLine]) -> str:
    """Return the history for a terminal, ending in a newline."""
    if not lines:
        return "Nothing is recorded yet. `dnsbot diagnose CLUSTER` or /dns-diagnose makes the first entry.\n"
    return "\n\n".join("\n".join(_entry(line)) for line in lines) + "\n"


def history_json(lines: Sequence[HistoryLine]) -> JsonObject:
    """Return the history as JSON."""
    return {"schema": 1, "diagnoses": [_entry_document(line) for line in lines]}


def _entry(line: HistoryLine) -> Iterator[str]:
    causes = ", ".join(line.root_causes) or ("no known cause" if line.verdict == "problem" else "no cause")
    who = f" for {line.asked_by}" if line.asked_by else ""
    yield f"{line.started_at}  {line.cluster}  {line.verdict}: {causes}  (diagnosis {line.diagnosis_id}{who})"
    outcomes = {outcome.proposal_id: outcome for outcome in line.outcomes}
    for proposal in line.proposals:
        yield f"  plan {proposal.id}: {proposal.plan.title}, {proposal.plan.risk} risk: {proposal.state.value}"
        if proposal.not_approvable:
            yield f"    cannot be approved here: {proposal.not_approvable}"
        for decision in proposal.decisions:
            yield f"    {_decision(decision)}"
        outcome = outcomes.get(proposal.id)
        if outcome is not None:
            yield from _outcome(outcome, proposal)


def _decision(decision: Decision) -> str:
    taken = "" if decision.accepted else " (refused)"
    reason = f": {decision.reason}" if decision.reason else ""
    return f"{timestamp(decision.decided_at)}  {decision.person} pressed {decision.choice.value}{taken}{reason}"


def _outcome(outcome: Outcome, proposal: Proposal) -> Iterator[str]:
    for record in outcome.steps:
        target = proposal.plan.steps[record.index].target if record.index < len(proposal.plan.steps) else ""
        note = f": {record.note}" if record.note else ""
        yield f"    {timestamp(record.at)}  step {record.index + 1} {record.state.value}  {target}{note}"
    said = outcome.summary.lower().startswith(outcome.result.value)
    yield f"    {outcome.summary}" if said else f"    {outcome.result.value}: {outcome.summary}"
    if outcome.inverse_proposal_id:
        yield f"    to take it back: plan {outcome.inverse_proposal_id}"


def _entry_document(line: HistoryLine) -> JsonObject:
    return {
        "diagnosis_id": line.diagnosis_id,
        "cluster": line.cluster,
        "asked_by": line.asked_by,
        "started_at": line.started_at,
        "verdict": line.verdict,
        "root_causes": list(line.root_causes),
        "proposals": [_proposal_document(proposal) for proposal in line.proposals],
        "outcomes": [
            {
                "proposal_id": outcome.proposal_id,
                "result": outcome.result.value,
                "summary": outcome.summary,
                "inverse_proposal_id": outcome.inverse_proposal_id,
                "steps": [
                    {"index": record.index, "state": record.state.value, "note": record.note,
                     "at": timestamp(record.at)}
                    for record in outcome.steps
                ],
            }
            for outcome in line.outcomes
        ],
    }  # fmt: skip


def _proposal_document(proposal: Proposal) -> JsonObject:
    return {
        "id": proposal.id,
        "hash": proposal.plan_hash,
        "fix": proposal.plan.fix,
        "title": proposal.plan.title,
        "finding": proposal.plan.finding,
        "risk": proposal.plan.risk,
        "state": proposal.state.value,
        "requested_by": str(proposal.requested_by) if proposal.requested_by else None,
        "created_at": timestamp(proposal.created_at),
        "expires_at": timestamp(proposal.expires_at),
        "not_approvable": proposal.not_approvable,
        "steps": [{"target": step.target, "command": step.command, "undo": step.undo} for step in proposal.plan.steps],
        "decisions": [
            {
                "person": str(decision.person),
                "choice": decision.choice.value,
                "accepted": decision.accepted,
                "reason": decision.reason,
                "decided_at": timestamp(decision.decided_at),
            }
            for decision in proposal.decisions
        ],
    }
