"""The history port: what the workflow asks of the database.

Every method may raise `HistoryUnavailable`. Expiry, and every comparison of times, is by the
database's clock. What must happen once (leaving "pending", beginning a repair, starting a step) is a
conditional update inside one transaction; the answer says who won.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from bot.domain.approvals import (
    ApprovalPolicy,
    Choice,
    Decision,
    Ending,
    MessageRef,
    Outcome,
    Posted,
    Proposal,
    ProposalState,
    StepRecord,
    StepState,
)
from bot.domain.audit import Head
from bot.domain.changes import BreakGlass
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.jobs import Job
from bot.domain.json_values import JsonObject
from bot.domain.kept_files import KeptFile
from bot.domain.outbox import Outbox
from bot.domain.people import Person
from bot.domain.plans import FixPlan
from bot.domain.remembered import Memory
from bot.domain.sought import ALL, Sought
from bot.errors import HistoryUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposal before it is stored. Its id will be the plan's, and that of each alternative."""

    plan: FixPlan
    policy: ApprovalPolicy
    requested_by: Person | None
    not_approvable: str
    fingerprint: str
    """Equal for two plans that would do the same, under the same policy; ids aside."""
    channel: str = ""
    """Where its card goes; empty: it has none."""
    after: str = ""
    """The key of the note with the report that it comes with: the card follows that, and links it."""
    alternatives: tuple[FixPlan, ...] = ()
    """Plans of which one may be approved instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of Approve or Reject."""

    proposal_id: str
    plan_hash: str
    """As the button carried it: it tells which of the proposal's plans is meant."""
    person: Person
    choice: Choice
    reason: str = ""


class Taken(StrEnum):
    """What became of a press."""

    TAKEN = "taken"
    NOT_PENDING = "not pending"
    """Decided before, expired, or another hash than the stored one."""
    REPEATED = "repeated"
    """This person's press on this plan was taken before."""


LEASE_SECONDS = 15.0
"""How long a repair is held without being renewed, by the database's clock, unless the history is told otherwise."""
RENEWED_EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of one process to run one repair, until it runs out or another takes it over."""

    proposal_id: str
    owner: str
    """The process: host name, process id and a random part."""
    token: int
    """Grows with every taking of the cluster: who holds an older one writes nothing any more."""
    seconds: float = LEASE_SECONDS
    """How long it is good without being renewed."""


class NotBegun(StrEnum):
    """Why a repair was not begun."""

    NOT_APPROVED = "not approved"
    """Never approved, or begun before."""
    TOO_LATE = "too late"
    """Approved, but longer ago than the policy lets an approval live."""
    BUSY = "busy"
    """Another repair of the same cluster is running, and its lease is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A plan as it stands: all that its card shows, read at once."""

    proposal: Proposal
    journal: tuple[StepRecord, ...]
    """The newest line of each step, in the plan's order."""
    outcome: Outcome | None
    endings: tuple[Ending, ...] = ()
    """When changes are taken back by themselves, and what became of it; in the plan's order."""
    report_url: str = ""
    """Link to the report that the plan came with, or empty."""
    glass: tuple[BreakGlass, ...] = ()
    """Of its cluster, newest first, while the plan waits for a decision: what is active or unreviewed."""
    version: int
    """Grows with everything that changes what the card shows."""


ENDING_AGAIN_SECONDS = 60.0
"""After how long a change is tried to be taken back again, where that was not possible when its time was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEnding:
    """A change that was approved for a time, and could not be taken back yet when that was over."""

    proposal_id: str
    cluster: str
    index: int
    """0-based position of the step in the plan."""
    note: str
    """Why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A stored record that cannot be read and is left aside."""

    diagnosis_id: str
    """The diagnosis that it belongs to, or is."""
    proposal_id: str = ""
    """The plan; empty: it is the diagnosis."""
    reason: str


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
    endings: Mapping[str, tuple[Ending, ...]] = field(default_factory=dict)
    """Of plans with changes that were approved for a time: when each is taken back, by the plan's id."""
    verifies: str = ""
    """The plan after which it was made, to see what became of it; empty: it was asked for."""
    unreadable: tuple[Unreadable, ...] = ()
    """What of it cannot be read. A verdict that cannot be read stands as UNKNOWN."""
    evidence_deleted_at: datetime | None = None
    """When its evidence was deleted, being old; None: it is there."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Of its root causes and of what its plans are for, by rule, as they were recorded."""

    def title_of(self, rule: str) -> str:
        """Return a rule's title; where none is recorded its name, so that nothing is hidden."""
        return self.titles.get(rule, rule)


