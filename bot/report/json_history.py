"""History as JSON: diagnoses, proposals, decisions, outcomes, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.approvals import Proposal
from bot.domain.history import Entry
from bot.domain.json_values import JsonObject
from bot.domain.phrases import timestamp
from bot.report.history_words import Ids
from bot.report.json_plan import decision_json, step_record_json
from bot.report.timeline_words import timeline


def history_json(entries: Sequence[Entry], *, size: int) -> JsonObject:
    """Return a page of so many diagnoses as JSON; `entries` holds one more where there are older ones."""
    shown = entries[:size]
    return {
        "schema": 1,
        "diagnoses": [_entry_document(entry) for entry in shown],
        "older": shown[-1].diagnosis_id if len(entries) > size else "",
    }


def _entry_document(entry: Entry) -> JsonObject:
    return {
        "diagnosis_id": entry.diagnosis_id,
        "cluster": entry.cluster,
        "asked_by": str(entry.asked_by) if entry.asked_by else "",
        "started_at": timestamp(entry.started_at),
        "verdict": entry.verdict.value,
        "root_causes": list(entry.root_causes),
        "evidence_deleted_at": timestamp(entry.evidence_deleted_at) if entry.evidence_deleted_at else None,
        "proposals": [_proposal_document(proposal) for proposal in entry.proposals],
        "verifies": entry.verifies,
        "timeline": [
            {"at": event.at, "event": event.event, "who": event.who, "plan": event.plan, "what": event.what}
            for event in timeline([entry], Ids(), at=timestamp)
        ],
        "outcomes": [
            {
                "proposal_id": outcome.proposal_id,
                "result": outcome.result.value,
                "summary": outcome.summary,
                "inverse_proposal_id": outcome.inverse_proposal_id,
                "steps": list(map(step_record_json, outcome.steps)),
            }
            for outcome in entry.outcomes
        ],
        "unreadable": [
            {"proposal_id": record.proposal_id, "reason": record.reason} for record in entry.unreadable
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
        "not_shown": {"card": proposal.undrawn, "thread": proposal.untold},
        "steps": [{"target": step.target, "command": step.command, "undo": step.undo} for step in proposal.plan.steps],
        "alternatives": [
            {"hash": one.hash, "fix": one.fix, "title": one.title, "risk": one.risk} for one in proposal.alternatives
        ],
        "decisions": list(map(decision_json, proposal.decisions)),
    }
