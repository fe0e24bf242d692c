"""A plan as JSON: what it would change, step by step, and what became of it. Scripts rely on its names."""

from __future__ import annotations

from bot.domain.approvals import Decision, Proposal, Proposed, StepRecord
from bot.domain.history import Story
from bot.domain.json_values import JsonObject
from bot.domain.phrases import timestamp
from bot.domain.plans import FixPlan


def plans_json(proposed: Proposed) -> JsonObject:
    """Return what would be proposed, and what cannot be; nothing of it is stored."""
    return {
        "plans": [_plan(proposal) for proposal in proposed.proposals],
        "not_offered": [
            {"rule": one.finding, "fix": one.fix, "reason": one.advice.reason, "instead": list(one.advice.text)}
            for one in proposed.not_offered
        ],
    }


def story_json(story: Story) -> JsonObject:
    """Return a stored plan, with its decisions, journal and outcome."""
    proposal, outcome = story.proposal, story.outcome
    return {
        "schema": 1,
        "plan": _plan(proposal),
        "state": proposal.state.value,
        "created_at": timestamp(proposal.created_at),
        "expires_at": timestamp(proposal.expires_at),
        "requested_by": str(proposal.requested_by) if proposal.requested_by else None,
        "decisions": list(map(decision_json, proposal.decisions)),
        "journal": list(map(step_record_json, story.journal)),
        "outcome": None
        if outcome is None
        else {
            "result": outcome.result.value,
            "summary": outcome.summary,
            "inverse_proposal_id": outcome.inverse_proposal_id,
            "verification_diagnosis_id": outcome.verification_diagnosis_id,
        },
    }


def decision_json(decision: Decision) -> JsonObject:
    """Return one press of Approve or Reject, taken or not."""
    return {
        "person": str(decision.person),
        "choice": decision.choice.value,
        "accepted": decision.accepted,
        "reason": decision.reason,
        "plan_hash": decision.plan_hash,
        "decided_at": timestamp(decision.decided_at),
    }


def step_record_json(record: StepRecord) -> JsonObject:
    """Return one line of the journal."""
    return {"index": record.index, "state": record.state.value, "note": record.note, "at": timestamp(record.at)}


def _plan(proposal: Proposal) -> JsonObject:
    return {
        "id": proposal.id,
        "hash": proposal.plan_hash,
        "not_approvable": proposal.not_approvable,
        **_changes(proposal.plan),
        "alternatives": [{"hash": one.hash, **_changes(one)} for one in proposal.alternatives],
    }


def _changes(plan: FixPlan) -> JsonObject:
    return {
        "diagnosis_id": plan.diagnosis_id,
        "cluster": plan.cluster,
        "rule": plan.finding,
        "fix": plan.fix,
        "title": plan.title,
        "risk": plan.risk,
        "also_affects": plan.blast_radius,
        "speaks_for": plan.speaks_for,
        "steps": [
            {
                "target": step.target,
                "place": str(step.place),
                "when": step.when.value,
                "diff": list(step.diff),
                "command": step.command,
                "undo": step.undo,
            }
            for step in plan.steps
        ],
        "verify_rules": list(plan.verify_rules),
    }