class History(Outbox, Protocol):
    """Everything that is kept, and what is still to be said of it.

    A record that cannot be read is a `RecordUnreadable` where it alone was asked for, and is left aside in lists.
    """

    def record(self, diagnosis: Diagnosis) -> None:
        """Store a diagnosis with its evidence and findings; a second time changes nothing."""
        ...

    def diagnosis(self, diagnosis_id: str) -> Diagnosis | None:
        """Return a stored diagnosis, equal to what was recorded, or None."""
        ...

    def files(self, diagnosis_id: str) -> tuple[KeptFile, ...]:
        """Return the files that are kept with a diagnosis, by name: none where it has, or had, no such files."""
        ...

    def delete_evidence(self, older_than: timedelta, *, most: int) -> int:
        """Delete what so many diagnoses had read that are older than this; return of how many.

        What they found stays, and so do plans, decisions, the journal and outcomes. One of which a plan is open keeps
        all.
        """
        ...

    def remembered(self, cluster: str, collector: str) -> Sequence[Memory]:
        """Return what a collector found in the newest diagnoses of a cluster, what is the same once; newest first."""
        ...

    def recent(self, cluster: str = "", *, sought: Sought = ALL, limit: int = 20) -> tuple[Entry, ...]:
        """Return the newest diagnoses that are sought, newest first; of all clusters when `cluster` is empty.

        Raises `Refused` when there is no diagnosis `sought.older`.
        """
        ...

    def incident(self, known_id: str) -> tuple[Entry, ...]:
        """Return a diagnosis with those that verified what followed from it, and so on, oldest first.

        Any of these diagnoses, or a plan of one, may be named. Raises `Refused` when there is none by this id.
        """
        ...

    def propose(self, draft: Draft) -> Proposal:
        """Store a proposal, or return the pending one with the same fingerprint.

        Its card is a note from then on. An older pending proposal for the same cluster and finding with another plan
        ends at once: its time is set to now, and the next `expire` reports it.
        """
        ...

    def proposal(self, proposal_id: str) -> Proposal:
        """Return a proposal with its decisions; one past its time reads EXPIRED, swept or not.

        Raises `Refused` when there is none by this id.
        """
        ...

    def pending(self) -> tuple[Proposal, ...]:
        """Return the proposals that wait for a decision now, the newest first."""
        ...

    def story(self, proposal_id: str) -> Story:
        """Return a proposal with its journal and outcome, as of one moment. Raises `Refused` when there is none."""
        ...

    def remember(self, proposal_id: str, posted: Posted) -> None:
        """Remember where the proposal's card stands, and which report it came with."""
        ...

    def shown_also(self, proposal_id: str, place: MessageRef) -> None:
        """Remember another message that shows the proposal: it is kept as its card is."""
        ...

    def report_stands(self, proposal_id: str, url: str) -> None:
        """Remember the link to the report that the proposal came with."""
        ...

    def take(self, press: Press, *, required: int) -> Taken:
        """Take a press of somebody entitled; APPROVED at the `required`th Approve of one plan, REJECTED at once."""
        ...

    def refuse(self, press: Press, why: str) -> Decision:
        """Record a press that is not taken."""
        ...

    def expire(self) -> tuple[Proposal, ...]:
        """Mark what is past its time as EXPIRED and return it; let people be reminded of what soon is."""
        ...

    def begin(self, proposal_id: str, owner: str) -> Lease | NotBegun:
        """Turn APPROVED into RUNNING and hold the cluster, together and once."""
        ...

    def renew(self, lease: Lease) -> bool:
        """Hold the cluster for another `lease.seconds`; False when another process has taken it, or it was let go."""
        ...

    def take_over(self, proposal_id: str, owner: str) -> Lease | None:
        """Take a RUNNING repair whose lease ran out; None when it did not, or somebody was faster."""
        ...

    def in_the_way(self, proposal_id: str) -> str:
        """Return the running repair whose lease ran out and that still holds this plan's cluster, or nothing."""
        ...

    def release(self, lease: Lease) -> None:
        """Let the lease run out now, so that any process may take the repair over."""
        ...

    def journal(
        self,
        lease: Lease,
        *,
        index: int,
        state: StepState,
        effects: JsonObject | None = None,
        note: str = "",
        ends_after_seconds: float = 0.0,
    ) -> StepRecord:
        """Commit one line of the journal. A step that is DONE and ends after some seconds is due to be taken back then.

        Refused (`Refused`) when the lease is not the newest of its cluster, when the step has such a line
        already, and, for STARTED, when the lease ran out or the proposal is not RUNNING. The same line but
        STARTED, written before, whose answer was lost, is returned.
        """
        ...

    def begin_ending(self, proposal_id: str, owner: str) -> Lease | None:
        """Hold the cluster for taking back the plan's changes that are due; None where none is, or another holds it."""
        ...

    def ended(self, lease: Lease, *, index: int, note: str) -> None:
        """Say that a change was taken back, or why it was not. Refused as `journal` refuses."""
        ...

    def postpone_ending(self, lease: Lease, *, note: str) -> None:
        """Say why what is due of this plan is not taken back yet; it is due again `ENDING_AGAIN_SECONDS` later."""
        ...

    def late_endings(self) -> tuple[LateEnding, ...]:
        """Return the changes that could not be taken back yet when their time was over."""
        ...

    def let_go(self, lease: Lease) -> None:
        """Let the cluster go when what was due has been dealt with."""
        ...

    def waits(self, lease: Lease, *, index: int, note: str) -> StepRecord:
        """Say in a step's SENT line what it waits for, and return the line. Refused as `journal` refuses."""
        ...

    def steps(self, proposal_id: str) -> tuple[StepRecord, ...]:
        """Return the newest line of each step, in the plan's order."""
        ...

    def finish(self, lease: Lease, outcome: Outcome, state: ProposalState) -> Outcome:
        """Store how a repair ended, set its state and let the cluster go, together.

        An outcome that is there already stays and is returned. Refused (`Refused`) when the lease is not the
        newest of its cluster and there is none.
        """
        ...

    def refuse_repair(self, outcome: Outcome) -> None:
        """Store that an APPROVED plan was not begun, and why; it is DONE then. One that was begun is left alone."""
        ...

    def due(self) -> tuple[Job, ...]:
        """Return what is to be done, by whichever process is first: this is the durable queue.

        Approved plans that nobody has begun (`repair`), running ones whose lease ran out (`settle`), changes whose
        time is over (`end_change`), queues in which a note may be sent (`send`). The rows that people's decisions
        write are the queue: deciding and enqueueing are one transaction.
        """
        ...

    def outcome(self, proposal_id: str) -> Outcome | None:
        """Return how a repair ended, or None while it has not."""
        ...

    def audit_head(self) -> Head | None:
        """Return the newest row of the audit chain, or None while there is none."""
        ...

    def audit_lost(self) -> str:
        """Return what the newest head that was kept outside says is gone from the chain, or nothing."""
        ...

    def now(self) -> datetime:
        """Return the database's time."""
        ...

    def break_glass(self, cluster: str, person: Person, reason: str, lasts: timedelta) -> BreakGlass:
        """Write down that somebody breaks the glass for a cluster."""
        ...

    def review_break_glass(self, number: int, person: Person) -> BreakGlass:
        """Write down who looked at what was done, and return how it stood before.

        Raises `Refused` for who broke it, where it was reviewed already, and where there is none.
        """
        ...

    def broken_glass(self, cluster: str = "") -> tuple[BreakGlass, ...]:
        """Return how often the glass was broken for a cluster, or for all, newest first, reviewed or not."""
        ...

    def once(self, key: str) -> bool:
        """Return True the first time `key` is seen, False ever after (for at least a week)."""
        ...

    def seen(self, key: str) -> bool:
        """Return whether `once` was told of `key`; nothing is remembered by asking."""
        ...


RECORDING_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


def until_recorded(write: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Return what `write` gives; where the database does not answer, try again for about 15 seconds.

    For what must reach the history because its effect is there already.
    """
    for pause_seconds in RECORDING_PAUSES_SECONDS:
        try:
            return write()
        except HistoryUnavailable:
            sleep(pause_seconds)
    return write()
