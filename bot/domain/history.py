"""The history port: what the workflow asks of the database.

Every method may raise `HistoryUnavailable`. Expiry, and every comparison of times, is by the
database's clock. What must happen once (leaving "pending", beginning a repair, starting a step) is a
conditional update inside one transaction; the answer says who won.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.approvals import (
    ApprovalPolicy,
    Choice,
    Decision,
    MessageRef,
    Outcome,
    Proposal,
    ProposalState,
    StepRecord,
    StepState,
)
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.domain.plans import FixPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposal before it is stored. Its id will be the plan's."""

    plan: FixPlan
    policy: ApprovalPolicy
    requested_by: Person | None
    not_approvable: str
    fingerprint: str
    """Equal for two plans that would do the same, under the same policy; ids aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of Approve or Reject."""

    proposal_id: str
    plan_hash: str
    """As the button carried it."""
    person: Person
    choice: Choice
    reason: str = ""


class Taken(StrEnum):
    """What became of a press."""

    TAKEN = "taken"
    NOT_PENDING = "not pending"
    """Decided before, expired, or another hash than the stored one."""
    REPEATED = "repeated"
    """This person's press on this proposal was taken before."""


class Begun(StrEnum):
    """What became of the attempt to begin a repair."""

    BEGUN = "begun"
    NOT_APPROVED = "not approved"
    """Never approved, or begun before."""
    TOO_LATE = "too late"
    """Approved, but longer ago than the policy lets an approval live."""
    BUSY = "busy"
    """Another repair of the same cluster is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored diagnosis with what followed from it, for lists."""

    diagnosis_id: str
    cluster: str
    asked_by: Person | None
    started_at: datetime
    verdict: Verdict
    root_causes: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    outcomes: tuple[Outcome, ...]


class History(Protocol):
    """Everything that is kept."""

    def record(self, diagnosis: Diagnosis) -> None:
        """Store a diagnosis with its evidence and findings; a second time changes nothing."""
        ...

    def diagnosis(self, diagnosis_id: str) -> Diagnosis | None:
        """Return a stored diagnosis, equal to what was recorded, or None."""
        ...

    def recent(self, cluster: str = "", *, limit: int = 20) -> tuple[Entry, ...]:
        """Return the newest diagnoses, newest first; of all clusters when `cluster` is empty."""
        ...

    def propose(self, draft: Draft) -> Proposal:
        """Store a proposal, or return the pending one with the same fingerprint.

        An older pending proposal for the same cluster and finding with another plan ends at once:
        its time is set to now, and the next `expire` reports it.
        """
        ...

    def proposal(self, proposal_id: str) -> Proposal | None:
        """Return a proposal with its decisions; one past its time reads EXPIRED, swept or not."""
        ...

    def reported(self, proposal_id: str, report_url: str) -> None:
        """Remember the link to the report that the proposal came with."""
        ...

    def posted(self, proposal_id: str, message: MessageRef) -> None:
        """Remember where the proposal's card stands."""
        ...

    def take(self, press: Press, *, required: int) -> Taken:
        """Take a press of somebody entitled; APPROVED at the `required`th Approve, REJECTED at once."""
        ...

    def refuse(self, press: Press, why: str) -> Decision:
        """Record a press that is not taken."""
        ...

    def expire(self) -> tuple[Proposal, ...]:
        """Mark what is past its time as EXPIRED and return it."""
        ...

    def begin(self, proposal_id: str) -> Begun:
        """Turn APPROVED into RUNNING and hold the cluster, together and once."""
        ...

    def journal(
        self, *, proposal_id: str, index: int, state: StepState, effects: JsonObject | None = None, note: str = ""
    ) -> StepRecord:
        """Commit one line of the journal.

        STARTED is refused (`Refused`) unless the proposal is RUNNING and holds its cluster, and when
        the step was started before.
        """
        ...

    def steps(self, proposal_id: str) -> tuple[StepRecord, ...]:
        """Return the newest line of each step, in the plan's order."""
        ...

    def finish(self, outcome: Outcome, state: ProposalState) -> Outcome:
        """Store how a repair ended, set its state and let the cluster go, together."""
        ...

    def stranded(self) -> tuple[Proposal, ...]:
        """Return the proposals that are APPROVED or RUNNING: at start-up, nobody runs them."""
        ...

    def outcome(self, proposal_id: str) -> Outcome | None:
        """Return how a repair ended, or None while it has not."""
        ...

    def once(self, key: str) -> bool:
        """Return True the first time `key` is seen, False ever after (for at least a week)."""
        ...
