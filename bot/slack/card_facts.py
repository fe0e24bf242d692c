"""What a proposal's card says, before and after its decision. Pure; names come from a function passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.approvals import (
    ApprovalPolicy,
    Choice,
    Decision,
    Outcome,
    Proposal,
    ProposalState,
    StepRecord,
    StepState,
)
from bot.domain.plans import Step
from bot.slack.button_value import ButtonValue
from bot.slack.render import clock
from bot.slack.text import count


class Names(Protocol):
    """Names to show for ids; display alone."""

    def person(self, user_id: str) -> str:
        """Return a person's name, or the id."""
        ...

    def group(self, group_id: str) -> str:
        """Return a user group's handle, or the id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """One step of the plan."""

    heading: str
    diff: str
    undo: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """All sentences of a card."""

    heading: str
    cluster: str
    title: str
    status: str
    """How it stands: what is still needed, or how it ended."""
    context: tuple[str, ...]
    blast_radius: str
    risk: str
    steps: tuple[StepFacts, ...]
    verification: str
    policy: str
    decisions: tuple[str, ...]
    journal: tuple[str, ...]
    not_approvable: str
    report_url: str
    undoes: str
    confirm: str
    value: str
    plan_id: str
    plan_hash: str


STATE_WORDS = {
    ProposalState.PENDING: "waits for a decision",
    ProposalState.APPROVED: "approved; the repair is about to start",
    ProposalState.REJECTED: "rejected; nothing was changed",
    ProposalState.EXPIRED: (
        "expired, or replaced by a newer plan; nothing was changed. Diagnose again to get a plan that fits"
    ),
    ProposalState.RUNNING: "approved; the repair is running",
    ProposalState.DONE: "done",
    ProposalState.INTERRUPTED: (
        "interrupted: the bot stopped while the repair was running. It is not resumed by itself. "
        "Look at the steps below, check the objects named there, and diagnose again"
    ),
}
STEP_WORDS = {
    StepState.STARTED: "started",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.UNKNOWN: "unknown: the change may have been made; check the object",
    StepState.SKIPPED: "not run",
}


def card_facts(
    proposal: Proposal,
    names: Names,
    *,
    journal: Sequence[StepRecord] = (),
    status: str = "",
) -> CardFacts:
    """Return what the card says of a proposal as it stands now."""
    plan = proposal.plan
    requester = names.person(proposal.requested_by.user_id) if proposal.requested_by else "the schedule"
    return CardFacts(
        heading=f"{'Undo' if plan.undoes else 'Fix'} for {plan.cluster}: {plan.title}",
        cluster=plan.cluster,
        title=plan.title,
        status=status or status_words(proposal),
        context=(
            f"Requested by {requester}",
            f"finding {plan.finding}",
            f"playbook {plan.playbook}",
            f"region {plan.region}",
        ),
        blast_radius=plan.blast_radius,
        risk=plan.risk,
        steps=tuple(_step(number, step, len(plan.steps)) for number, step in enumerate(plan.steps, 1)),
        verification=(
            f"Afterwards everything is collected anew: {', '.join(plan.verify_rules)} must be healthy and look-ups "
            "must answer. If not, the undo is proposed for its own approval."
        ),
        policy=policy_words(proposal.policy, names),
        decisions=tuple(_decision(decision, names) for decision in proposal.decisions if decision.accepted),
        journal=tuple(journal_line(record, plan.steps) for record in latest(journal)),
        not_approvable=proposal.not_approvable,
        report_url=proposal.report_url,
        undoes=plan.undoes,
        confirm=_confirm(proposal),
        value=ButtonValue(proposal_id=proposal.id, plan_hash=proposal.plan_hash).text,
        plan_id=plan.id,
        plan_hash=proposal.plan_hash[:12],
    )


def status_words(proposal: Proposal) -> str:
    """Return how a proposal stands, in one sentence."""
    if proposal.state is ProposalState.PENDING:
        if proposal.not_approvable:
            return "Cannot be approved here."
        needed = proposal.policy.required - len(approvers(proposal))
        return f"Waits for {count(max(needed, 1), 'approval')}, until {clock(proposal.expires_at)}."
    return STATE_WORDS[proposal.state].capitalize() + "."


def approvers(proposal: Proposal) -> tuple[str, ...]:
    """Return the user ids of the distinct people whose approval was taken."""
    return tuple(
        dict.fromkeys(
            str(decision.person)
            for decision in proposal.decisions
            if decision.accepted and decision.choice is Choice.APPROVE
        )
    )


def policy_words(policy: ApprovalPolicy, names: Names) -> str:
    """Return who may approve, in a sentence."""
    who = [names.person(user) for user in policy.users] + [
        f"members of {names.group(group)}" for group in policy.user_groups
    ]
    environment = policy.environment or "default"
    people = "1 person" if policy.required == 1 else f"{policy.required} different people"
    requester = "The requester may be among them." if policy.requester_may_approve else "The requester may not approve."
    return f"Environment {environment}: {people} must approve, from {' or '.join(who) or 'nobody'}. {requester}"


def latest(journal: Sequence[StepRecord]) -> tuple[StepRecord, ...]:
    """Return the newest record of each step, in the plan's order."""
    newest = {record.index: record for record in journal}
    return tuple(newest[index] for index in sorted(newest))


def journal_line(record: StepRecord, steps: Sequence[Step]) -> str:
    """Return one step of the journal as a line."""
    target = steps[record.index].target if 0 <= record.index < len(steps) else "a step that the plan does not have"
    note = f" ({record.note})" if record.note else ""
    return f"Step {record.index + 1}, {target}: {STEP_WORDS[record.state]}{note}"


def outcome_words(outcome: Outcome) -> str:
    """Return how a repair ended: the result's own word, then the summary, which may begin with it already."""
    word = outcome.result.value.capitalize()
    return outcome.summary if outcome.summary.startswith(f"{word}:") else f"{word}: {outcome.summary}"


def _step(number: int, step: Step, total: int) -> StepFacts:
    owner = f" Owned elsewhere: {step.owner}." if step.owner else ""
    later = " Runs only once look-ups answer again." if step.after_lookups_answer else ""
    return StepFacts(
        heading=f"Step {number} of {total}: {step.target}.{owner}{later}",
        diff="\n".join(step.diff),
        undo=step.undo or "It cannot be undone.",
        command=step.command,
    )


def _decision(decision: Decision, names: Names) -> str:
    verb = "Approved" if decision.choice is Choice.APPROVE else "Rejected"
    reason = f": {decision.reason}" if decision.reason and decision.choice is Choice.REJECT else ""
    return f"{verb} by {names.person(decision.person.user_id)} at {clock(decision.decided_at)}{reason}"


def _confirm(proposal: Proposal) -> str:
    plan = proposal.plan
    return f"{plan.title} on {plan.cluster}: {count(len(plan.steps), 'step')}, risk {plan.risk}. {plan.blast_radius}"
