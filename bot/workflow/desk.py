"""What people can ask for, in one place: the command line and Slack call this and nothing below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.approvals import Choice, Decision, MessageRef, Outcome, Proposal, StepRecord
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.people import Person
from bot.domain.plans import Advice
from bot.domain.playbooks import Playbook


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a diagnosis has come; sent whenever a collector starts or ends."""

    cluster: str
    done: tuple[str, ...]
    """Titles of collectors that ended."""
    running: tuple[str, ...]
    waiting: tuple[str, ...]
    elapsed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOffered:
    """A fix that the playbook allows and that cannot be planned here, with what to do instead."""

    finding: str
    fix: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One diagnosis with what followed from it, for `dnsbot history` and /dns-history."""

    diagnosis_id: str
    cluster: str
    asked_by: str
    started_at: str
    """RFC 3339, UTC."""
    verdict: str
    root_causes: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    outcomes: tuple[Outcome, ...]


class Desk(Protocol):
    """The use cases. Every method may raise `HistoryUnavailable`; all but `diagnose` then change nothing."""

    def clusters(self) -> Mapping[str, ClusterTarget]:
        """Return the configured clusters by the name people type."""
        ...

    def playbooks(self) -> Mapping[str, Playbook]:
        """Return the loaded playbooks by name."""
        ...

    def diagnose(
        self,
        question: Question,
        *,
        asked_by: Person | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Diagnosis:
        """Run one diagnosis and record it; ends by its deadline. Raises `ConfigurationError` for unknown names.

        When the database is down the diagnosis is answered all the same, unrecorded.
        """
        ...

    def propose(self, diagnosis: Diagnosis) -> Proposed:
        """Plan the fixes of the root causes and store one proposal per plan."""
        ...

    def reported(self, proposal_id: str, report_url: str) -> None:
        """Remember the link to the report that a proposal came with."""
        ...

    def posted(self, proposal_id: str, message: MessageRef) -> None:
        """Remember where a proposal's card stands."""
        ...

    def proposal(self, proposal_id: str) -> Proposal:
        """Return a stored proposal with its decisions. Raises `Refused` when there is none."""
        ...

    def decide(self, *, proposal_id: str, plan_hash: str, person: Person, choice: Choice, reason: str = "") -> Decided:
        """Take one person's press, or raise `Refused` with the reason; both are recorded."""
        ...

    def repair(self, proposal_id: str, *, told: Callable[[StepRecord], None] | None = None) -> Outcome:
        """Apply an approved plan, verify it, record the outcome. Runs at most once per proposal."""
        ...

    def expire(self) -> tuple[Proposal, ...]:
        """Mark pending proposals past their time as expired, by the database's clock, and return them."""
        ...

    def interrupted(self) -> tuple[Proposal, ...]:
        """At start-up: mark repairs that a former process left running as interrupted, and return them."""
        ...

    def history(self, cluster: str = "", *, limit: int = 20) -> tuple[HistoryLine, ...]:
        """Return the newest diagnoses with their proposals and outcomes."""
        ...

    def once(self, key: str) -> bool:
        """Return True the first time this delivery key is seen, False ever after."""
        ...
