"""What is said of a plan, before and after its decision. Names and the form of times are the teller's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    Result,
    StepRecord,
    StepState,
)
from bot.domain.history import Story
from bot.domain.people import Person
from bot.domain.phrases import capital, count, plain_name, sentence
from bot.domain.plans import THEN, FixPlan, Step, When
from bot.report.change_words import ChangeWords, change_words, end_words, undo_words, where_words

TimeForm: TypeAlias = Callable[[datetime], str]
"""How a teller writes a time: `bot.domain.phrases.timestamp`."""
TERMINAL = "a terminal"
"""Where it was asked from, where nobody in Slack asked."""


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
class Caller:
    """Somebody who is called by a message: a person or a user group."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWords:
    """All that is said of a plan."""

    kind: str
    """"Fix", "Measure" or "Undo"."""
    sign: str
    heading: str
    """The kind, the cluster, and how it stands in a few words."""
    cluster: str
    title: str
    status: str
    """How it stands: what is still needed, or how it ended."""
    approvers: tuple[Caller, ...]
    """Who may decide."""
    until: str
    """Until when it waits for a decision."""
    context: tuple[str, ...]
    gets: str
    """Which missing evidence a measure gets, and for which checks; empty for a fix."""
    blast_radius: str
    risk: str
    risk_sign: str
    changes: tuple[ChangeWords, ...]
    """Each distinct change in brief."""
    undo: str
    """Which of them can be undone."""
    steps: tuple[StepWords, ...]
    verification: str
    policy: str
    requester: str
    """Who asked, and whether they may approve."""
    decisions: tuple[str, ...]
    journal: tuple[str, ...]
    unfinished: tuple[str, ...]
    """The journal's lines of what is not done."""
    ran: str
    """How many steps were done and how long that took; empty before."""
    not_approvable: str
    report_url: str
    undoes: str
    confirm: str
    plan_id: str
    plan_hash: str
    """The first 12 characters."""
    whole_hash: str
    speaks_for: str
    """What speaks for it, where it can be chosen among several."""
    own_title: str
    """Its title without what follows, which its alternatives share."""
    own_blast_radius: str = ""
    """What it affects and its alternatives do not, where it can be chosen among several."""
    choices: tuple[PlanWords, ...] = ()
    """It and the plans that can be approved instead, while one can be chosen; `changes` of each are its own alone."""
    shared: tuple[ChangeWords, ...] = ()
    """The changes that all of these make."""
    withdrawn: tuple[str, ...] = ()
    """The titles of those that were not chosen."""


STATE_WORDS = {
    ProposalState.PENDING: "waiting for a decision",
    ProposalState.APPROVED: "approved; the repair is about to start",
    ProposalState.REJECTED: "rejected; nothing was changed",
    ProposalState.EXPIRED: "expired, or replaced by a newer plan; nothing was changed. Diagnose again for a new plan",
    ProposalState.RUNNING: "approved; the repair is running",
    ProposalState.DONE: "done",
    ProposalState.INTERRUPTED: (
        "interrupted. It does not resume by itself. Check the objects of the steps below, and diagnose again"
    ),
}
HEADINGS = {
    ProposalState.APPROVED: ("⏳", "approved"),
    ProposalState.REJECTED: ("🚫", "rejected"),
    ProposalState.EXPIRED: ("⌛", "expired"),
    ProposalState.RUNNING: ("⏳", "running"),
    ProposalState.DONE: ("☑️", "done"),
    ProposalState.INTERRUPTED: ("🔴", "interrupted"),
}
OUTCOME_HEADINGS = {
    Result.VERIFIED: ("✅", "done and verified"),
    Result.NOT_VERIFIED: ("🔴", "applied, the problem is still there"),
    Result.UNVERIFIABLE: ("🟠", "applied, not verified"),
    Result.WAITS: ("⏳", "applied, waits for other people"),
    Result.STOPPED: ("🔴", "stopped"),
    Result.REFUSED: ("🚫", "not applied"),
}
RISK_SIGNS = {"low": "🟢", "medium": "🟡", "high": "🔴"}
NO_CHECKS: Mapping[str, str] = {}
_SENTENCE = re.compile(r"(?<=[.]) ")
STEP_WORDS = {
    StepState.STARTED: "started",
    StepState.SENT: "sent; not complete yet",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.UNKNOWN: "unknown: the change may have been made; check the object",
    StepState.SKIPPED: "not run",
}


