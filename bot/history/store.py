"""`SqlHistory`: the history port on SQLite or PostgreSQL. One transaction a method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, select

from bot.domain.approvals import Decision, MessageRef, Outcome, Posted, Proposal, ProposalState, StepRecord, StepState
from bot.domain.audit import AuditCheck, Head, Seals
from bot.domain.changes import BreakGlass
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import (
    LEASE_SECONDS,
    Draft,
    Entry,
    LateEnding,
    Lease,
    NotBegun,
    Press,
    Story,
    Taken,
)
from bot.domain.jobs import Job
from bot.domain.json_values import JsonObject
from bot.domain.kept_files import KeptFile
from bot.domain.outbox import Note, NotTaken, Sending
from bot.domain.people import Person
from bot.domain.remembered import Memory
from bot.domain.sought import ALL, Sought
from bot.errors import Refused
from bot.history import (
    audit,
    audit_check,
    break_glass,
    diagnoses,
    endings,
    entries,
    leases,
    outbox,
    proposals,
    repairs,
    retention,
)
from bot.history.audit_heads import HeadsFile
from bot.history.columns import DatabaseTime, read_clock
from bot.history.engine import WAIT_SECONDS, Database, open_database
from bot.history.tables import deliveries
from bot.history.tables import proposals as proposal_rows
from bot.history.unreadable import reading_row

WEEK_SECONDS = 7 * 24 * 3600
PLAIN_SEALS = Seals()
_LOST = (
    "{} was not recorded as {}: this process no longer holds the repair, and another may have taken it over. "
    "Nothing further is written."
)
_NO_PLAN = "There is no plan {} in the history. Diagnose again."


def open_history(
    url: str,
    evidence_classes: Mapping[str, type],
    *,
    wait_seconds: float = WAIT_SECONDS,
    seals: Seals = PLAIN_SEALS,
    heads: Path | None = None,
) -> SqlHistory:
    """Return the history at `url`; nothing is connected yet, so that a diagnosis works while it is down.

    `evidence_classes` gives the evidence class of each collector by the collector's name; `wait_seconds`
    bounds the wait for a lock or a connection. `seals` makes the seals of the audit chain, and `heads` is the file
    that keeps its newest rows' seals outside; by default beside SQLite's file. Raises `ConfigurationError` for a URL
    that is neither SQLite's nor PostgreSQL's.
    """
    database = open_database(url, wait_seconds=wait_seconds)
    kept = heads or (database.file.path.with_name(f"{database.file.path.name}.heads") if database.file else None)
    return SqlHistory(
        database=database,
        evidence_classes=evidence_classes,
        seals=seals,
        heads=HeadsFile(kept) if kept is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlHistory:
    """The port `bot.domain.history.History`, whose methods it has and whose words hold for them."""

    database: Database
    evidence_classes: Mapping[str, type]
    lease_seconds: float = LEASE_SECONDS
    seals: Seals = PLAIN_SEALS
    heads: HeadsFile | None = None

    @contextmanager
    def _audited(self) -> Iterator[tuple[Connection, audit.Ledger]]:
        """Open a transaction that writes and adds to the audit chain; the new head is kept outside once it is there."""
        with self.database.writing() as connection:
            ledger = audit.Ledger(connection, self.seals)
            yield connection, ledger
            ledger.write()
        if ledger.head is not None and self.heads is not None:
            self.heads.keep(ledger.head)

    def audit_check(self, *, heads: Sequence[Head] = ()) -> AuditCheck:
        """Walk the audit chain, and compare it with the heads that were kept and with those given.

        Raises `HistoryUnavailable`.
        """
        kept = (*self._kept_heads(), *heads)  # first: the chain only grows
        with self.database.reading() as connection:
            return audit_check.check(connection, self.seals, kept)

    def audit_head(self) -> Head | None:
        """Return the newest row of the audit chain."""
        with self.database.reading() as connection:
            return audit.newest(connection)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def audit_lost(self) -> str:
        heads = self._kept_heads()
        if not heads:
            return ""
        with self.database.reading() as connection:
            return audit_check.lost(connection, max(heads, key=lambda head: head.seq))

    def _kept_heads(self) -> tuple[Head, ...]:
        return tuple(self.heads.read()) if self.heads is not None else ()

    def now(self) -> datetime:
        with self.database.reading() as connection:
            return read_clock(connection)

    def break_glass(self, cluster: str, person: Person, reason: str, lasts: timedelta) -> BreakGlass:
        with self._audited() as (connection, ledger):
            number = break_glass.open_one(ledger, cluster, person, reason, lasts)
            return next(one for one in break_glass.load(connection, self.seals, cluster) if one.number == number)

    def review_break_glass(self, number: int, person: Person) -> BreakGlass:
        with self._audited() as (connection, ledger):
            return break_glass.review(connection, ledger, number, person)

    def broken_glass(self, cluster: str = "") -> tuple[BreakGlass, ...]:
        with self.database.reading() as connection:
            return break_glass.load(connection, self.seals, cluster)

    def record(self, diagnosis: Diagnosis) -> None:
        with self.database.writing() as connection:
            diagnoses.store(connection, diagnosis)

    def diagnosis(self, diagnosis_id: str) -> Diagnosis | None:
        with self.database.reading() as connection, reading_row(f"Diagnosis {diagnosis_id}"):
            return diagnoses.load(connection, diagnosis_id, self.evidence_classes)

    def files(self, diagnosis_id: str) -> tuple[KeptFile, ...]:
        with self.database.reading() as connection, reading_row(f"Files of diagnosis {diagnosis_id}"):
            return diagnoses.load_files(connection, diagnosis_id)

    def delete_evidence(self, older_than: timedelta, *, most: int) -> int:
        with self._audited() as (connection, ledger):
            deleted = retention.delete_evidence(connection, older_than, most)
            if deleted:
                entry: JsonObject = {"diagnoses": deleted, "older_than_seconds": older_than.total_seconds()}
                ledger.add(audit.RETENTION, "", entry)
            return deleted

    def recent(self, cluster: str = "", *, sought: Sought = ALL, limit: int = 20) -> tuple[Entry, ...]:
        with self.database.reading() as connection:
            return entries.recent(connection, cluster, sought, limit)

    def incident(self, known_id: str) -> tuple[Entry, ...]:
        with self.database.reading() as connection:
            return entries.incident(connection, known_id)

    def remembered(self, cluster: str, collector: str) -> Sequence[Memory]:
        with self.database.reading() as connection:
            return diagnoses.remembered(connection, cluster, collector)

    def propose(self, draft: Draft) -> Proposal:
        with self._audited() as (connection, ledger):
            proposal_id = proposals.store(connection, draft, ledger)
            ledger.write()
            return proposals.load(connection, proposal_rows.c.id == proposal_id, seals=self.seals)[0]

    def proposal(self, proposal_id: str) -> Proposal:
        with self.database.reading() as connection:
            found = proposals.load(connection, proposal_rows.c.id == proposal_id, seals=self.seals)
        if not found:
            raise Refused(_NO_PLAN.format(proposal_id[:64]))
        return found[0]

    def pending(self) -> tuple[Proposal, ...]:
        waiting = (proposal_rows.c.state == ProposalState.PENDING.value, proposal_rows.c.expires_at > DatabaseTime())
        with self.database.reading() as connection:
            return proposals.load_readable(connection, *waiting)[0][::-1]

    def story(self, proposal_id: str) -> Story:
        with self.database.reading() as connection:
            # first: what is read after it may be newer, and is drawn again then; older it must not be
            row = connection.execute(
                select(proposal_rows.c.version, proposal_rows.c.report_url).where(proposal_rows.c.id == proposal_id)
            ).one_or_none()
            if row is None:
                raise Refused(_NO_PLAN.format(proposal_id[:64]))
            found = proposals.load(connection, proposal_rows.c.id == proposal_id, seals=self.seals)
            ended = repairs.load_outcomes(connection, [proposal_id])
            journal = repairs.newest_lines(connection, [proposal_id]).get(proposal_id, ())
            ends = endings.load(connection, proposal_id)
            waits = found[0].state is ProposalState.PENDING
            glass = break_glass.of_waiting_plan(connection, self.seals, found[0].plan.cluster) if waits else ()
        return Story(
            proposal=found[0],
            journal=journal,
            outcome=ended[0] if ended else None,
            endings=ends,
            report_url=row.report_url,
            glass=glass,
            version=row.version,
        )

    def remember(self, proposal_id: str, posted: Posted) -> None:
        with self.database.writing() as connection:
            outbox.stands(connection, proposal_id, posted.message)
            proposals.set_report_url(connection, proposal_id, posted.report_url)

    def shown_also(self, proposal_id: str, place: MessageRef) -> None:
        with self.database.writing() as connection:
            outbox.stands_also(connection, proposal_id, place)

    def report_stands(self, proposal_id: str, url: str) -> None:
        with self.database.writing() as connection:
            proposals.set_report_url(connection, proposal_id, url)

    def take(self, press: Press, *, required: int) -> Taken:
        with self._audited() as (connection, ledger):
            return proposals.take(connection, press, required, ledger)

    def refuse(self, press: Press, why: str) -> Decision:
        with self._audited() as (connection, ledger):
            return proposals.insert_decision(connection, press, ledger, accepted=False, reason=why)

    def expire(self) -> tuple[Proposal, ...]:
        """Mark what is past its time and return it, and remind of what soon is; keys and notes of a week ago go too."""
        with self.database.writing() as connection:
            connection.execute(delete(deliveries).where(deliveries.c.seen_at < DatabaseTime(-WEEK_SECONDS)))
            outbox.forget(connection)
            ids = proposals.expire(connection)
            proposals.remind(connection)
            return proposals.load_readable(connection, proposal_rows.c.id.in_(ids))[0] if ids else ()

    def begin(self, proposal_id: str, owner: str) -> Lease | NotBegun:
        with self._audited() as (connection, ledger):
            begun = leases.begin(connection, proposal_id, owner, self.lease_seconds)
            if isinstance(begun, Lease):
                ledger.add(audit.BEGUN, proposal_id, {"owner": owner, "lease": begun.token})
            return begun

    def renew(self, lease: Lease) -> bool:
        with self.database.writing() as connection:
            return leases.renew(connection, lease)

    def take_over(self, proposal_id: str, owner: str) -> Lease | None:
        with self.database.writing() as connection:
            return leases.take_over(connection, proposal_id, owner, self.lease_seconds)

    def in_the_way(self, proposal_id: str) -> str:
        with self.database.reading() as connection:
            return leases.in_the_way(connection, proposal_id)

    def release(self, lease: Lease) -> None:
        with self.database.writing() as connection:
            leases.release(connection, lease)

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
        where = f"Step {index + 1} of plan {lease.proposal_id}"
        with self._audited() as (connection, ledger):
            if not leases.holds(connection, lease, fresh=state is StepState.STARTED):
                raise Refused(_LOST.format(where, state.value))
            written = repairs.write_line(connection, lease.proposal_id, index, state, effects or {}, note)
            line = repairs.line(connection, lease.proposal_id, index, state)
            repeated = state is not StepState.STARTED and (line.effects, line.note) == (effects or {}, note)
            if not written and not repeated:
                raise Refused(f"{where} is {state.value} in the journal already; it is not run a second time.")
            if written:
                entry: JsonObject = {
                    "step": index,
                    "state": line.state.value,
                    "effects": line.effects,
                    "note": line.note,
                }
                ledger.add(audit.STEP, lease.proposal_id, entry)
            if state is StepState.DONE and ends_after_seconds:
                endings.plan(connection, lease.proposal_id, index, ends_after_seconds)
            return line

    def begin_ending(self, proposal_id: str, owner: str) -> Lease | None:
        with self.database.writing() as connection:
            return endings.begin(connection, proposal_id, owner, self.lease_seconds)

    def ended(self, lease: Lease, *, index: int, note: str) -> None:
        with self._audited() as (connection, ledger):
            if not leases.holds(connection, lease, fresh=False):
                raise Refused(_LOST.format(f"The end of step {index + 1} of plan {lease.proposal_id}", "over"))
            endings.end(connection, lease.proposal_id, index, note)
            ledger.add(audit.ENDING, lease.proposal_id, {"step": index, "note": note})

    def postpone_ending(self, lease: Lease, *, note: str) -> None:
        with self.database.writing() as connection:
            if leases.holds(connection, lease, fresh=False):
                endings.postpone(connection, lease.proposal_id, note)

    def late_endings(self) -> tuple[LateEnding, ...]:
        with self.database.reading() as connection:
            return endings.late(connection)

    def let_go(self, lease: Lease) -> None:
        with self.database.writing() as connection:
            if leases.holds(connection, lease, fresh=False):
                leases.let_go(connection, lease.proposal_id)

    def waits(self, lease: Lease, *, index: int, note: str) -> StepRecord:
        with self.database.writing() as connection:
            if not leases.holds(connection, lease, fresh=False):
                raise Refused(_LOST.format(f"Step {index + 1} of plan {lease.proposal_id}", "waiting"))
            return repairs.note_sent(connection, lease.proposal_id, index, note)

    def steps(self, proposal_id: str) -> tuple[StepRecord, ...]:
        with self.database.reading() as connection:
            return repairs.newest_lines(connection, [proposal_id]).get(proposal_id, ())

    def finish(self, lease: Lease, outcome: Outcome, state: ProposalState) -> Outcome:
        with self._audited() as (connection, ledger):
            if leases.holds(connection, lease, fresh=False) and repairs.finish(connection, outcome, state):
                ledger.add(audit.OUTCOME, outcome.proposal_id, _outcome_entry(outcome))
            found = repairs.load_outcome(connection, outcome.proposal_id)
        # the same outcome, written before, whose answer was lost: the cluster was let go with it
        if found is None or (found.result, found.summary) != (outcome.result, outcome.summary):
            raise Refused(
                f"How plan {outcome.proposal_id} ended was not recorded by this process: another has taken the "
                "repair over, and records what it sees."
            )
        return found

    def refuse_repair(self, outcome: Outcome) -> None:
        with self._audited() as (connection, ledger):
            if repairs.refuse(connection, outcome):
                ledger.add(audit.OUTCOME, outcome.proposal_id, _outcome_entry(outcome))

    def due(self) -> tuple[Job, ...]:
        with self.database.reading() as connection:
            return (*repairs.due(connection), *endings.due(connection), *outbox.due(connection))

    def outcome(self, proposal_id: str) -> Outcome | None:
        with self.database.reading() as connection:
            return repairs.load_outcome(connection, proposal_id)

    def once(self, key: str) -> bool:
        with self.database.writing() as connection:
            return diagnoses.insert_if_absent(connection, deliveries, {"key": key, "seen_at": DatabaseTime()})

    def seen(self, key: str) -> bool:
        with self.database.reading() as connection:
            return connection.execute(select(deliveries.c.key).where(deliveries.c.key == key)).first() is not None

    def say(self, *notes: Note) -> int:
        with self.database.writing() as connection:
            return outbox.say(connection, *notes)

    def settle(self, key: str, body: JsonObject) -> None:
        with self.database.writing() as connection:
            outbox.settle(connection, key, body)

    def keep_promises(self, owner: str) -> None:
        with self.database.writing() as connection:
            outbox.keep_promises(connection, owner)

    def place(self, key: str) -> MessageRef | None:
        with self.database.reading() as connection:
            return outbox.place(connection, key)

    def said(self, key: str) -> Note | None:
        with self.database.reading() as connection:
            return outbox.said(connection, key)

    def begin_sending(self, queue: str, owner: str) -> bool:
        with self.database.writing() as connection:
            return outbox.begin(connection, queue, owner)

    def next_to_send(self, queue: str, owner: str) -> Sending | None:
        with self.database.writing() as connection:
            return outbox.next_to_send(connection, queue, owner)

    def sent(self, key: str, place: MessageRef | None, version: int, *following: Note) -> None:
        with self.database.writing() as connection:
            outbox.sent(connection, key, place, version, *following)

    def not_sent(self, key: str, version: int, why: NotTaken) -> bool:
        with self.database.writing() as connection:
            return outbox.not_sent(connection, key, version, why)

    def show_alone(self, key: str) -> None:
        with self.database.writing() as connection:
            outbox.show_alone(connection, key)

    def hurry(self, key: str) -> None:
        with self.database.writing() as connection:
            outbox.hurry(connection, key)

    def unsent(self) -> int:
        with self.database.reading() as connection:
            return outbox.unsent(connection)

    def end_sending(self, queue: str, owner: str) -> None:
        with self.database.writing() as connection:
            outbox.end(connection, queue, owner)


def _outcome_entry(outcome: Outcome) -> JsonObject:
    return {
        "result": outcome.result.value,
        "summary": outcome.summary,
        "verification": outcome.verification_diagnosis_id,
        "inverse": outcome.inverse_proposal_id,
    }
