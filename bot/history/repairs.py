"""Repairs: one a cluster, a journal of steps, an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update

from bot.domain.approvals import Outcome, ProposalState, Result, StepRecord, StepState
from bot.domain.history import Begun
from bot.domain.json_values import JsonObject
from bot.history.columns import DatabaseTime
from bot.history.diagnoses import insert_if_absent
from bot.history.tables import clusters, outcomes, proposals, steps

APPROVED, RUNNING = ProposalState.APPROVED.value, ProposalState.RUNNING.value


def begin(connection: Connection, proposal_id: str) -> Begun:
    """Turn APPROVED into RUNNING and write this repair into the cluster's row; both or neither."""
    row = connection.execute(
        select(
            proposals.c.cluster, proposals.c.state, (proposals.c.apply_before > DatabaseTime()).label("in_time")
        ).where(proposals.c.id == proposal_id)
    ).one_or_none()
    if row is None or row.state != APPROVED:
        return Begun.NOT_APPROVED
    if not row.in_time:
        return Begun.TOO_LATE
    free = (clusters.c.name == row.cluster) & clusters.c.repairing.is_(None)
    if connection.execute(update(clusters).where(free).values(repairing=proposal_id)).rowcount != 1:
        holder = connection.execute(select(clusters.c.repairing).where(clusters.c.name == row.cluster)).scalar_one()
        return Begun.NOT_APPROVED if holder == proposal_id else Begun.BUSY
    approved = (proposals.c.id == proposal_id) & (proposals.c.state == APPROVED)
    if connection.execute(update(proposals).where(approved).values(state=RUNNING)).rowcount != 1:
        let_go(connection, proposal_id)
        return Begun.NOT_APPROVED
    return Begun.BEGUN


def let_go(connection: Connection, proposal_id: str) -> None:
    """Free the cluster that this repair holds, if it holds one."""
    connection.execute(update(clusters).where(clusters.c.repairing == proposal_id).values(repairing=None))


def may_start(connection: Connection, proposal_id: str) -> bool:
    """Return whether this repair still runs and still holds its cluster; the row is held until the commit."""
    holds = exists().where(clusters.c.repairing == proposal_id, clusters.c.name == proposals.c.cluster)
    running = (proposals.c.id == proposal_id) & (proposals.c.state == RUNNING) & holds
    return connection.execute(update(proposals).where(running).values(state=RUNNING)).rowcount == 1


def write_line(
    connection: Connection, proposal_id: str, index: int, state: StepState, effects: JsonObject, note: str
) -> StepRecord | None:
    """Append to the journal; None when this step has such a line already."""
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
    if not inserted:
        return None
    row = connection.execute(
        select(steps).where(steps.c.proposal_id == proposal_id, steps.c.step == index, steps.c.state == state.value)
    ).one()
    return _record(row)


def newest_lines(connection: Connection, proposal_ids: Sequence[str]) -> dict[str, tuple[StepRecord, ...]]:
    """Return the newest line of each step of each repair, in the plan's order."""
    found: dict[str, dict[int, StepRecord]] = {}
    if not proposal_ids:
        return {}
    rows = connection.execute(select(steps).where(steps.c.proposal_id.in_(proposal_ids)).order_by(steps.c.id))
    for row in rows:
        found.setdefault(row.proposal_id, {})[row.step] = _record(row)
    return {key: tuple(lines[index] for index in sorted(lines)) for key, lines in found.items()}


def _record(row: Row[*tuple[Any, ...]]) -> StepRecord:
    return StepRecord(
        proposal_id=row.proposal_id,
        index=row.step,
        state=StepState(row.state),
        effects=row.effects,
        note=row.note,
        at=row.at,
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
        connection.execute(update(proposals).where(open_one).values(state=state.value))
    let_go(connection, outcome.proposal_id)
    return inserted


def load_outcomes(connection: Connection, proposal_ids: Sequence[str]) -> tuple[Outcome, ...]:
    """Return the outcomes of these proposals, oldest first."""
    if not proposal_ids:
        return ()
    journal = newest_lines(connection, proposal_ids)
    rows = connection.execute(
        select(outcomes).where(outcomes.c.proposal_id.in_(proposal_ids)).order_by(outcomes.c.finished_at)
    )
    return tuple(
        Outcome(
            proposal_id=row.proposal_id,
            result=Result(row.result),
            summary=row.summary,
            steps=journal.get(row.proposal_id, ()),
            verification_diagnosis_id=row.verification_diagnosis_id,
            inverse_proposal_id=row.inverse_proposal_id,
            finished_at=row.finished_at,
        )
        for row in rows
    )