def plan_words(story: Story, names: Names, *, at: TimeForm, checks: Mapping[str, str] = NO_CHECKS) -> PlanWords:
    """Return what is said of a plan as it stands now. `checks` tells what each rule looks at."""
    words, proposal = _one(story, names, at=at, checks=checks), story.proposal
    if not proposal.alternatives:
        return words
    others = tuple(one.title for one in proposal.alternatives)
    if proposal.state in {ProposalState.REJECTED, ProposalState.EXPIRED}:
        return replace(words, title=" or ".join((words.title, *others)))
    if proposal.state is not ProposalState.PENDING:
        return replace(words, withdrawn=others)
    stories = (
        replace(story, proposal=replace(proposal, plan=one, plan_hash=one.hash, alternatives=()))
        for one in proposal.alternatives
    )
    plans = (words, *(_one(one, names, at=at, checks=checks) for one in stories))
    shared = tuple(change for change in words.changes if all(change in plan.changes for plan in plans))
    told = [one for one in _sentences(words) if all(one in _sentences(plan) for plan in plans)]
    return replace(words, choices=tuple(_choice(plan, shared, told) for plan in plans), shared=shared)


def _choice(plan: PlanWords, shared: Sequence[ChangeWords], told: Sequence[str]) -> PlanWords:
    """Return a plan as one of several: with the changes that are its own, and what they affect."""
    own = tuple(change for change in plan.changes if change not in shared)
    affected = " ".join(one for one in _sentences(plan) if one not in told) or plan.blast_radius
    return replace(plan, changes=own, undo=undo_words(own), own_blast_radius=affected)


def _sentences(plan: PlanWords) -> list[str]:
    return _SENTENCE.split(plan.blast_radius)


def _one(story: Story, names: Names, *, at: TimeForm, checks: Mapping[str, str]) -> PlanWords:
    """Return what is said of a plan, whatever may be chosen instead."""
    proposal, plan = story.proposal, story.proposal.plan
    sign, state = _state(story)
    changes = change_words(plan.steps)
    return PlanWords(
        kind=_kind(plan),
        sign=sign,
        heading=f"{_kind(plan)} for {plan.cluster}: {state}",
        cluster=plan.cluster,
        title=plan.title,
        status=outcome_words(story.outcome) if story.outcome else status_words(proposal, at),
        approvers=_approvers(proposal.policy, names),
        until=at(proposal.expires_at),
        context=(f"Asked {asked(proposal.requested_by, names)}", plan.region),
        gets=missing_evidence(plan, checks),
        blast_radius=plan.blast_radius,
        risk=plan.risk,
        risk_sign=RISK_SIGNS.get(plan.risk, ""),
        changes=changes,
        undo=undo_words(changes),
        steps=tuple(_step(number, step, len(plan.steps)) for number, step in enumerate(plan.steps, 1)),
        verification=_verification(plan, checks),
        policy=policy_words(proposal.policy, names),
        requester=_requester(proposal, names),
        decisions=tuple(_taken(decision, proposal, names, at) for decision in proposal.decisions if decision.accepted),
        journal=(
            *(journal_line(record, plan.steps) for record in story.journal),
            *(ending_line(ending, plan.steps, at) for ending in story.endings),
        ),
        unfinished=(
            *(journal_line(record, plan.steps) for record in story.journal if record.state is not StepState.DONE),
            *(ending_line(ending, plan.steps, at) for ending in story.endings),
        ),
        ran=_ran(story),
        not_approvable=proposal.not_approvable,
        report_url=story.report_url,
        undoes=plan.undoes,
        confirm=_confirm(proposal),
        plan_id=plan.id,
        plan_hash=proposal.plan_hash[:12],
        whole_hash=proposal.plan_hash,
        speaks_for=plan.speaks_for,
        own_title=own_title(plan),
    )


