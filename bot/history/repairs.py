"""Repairs: a journal of steps, an outcome, and what of them is still to be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from bot.domain.approvals import Outcome, ProposalState, Result, StepRecord, StepState
from bot.domain.jobs import Job
from bot.domain.json_values import JsonObject
from bot.domain.outbox import OUTCOME
from bot.errors import RecordUnreadable
from bot.history import outbox
from bot.history.columns import DatabaseTime, as_number, as_time
from bot.history.diagnoses import insert_if_absent
from bot.history.leases import let_go, ran_out
from bot.history.proposals import changed
from bot.history.tables import clusters, outcomes, proposals, steps
from bot.history.unreadable import reading_row

APPROVED, RUNNING = ProposalState.APPROVED.value, ProposalState.RUNNING.value


def write_line(
    connection: Connection, proposal_id: str, index: int, state: StepState, effects: JsonObject, note: str
) -> bool:
    """Append to the journal; False when this step has such a line already."""
    inserted = insert_if_absent(
        connection,
        steps,
        {
            "proposal_id": proposal_id,
            "step": index,
            "state": state.value,
            "effects": effects,
            "note": note,
            "at": DatabaseTime(),
        },
    )
    if inserted:
        changed(connection, proposal_id)
    return inserted


def line(connection: Connection, proposal_id: str, index: int, state: StepState) -> StepRecord:
    """Return one line of the journal, which must be there."""
    row = connection.execute(
        select(steps).where(steps.c.proposal_id == proposal_id, steps.c.step == index, steps.c.state == state.value)
    ).one()
    return _record(row)


def note_sent(connection: Connection, proposal_id: str, index: int, note: str) -> StepRecord:
    """Set the note of a step's SENT line and return the line."""
    sent = (steps.c.proposal_id == proposal_id) & (steps.c.step == index) & (steps.c.state == StepState.SENT.value)
    changed(connection, proposal_id)
    row = connection.execute(update(steps).where(sent).values(note=note).returning(steps)).one()
    return _record(row)


def newest_lines(connection: Connection, proposal_ids: Sequence[str]) -> dict[str, tuple[StepRecord, ...]]:
    """Return the newest line of each step of each repair, in the plan's order."""
    found: dict[str, dict[int, StepRecord]] = {}
    if not proposal_ids:
        return {}
    rows = connection.execute(select(steps).where(steps.c.proposal_id.in_(proposal_ids)).order_by(steps.c.id))
    for row in rows:
        record = _record(row)
        found.setdefault(row.proposal_id, {})[record.index] = record
    return {key: tuple(lines[index] for index in sorted(lines)) for key, lines in found.items()}


def _record(row: Row[*tuple[Any, ...]]) -> StepRecord:
    with reading_row(f"A step in the journal of plan {row.proposal_id}"):
        if not isinstance(row.effects, dict):
            raise TypeError(type(row.effects))
        return StepRecord(
            proposal_id=row.proposal_id,
            index=as_number(row.step),
            state=StepState(row.state),
            effects=row.effects,
            note=row.note,
            at=as_time(row.at),
        )


def finish(connection: Connection, outcome: Outcome, state: ProposalState) -> bool:
    """Write the outcome, set the state and free the cluster; False when an outcome is there already."""
    inserted = insert_if_absent(
        connection,
        outcomes,
        {
            "proposal_id": outcome.proposal_id,
            "result": outcome.result.value,
            "summary": outcome.summary,
            "verification_diagnosis_id": outcome.verification_diagnosis_id,
            "inverse_proposal_id": outcome.inverse_proposal_id,
            "finished_at": DatabaseTime(),
        },
    )
    if inserted:
        open_one = (proposals.c.id == outcome.proposal_id) & proposals.c.state.in_([APPROVED, RUNNING])
        connection.execute(update(proposals).where(open_one).values(state=state.value, version=proposals.c.version + 1))
        outbox.say_of_plan(connection, outcome.proposal_id, OUTCOME, f"{OUTCOME}:{outcome.proposal_id}", {})
    let_go(connection, outcome.proposal_id)
    return inserted


def refuse(connection: Connection, outcome: Outcome) -> bool:
    """Write why an APPROVED plan was not begun; one that somebody began meanwhile is left alone (False)."""
    waiting = (proposals.c.id == outcome.proposal_id) & (proposals.c.state == APPROVED)
    held = connection.execute(update(proposals).where(waiting).values(state=APPROVED)).rowcount == 1
    return held and finish(connection, outcome, ProposalState.DONE)


def load_outcome(connection: Connection, proposal_id: str) -> Outcome | None:
    """Return how a plan ended, without its steps where the journal cannot be read: an end is an end all the same."""
    row = connection.execute(select(outcomes).where(outcomes.c.proposal_id == proposal_id)).one_or_none()
    if row is None:
        return None
    try:
        journal = newest_lines(connection, [proposal_id])
    except RecordUnreadable:
        journal = {}
    return _outcome(row, journal.get(proposal_id, ()))


def load_outcomes(connection: Connection, proposal_ids: Sequence[str]) -> tuple[Outcome, ...]:
    """Return the outcomes of these proposals, oldest first."""
    if not proposal_ids:
        return ()
    journal = newest_lines(connection, proposal_ids)
    rows = connection.execute(
        select(outcomes).where(outcomes.c.proposal_id.in_(proposal_ids)).order_by(outcomes.c.finished_at)
    )
    return tuple(_outcome(row, journal.get(row.proposal_id, ())) for row in rows)


def _outcome(row: Row[*tuple[Any, ...]], journal: tuple[StepRecord, ...]) -> Outcome:
    with reading_row(f"The outcome of plan {row.proposal_id}"):
        return Outcome(
            proposal_id=row.proposal_id,
            result=Result(row.result),
            summary=row.summary,
            steps=journal,
            verification_diagnosis_id=row.verification_diagnosis_id,
            inverse_proposal_id=row.inverse_proposal_id,
            finished_at=as_time(row.finished_at),
        )


def due(connection: Connection) -> tuple[Job, ...]:
    """Return repairs to begin and to settle, oldest proposal first."""
    waiting = {
        "repair": (proposals.c.state == APPROVED) & (proposals.c.apply_before > DatabaseTime()),
        "settle": (proposals.c.state == RUNNING)
        & proposals.c.cluster.in_(select(clusters.c.name).where(clusters.c.repairing == proposals.c.id, ran_out())),
    }
    return tuple(
        Job(kind=kind, ids={"proposal_id": row.id})
        for kind, condition in waiting.items()
        for row in connection.execute(
            select(proposals.c.id).where(condition).order_by(proposals.c.created_at, proposals.c.id)
        )
    )
