"""What is said of a plan, before and after its decision. Names and the form of times are the teller's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from bot.domain.approvals import (
    ApprovalPolicy,
    Choice,
    Decision,
    Ending,
    Outcome,
    Proposal,
    ProposalState,
    StepRecord,
    StepState,
)
from bot.domain.history import Story
from bot.domain.phrases import count, sentence
from bot.domain.places import HOME
from bot.domain.plans import FixPlan, Step, When

TimeForm: TypeAlias = Callable[[datetime], str]
"""How a teller writes a time: `bot.domain.phrases.clock` or `timestamp`."""


class Names(Protocol):
    """Names to show for ids; display alone."""

    def person(self, user_id: str) -> str:
        """Return a person's name, or the id."""
        ...

    def group(self, group_id: str) -> str:
        """Return a user group's handle, or the id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWords:
    """One step of the plan."""

    heading: str
    diff: str
    undo: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWords:
    """All that is said of a plan."""

    heading: str
    cluster: str
    title: str
    status: str
    """How it stands: what is still needed, or how it ended."""
    context: tuple[str, ...]
    gets: str
    """Which missing evidence a measure gets, and for which rules; empty for a fix."""
    blast_radius: str
    risk: str
    steps: tuple[StepWords, ...]
    verification: str
    policy: str
    decisions: tuple[str, ...]
    journal: tuple[str, ...]
    not_approvable: str
    report_url: str
    undoes: str
    confirm: str
    plan_id: str
    plan_hash: str
    """The first 12 characters."""


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
        "interrupted in the middle. It is not resumed by itself. "
        "Look at the steps below, check the objects named there, and diagnose again"
    ),
}
STEP_WORDS = {
    StepState.STARTED: "started",
    StepState.SENT: "sent; it is not complete yet",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.UNKNOWN: "unknown: the change may have been made; check the object",
    StepState.SKIPPED: "not run",
}


def plan_words(story: Story, names: Names, *, at: TimeForm) -> PlanWords:
    """Return what is said of a plan as it stands now."""
    proposal, plan = story.proposal, story.proposal.plan
    requester = names.person(proposal.requested_by.user_id) if proposal.requested_by else "the schedule"
    return PlanWords(
        heading=f"{_kind(plan)} for {plan.cluster}: {plan.title}",
        cluster=plan.cluster,
        title=plan.title,
        status=outcome_words(story.outcome) if story.outcome else status_words(proposal, at),
        context=(
            f"Requested by {requester}",
            f"finding {plan.finding}",
            f"playbook {plan.playbook}",
            f"region {plan.region}",
        ),
        gets=missing_evidence(plan),
        blast_radius=plan.blast_radius,
        risk=plan.risk,
        steps=tuple(_step(number, step, len(plan.steps)) for number, step in enumerate(plan.steps, 1)),
        verification=_verification(plan),
        policy=policy_words(proposal.policy, names),
        decisions=tuple(decision_words(decision, names, at) for decision in proposal.decisions if decision.accepted),
        journal=(
            *(journal_line(record, plan.steps) for record in story.journal),
            *(ending_line(ending, plan.steps, at) for ending in story.endings),
        ),
        not_approvable=proposal.not_approvable,
        report_url=story.report_url,
        undoes=plan.undoes,
        confirm=_confirm(proposal),
        plan_id=plan.id,
        plan_hash=proposal.plan_hash[:12],
    )


def missing_evidence(plan: FixPlan) -> str:
    """Return which missing evidence a measure gets, and for which rules; nothing for a fix."""
    return f"{', '.join(plan.yields)}, for {', '.join(plan.verify_rules)}" if plan.yields else ""


def _kind(plan: FixPlan) -> str:
    if plan.undoes:
        return "Undo"
    return "Measure" if plan.yields else "Fix"


def _verification(plan: FixPlan) -> str:
    if plan.undoes:
        return f"Afterwards what was changed is read again: it must be as it was before plan {plan.undoes}."
    rules = ", ".join(plan.verify_rules)
    if plan.yields:
        return (
            f"Afterwards everything is collected anew: {', '.join(plan.yields)} must be readable and {rules} must no "
            "longer lack it. The undo is proposed then, for its own approval once all is read."
        )
    lookups = f" and lookups must answer ({', '.join(plan.symptoms)})" if plan.symptoms else ""
    return (
        f"Afterwards everything is collected anew: {rules} must be healthy{lookups}. "
        "If not, the undo is proposed for its own approval."
    )


def status_words(proposal: Proposal, at: TimeForm) -> str:
    """Return how a proposal stands, in one sentence."""
    if proposal.state is ProposalState.PENDING:
        if proposal.not_approvable:
            return "Cannot be approved here."
        needed = proposal.policy.required - len(approvers(proposal))
        return f"Waits for {count(max(needed, 1), 'approval')}, until {at(proposal.expires_at)}."
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


def journal_line(record: StepRecord, steps: Sequence[Step]) -> str:
    """Return one step of the journal as a line."""
    note = f" ({record.note})" if record.note else ""
    if record.index < len(steps):
        return f"Step {record.index + 1}, {steps[record.index].target}: {STEP_WORDS[record.state]}{note}"
    ended = record.index % len(steps)
    return f"Taking step {ended + 1} back, {steps[ended].target}: {STEP_WORDS[record.state]}{note}"


def ending_line(ending: Ending, steps: Sequence[Step], at: TimeForm) -> str:
    """Return when a change is taken back by itself, or what became of it."""
    what = f"Step {ending.index + 1}, {steps[ending.index].target}"
    if ending.ended_at is None and ending.note:
        return f"{what}: its time is over, and it is not taken back yet: {sentence(ending.note)} It is tried again."
    if ending.ended_at is None:
        return f"{what}: is taken back by itself at {at(ending.due_at)}"
    if not ending.note:
        return f"{what}: its time was over, and it was taken back at {at(ending.ended_at)}"
    return f"{what}: its time was over at {at(ending.due_at)}. {ending.note}"


def outcome_words(outcome: Outcome) -> str:
    """Return how a repair ended: the result's own word, then the summary, which may begin with it already."""
    word = outcome.result.value.capitalize()
    return outcome.summary if outcome.summary.startswith((f"{word}:", f"{word} ")) else f"{word}: {outcome.summary}"