def missing_evidence(plan: FixPlan, checks: Mapping[str, str] = NO_CHECKS) -> str:
    """Return which missing evidence a measure gets, and for which checks; nothing for a fix."""
    if not plan.yields:
        return ""
    return f"{', '.join(map(plain_name, plan.yields))}, for {_checks(plan.verify_rules, checks)}"


def _checks(rules: Sequence[str], checks: Mapping[str, str]) -> str:
    """Return what these rules look at."""
    return ", ".join(checks.get(rule) or plain_name(rule) for rule in rules)


def _state(story: Story) -> tuple[str, str]:
    """Return a sign and a few words for how a plan stands."""
    proposal = story.proposal
    if story.outcome is not None:
        return OUTCOME_HEADINGS[story.outcome.result]
    if proposal.state is not ProposalState.PENDING:
        return HEADINGS[proposal.state]
    if proposal.not_approvable:
        return "🛠️", "cannot be approved here"
    return "🛠️", f"{count(_still_needed(proposal), 'approval')} needed"


def _still_needed(proposal: Proposal) -> int:
    """Return how many approvals are missing, for the plan that has most."""
    most = max(len(proposal.approvals(one.hash)) for one in (proposal.plan, *proposal.alternatives))
    return max(proposal.policy.required - most, 1)


def _taken(decision: Decision, proposal: Proposal, names: Names, at: TimeForm) -> str:
    """Return who decided what; while several plans wait, which one was approved."""
    words = decision_words(decision, names, at)
    if not proposal.alternatives or proposal.state is not ProposalState.PENDING:
        return words
    plans = (proposal.plan, *proposal.alternatives)
    return next((f"{words}, for “{own_title(one)}”" for one in plans if one.hash == decision.plan_hash), words)


def own_title(plan: FixPlan) -> str:
    """Return a plan's title without what follows in it, which its alternatives share."""
    return plan.title.partition(THEN)[0]


def _approvers(policy: ApprovalPolicy, names: Names) -> tuple[Caller, ...]:
    groups = (Caller(id=group, name=f"@{names.group(group)}") for group in policy.user_groups)
    return (*groups, *(Caller(id=user, name=f"@{names.person(user)}") for user in policy.users))


def asked(person: Person | None, names: Names) -> str:
    """Return `by ana`, or that it was asked from a terminal."""
    return f"by {names.person(person.user_id)}" if person else f"from {TERMINAL}"


def _requester(proposal: Proposal, names: Names) -> str:
    """Return who asked, and what that means for the decision."""
    if proposal.requested_by is None or proposal.policy.requester_may_approve:
        return f"Asked {asked(proposal.requested_by, names)}."
    name = names.person(proposal.requested_by.user_id)
    return f"{name} asked, so {name} may not approve."


def _ran(story: Story) -> str:
    steps, total = story.journal[: len(story.proposal.plan.steps)], len(story.proposal.plan.steps)
    if story.outcome is None or not steps:
        return ""
    done = sum(record.state is StepState.DONE for record in story.journal if record.index < total)
    begun = min(record.at for record in steps)
    ended = story.outcome.finished_at
    took = f", took {max(0, round((ended - begun).total_seconds()))} s" if ended else ""
    return f"{done} of {count(total, 'step')} done{took}"


def _kind(plan: FixPlan) -> str:
    if plan.undoes:
        return "Undo"
    return "Measure" if plan.yields else "Fix"


def _verification(plan: FixPlan, checks: Mapping[str, str]) -> str:
    if plan.undoes:
        return f"Afterwards the changed objects are read again: they must be as before plan {plan.undoes}."
    rules, undone = _checks(plan.verify_rules, checks), any(step.undo for step in plan.steps)
    proposed = "the undo is proposed, with its own approval."
    if plan.yields:
        read = (
            f"Afterwards a new diagnosis must be able to read {', '.join(map(plain_name, plan.yields))}, for {rules}."
        )
        ends = f" {ENDS_BY_ITSELF}" if ends_by_itself(plan) else ""
        return f"{read} Then {proposed}{ends}" if undone else read
    lookups = "every test lookup must be answered, and these checks" if plan.symptoms else "these checks"
    failed = proposed if undone else "the card says so; nothing of it can be undone."
    return f"Verified by a new diagnosis: {lookups} must be healthy: {rules}. If not, {failed}"


