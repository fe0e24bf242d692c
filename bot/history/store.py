"""`SqlHistory`: the history port on SQLite or PostgreSQL. One transaction a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from bot.domain.approvals import Decision, MessageRef, Outcome, Proposal, ProposalState, StepRecord, StepState
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.history import Begun, Draft, Entry, Press, Taken
from bot.domain.json_values import JsonObject
from bot.errors import Refused
from bot.history import diagnoses, proposals, repairs
from bot.history.columns import DatabaseTime
from bot.history.engine import WAIT_SECONDS, Database, open_database
from bot.history.tables import deliveries
from bot.history.tables import diagnoses as diagnosis_rows
from bot.history.tables import proposals as proposal_rows

WEEK_SECONDS = 7 * 24 * 3600


def open_history(url: str, evidence_classes: Mapping[str, type], *, wait_seconds: float = WAIT_SECONDS) -> SqlHistory:
    """Return the history at `url`; nothing is connected yet, so that a diagnosis works while it is down.

    `evidence_classes` gives the evidence class of each collector by the collector's name; `wait_seconds`
    bounds the wait for a lock or a connection. Raises `ConfigurationError` for a URL that is neither
    SQLite's nor PostgreSQL's.
    """
    return SqlHistory(database=open_database(url, wait_seconds=wait_seconds), evidence_classes=evidence_classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlHistory:
    """See `bot.domain.history.History`."""

    database: Database
    evidence_classes: Mapping[str, type]

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def record(self, diagnosis: Diagnosis) -> None:
        """See `History.record`."""
        with self.database.writing() as connection:
            diagnoses.store(connection, diagnosis)

    def diagnosis(self, diagnosis_id: str) -> Diagnosis | None:
        """See `History.diagnosis`."""
        with self.database.reading() as connection:
            return diagnoses.load(connection, diagnosis_id, self.evidence_classes)

    def recent(self, cluster: str = "", *, limit: int = 20) -> tuple[Entry, ...]:
        """See `History.recent`."""
        newest = select(diagnosis_rows).order_by(diagnosis_rows.c.started_at.desc(), diagnosis_rows.c.id).limit(limit)
        if cluster:
            newest = newest.where(diagnosis_rows.c.cluster == cluster)
        with self.database.reading() as connection:
            rows = connection.execute(newest).all()
            ids = [row.id for row in rows]
            made = proposals.load(connection, proposal_rows.c.diagnosis_id.in_(ids)) if ids else ()
            ended = repairs.load_outcomes(connection, [proposal.id for proposal in made])
        return tuple(
            Entry(
                diagnosis_id=row.id,
                cluster=row.cluster,
                asked_by=diagnoses.person(row.asked_team_id, row.asked_user_id),
                started_at=row.started_at,
                verdict=Verdict(row.verdict),
                root_causes=tuple(row.root_causes),
                proposals=(own := tuple(proposal for proposal in made if proposal.plan.diagnosis_id == row.id)),
                outcomes=tuple(
                    outcome for outcome in ended if outcome.proposal_id in {proposal.id for proposal in own}
                ),
            )
            for row in rows
        )

    def propose(self, draft: Draft) -> Proposal:
        """See `History.propose`."""
        with self.database.writing() as connection:
            proposal_id = proposals.store(connection, draft)
            return proposals.load(connection, proposal_rows.c.id == proposal_id)[0]

    def proposal(self, proposal_id: str) -> Proposal | None:
        """See `History.proposal`."""
        with self.database.reading() as connection:
            found = proposals.load(connection, proposal_rows.c.id == proposal_id)
        return found[0] if found else None

    def reported(self, proposal_id: str, report_url: str) -> None:
        """See `History.reported`."""
        self._set(proposal_id, report_url=report_url)

    def posted(self, proposal_id: str, message: MessageRef) -> None:
        """See `History.posted`."""
        self._set(proposal_id, message_channel=message.channel, message_ts=message.ts)

    def _set(self, proposal_id: str, **values: str) -> None:
        with self.database.writing() as connection:
            connection.execute(update(proposal_rows).where(proposal_rows.c.id == proposal_id).values(**values))

    def take(self, press: Press, *, required: int) -> Taken:
        """See `History.take`."""
        with self.database.writing() as connection:
            return proposals.take(connection, press, required)

    def refuse(self, press: Press, why: str) -> Decision:
        """See `History.refuse`."""
        with self.database.writing() as connection:
            return proposals.insert_decision(connection, press, accepted=False, reason=why)

    def expire(self) -> tuple[Proposal, ...]:
        """See `History.expire`; delivery keys older than a week go too."""
        with self.database.writing() as connection:
            connection.execute(delete(deliveries).where(deliveries.c.seen_at < DatabaseTime(-WEEK_SECONDS)))
            ids = proposals.expire(connection)
            return proposals.load(connection, proposal_rows.c.id.in_(ids)) if ids else ()

    def begin(self, proposal_id: str) -> Begun:
        """See `History.begin`."""
        with self.database.writing() as connection:
            return repairs.begin(connection, proposal_id)

    def journal(
        self, *, proposal_id: str, index: int, state: StepState, effects: JsonObject | None = None, note: str = ""
    ) -> StepRecord:
        """See `History.journal`."""
        with self.database.writing() as connection:
            if state is StepState.STARTED and not repairs.may_start(connection, proposal_id):
                raise Refused(
                    f"Step {index + 1} of plan {proposal_id} was not begun: the repair no longer runs or no longer "
                    "holds its cluster. Nothing further is written."
                )
            line = repairs.write_line(connection, proposal_id, index, state, effects or {}, note)
            if line is None:
                raise Refused(
                    f"Step {index + 1} of plan {proposal_id} is {state.value} in the journal already; it is not "
                    "run a second time."
                )
            return line

    def steps(self, proposal_id: str) -> tuple[StepRecord, ...]:
        """See `History.steps`."""
        with self.database.reading() as connection:
            return repairs.newest_lines(connection, [proposal_id]).get(proposal_id, ())

    def finish(self, outcome: Outcome, state: ProposalState) -> Outcome:
        """See `History.finish`; an outcome that is there already stays and is returned."""
        with self.database.writing() as connection:
            repairs.finish(connection, outcome, state)
            return repairs.load_outcomes(connection, [outcome.proposal_id])[0]

    def stranded(self) -> tuple[Proposal, ...]:
        """See `History.stranded`."""
        with self.database.reading() as connection:
            return proposals.load(
                connection,
                proposal_rows.c.state.in_([ProposalState.APPROVED.value, ProposalState.RUNNING.value]),
            )

    def outcome(self, proposal_id: str) -> Outcome | None:
        """See `History.outcome`."""
        with self.database.reading() as connection:
            found = repairs.load_outcomes(connection, [proposal_id])
        return found[0] if found else None

    def once(self, key: str) -> bool:
        """See `History.once`."""
        with self.database.writing() as connection:
            return diagnoses.insert_if_absent(connection, deliveries, {"key": key, "seen_at": DatabaseTime()})
