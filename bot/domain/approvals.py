"""Approval: policies, proposals, decisions and outcomes, as stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.domain.plans import Advice, FixPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """Who may approve in one environment (contract page, `approvals:`)."""

    environment: str
    required: int = 1
    """How many distinct people must approve."""
    requester_may_approve: bool = False
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    expires_after: timedelta = timedelta(minutes=30)


class ProposalState(StrEnum):
    """A proposal leaves PENDING once. RUNNING whose lease ran out is settled, and never resumed by itself."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RUNNING = "running"
    DONE = "done"
    INTERRUPTED = "interrupted"


class Choice(StrEnum):
    """What a person pressed."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """Where a chat message stands."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a proposal's card stands in the chat, and the report that it came with."""

    message: MessageRef
    report_url: str = ""
    """Link to the report, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's press of a button; refused ones are recorded as well, with the reason."""

    proposal_id: str
    person: Person
    choice: Choice
    accepted: bool
    reason: str
    """The rejecter's reason, or why the press was refused."""
    decided_at: datetime
    plan_hash: str = ""
    """Of the plan that was on the button, among those of the proposal; empty: it was the only one."""
    vouched: bool = True
    """False: the audit chain does not say so; it does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan, or a choice of plans, that waits for, or has had, its decision."""

    id: str
    plan: FixPlan
    """The plan that was approved; until then the narrowest."""
    plan_hash: str
    """As stored when the plan was made; compared with `plan.hash` whenever it is loaded."""
    policy: ApprovalPolicy
    """As it was when the plan was proposed; the configured one is asked again when it is applied."""
    requested_by: Person | None
    state: ProposalState
    created_at: datetime
    expires_at: datetime
    decisions: tuple[Decision, ...] = ()
    """All presses that were taken, and the newest 100 of those that were refused; oldest first."""
    posted: Posted | None = None
    """None: no card of it stands anywhere, as far as the history knows."""
    not_approvable: str = ""
    """Why there is no Approve button (no writer configured), or empty."""
    undrawn: str = ""
    """Why its card does not show how it stands, in the chat's word (`is_archived`), where that was given up."""
    untold: str = ""
    """Why its card's thread does not say what became of it, in the same way."""
    doubt: str = ""
    """What of it the audit chain contradicts, or that it does not know it: then it is neither approved nor run."""
    alternatives: tuple[FixPlan, ...] = ()
    """The other plans for the same finding: once one is approved, or all are rejected, they are withdrawn."""

    def approvals(self, plan_hash: str) -> tuple[Decision, ...]:
        """Return the presses of Approve that were taken for one of its plans."""
        return tuple(
            one
            for one in self.decisions
            if one.accepted and one.choice is Choice.APPROVE and one.plan_hash in {plan_hash, ""}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOffered:
    """A fix that the playbook allows and that cannot be planned here, with what to do instead."""

    finding: str
    fix: str
    title: str = ""
    """As the fix names itself to people."""
    advice: Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What a diagnosis led to."""

    proposals: tuple[Proposal, ...]
    not_offered: tuple[NotOffered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The effect of a press that was taken."""

    decision: Decision
    proposal: Proposal
    """As it stands after the press."""
    still_needed: int
    """How many more people must approve; 0 when the plan may run."""


class Result(StrEnum):
    """How applying a plan ended."""

    VERIFIED = "verified"
    NOT_VERIFIED = "not verified"
    """Applied; the rules or the lookups still say PROBLEM."""
    UNVERIFIABLE = "applied, not verified"
    """Applied; could not look."""
    WAITS = "applied; waits"
    """Applied; all that is left is done by people where the bot changes nothing, and the summary says what."""
    STOPPED = "stopped"
    """A step failed or the world had changed: later steps were not run."""
    REFUSED = "refused"
    """Nothing was written."""


class StepState(StrEnum):
    """The journal: STARTED is committed before the effect, SENT right after it, DONE once it has settled."""

    STARTED = "started"
    SENT = "sent"
    """The change was made; what it sets in motion is still under way."""
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The effect may have happened; nobody knows yet."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One line of the journal."""

    proposal_id: str
    index: int
    """0-based position in the plan."""
    state: StepState
    effects: JsonObject
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of a change that was approved for a time."""

    index: int
    """0-based position of the step in the plan."""
    due_at: datetime
    is_due: bool
    """Its time has come, by the database's clock, and it has not been dealt with."""
    ended_at: datetime | None
    note: str
    """Why it was not taken back, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a repair ended, with the journal and what verification saw."""

    proposal_id: str
    result: Result
    summary: str
    steps: tuple[StepRecord, ...]
    verification_diagnosis_id: str = ""
    inverse_proposal_id: str = ""
    """The proposal that takes the change back, where verification failed."""
    finished_at: datetime | None = None