ENDS_BY_ITSELF = "Without it, everything is undone automatically when its time is over."
"""What follows where the undo is proposed of a change for a time."""


def ends_by_itself(plan: FixPlan) -> bool:
    """Return whether all that a plan changes, and that can be undone, is taken back when its time is over."""
    return all(step.ends_after_seconds for step in plan.steps if step.undo)


def status_words(proposal: Proposal, at: TimeForm) -> str:
    """Return how a proposal stands, in one sentence."""
    if proposal.state is ProposalState.PENDING:
        if proposal.not_approvable:
            return "Cannot be approved here."
        return f"Waits for {count(_still_needed(proposal), 'approval')}, until {at(proposal.expires_at)}."
    return capital(STATE_WORDS[proposal.state]) + "."


def approvers(proposal: Proposal) -> tuple[str, ...]:
    """Return the user ids of the distinct people whose approval was taken, of the plan that was chosen."""
    return tuple(dict.fromkeys(str(decision.person) for decision in proposal.approvals(proposal.plan_hash)))


def policy_words(policy: ApprovalPolicy, names: Names) -> str:
    """Return who may approve, in a sentence."""
    who = [names.person(user) for user in policy.users] + [
        f"members of {names.group(group)}" for group in policy.user_groups
    ]
    environment = policy.environment or "default"
    people = "1 person" if policy.required == 1 else f"{policy.required} different people"
    requester = "Who asked may be one of them." if policy.requester_may_approve else "Who asked may not approve."
    return f"Environment {environment}: {people} must approve, of {' or '.join(who) or 'nobody'}. {requester}"


def journal_line(record: StepRecord, steps: Sequence[Step]) -> str:
    """Return one step of the journal as a line."""
    note = f" ({record.note})" if record.note else ""
    if record.index < len(steps):
        return f"Step {record.index + 1}, {steps[record.index].target}: {STEP_WORDS[record.state]}{note}"
    ended = record.index % len(steps)
    return f"Undo of step {ended + 1}, {steps[ended].target}: {STEP_WORDS[record.state]}{note}"


def ending_line(ending: Ending, steps: Sequence[Step], at: TimeForm) -> str:
    """Return when a change is taken back by itself, or what became of it."""
    what = f"Step {ending.index + 1}, {steps[ending.index].target}"
    if ending.ended_at is None and ending.note:
        return f"{what}: its time is over, and it is not undone yet: {sentence(ending.note)} It is tried again."
    if ending.ended_at is None:
        return f"{what}: undone automatically at {at(ending.due_at)}"
    if not ending.note:
        return f"{what}: its time was over, and it was undone at {at(ending.ended_at)}"
    return f"{what}: its time was over at {at(ending.due_at)}. {ending.note}"


def outcome_words(outcome: Outcome) -> str:
    """Return how a repair ended: the result's own word, then the summary, which may begin with it already."""
    word = outcome.result.value.capitalize()
    return outcome.summary if outcome.summary.startswith((f"{word}:", f"{word} ")) else f"{word}: {outcome.summary}"


def _step(number: int, step: Step, total: int) -> StepWords:
    later = " Runs only once lookups are answered again." if step.when is When.LOOKUPS_ANSWER else ""
    return StepWords(
        heading=f"Step {number} of {total}: {step.target}.{where_words(step)}{later}{end_words(step)}",
        diff="\n".join(step.diff),
        undo=step.undo or "Cannot be undone.",
        command=step.command,
    )


def decision_words(decision: Decision, names: Names, at: TimeForm) -> str:
    """Return who decided what and when; of a press that was not taken, why."""
    who = f"by {names.person(decision.person.user_id)} at {at(decision.decided_at)}"
    reason = f": {decision.reason}" if decision.reason else ""
    if not decision.accepted:
        return f"{decision.choice.value.capitalize()} pressed {who}, not accepted{reason}"
    return f"{'Approved' if decision.choice is Choice.APPROVE else 'Rejected'} {who}{reason}"


def _confirm(proposal: Proposal) -> str:
    plan = proposal.plan
    return f"{plan.title} on {plan.cluster}: {count(len(plan.steps), 'step')}, risk {plan.risk}. {plan.blast_radius}"