def _end(step: Step) -> str:
    """Return when the step is taken back by itself, or nothing."""
    if not step.ends_after_seconds:
        return ""
    minutes, seconds = divmod(step.ends_after_seconds, 60)
    time = count(minutes, "minute") if not seconds else count(step.ends_after_seconds, "second")
    return f" It is taken back by itself after {time}."


def _step(number: int, step: Step, total: int) -> StepWords:
    owner = f" Owned elsewhere: {step.owner}." if step.owner else ""
    later = " Runs only once lookups answer again." if step.when is When.LOOKUPS_ANSWER else ""
    where = "" if step.place == HOME else f" At {step.place}."
    return StepWords(
        heading=f"Step {number} of {total}: {step.target}.{where}{owner}{later}{_end(step)}",
        diff="\n".join(step.diff),
        undo=step.undo or "It cannot be undone.",
        command=step.command,
    )


def decision_words(decision: Decision, names: Names, at: TimeForm) -> str:
    """Return who decided what and when; of a press that was not taken, why."""
    who = f"by {names.person(decision.person.user_id)} at {at(decision.decided_at)}"
    reason = f": {decision.reason}" if decision.reason else ""
    if not decision.accepted:
        return f"{decision.choice.value.capitalize()} pressed {who}, not taken{reason}"
    return f"{'Approved' if decision.choice is Choice.APPROVE else 'Rejected'} {who}{reason}"


def _confirm(proposal: Proposal) -> str:
    plan = proposal.plan
    return f"{plan.title} on {plan.cluster}: {count(len(plan.steps), 'step')}, risk {plan.risk}. {plan.blast_radius}"
