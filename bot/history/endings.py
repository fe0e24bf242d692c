"""Ends of changes that were approved for a time: when each is due, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, or_, select, update

from bot.domain.approvals import Ending
from bot.domain.history import ENDING_AGAIN_SECONDS, LateEnding, Lease
from bot.domain.jobs import Job
from bot.domain.outbox import ENDING
from bot.history import outbox
from bot.history.columns import DatabaseTime, as_number, as_time
from bot.history.diagnoses import insert_if_absent
from bot.history.leases import hold, ran_out
from bot.history.proposals import changed
from bot.history.tables import clusters, endings, proposals
from bot.history.unreadable import reading_row


def plan(connection: Connection, proposal_id: str, index: int, after_seconds: float) -> None:
    """Write down when a step that is done is to be taken back; a second time changes nothing."""
    insert_if_absent(
        connection,
        endings,
        {
            "proposal_id": proposal_id,
            "step": index,
            "due_at": DatabaseTime(after_seconds),
            "ended_at": None,
            "note": "",
        },
    )


def load(connection: Connection, proposal_id: str) -> tuple[Ending, ...]:
    """Return the ends of a plan's changes, in the plan's order."""
    rows: Sequence[Row[*tuple[Any, ...]]] = connection.execute(
        select(endings, (endings.c.due_at <= DatabaseTime()).label("is_due"))
        .where(endings.c.proposal_id == proposal_id)
        .order_by(endings.c.step)
    ).all()
    return tuple(map(_ending, rows))


def _ending(row: Row[*tuple[Any, ...]]) -> Ending:
    with reading_row(f"An end of a change of plan {row.proposal_id}"):
        return Ending(
            index=as_number(row.step),
            due_at=as_time(row.due_at),
            is_due=bool(row.is_due) and row.ended_at is None,
            ended_at=as_time(row.ended_at) if row.ended_at is not None else None,
            note=row.note,
        )


def due(connection: Connection) -> tuple[Job, ...]:
    """Return the plans of which a change is due to be taken back, where the cluster is free for it."""
    rows = connection.execute(
        select(proposals.c.id)
        .join(clusters, clusters.c.name == proposals.c.cluster)
        .where(_has_one_due(), _free_for(proposals.c.id))
        .order_by(proposals.c.created_at, proposals.c.id)
    )
    return tuple(Job(kind="end_change", ids={"proposal_id": row.id}) for row in rows)


def begin(connection: Connection, proposal_id: str, owner: str, seconds: float) -> Lease | None:
    """Hold the cluster for taking back what is due; None where nothing is, or another holds it."""
    of_plan = exists().where(proposals.c.id == proposal_id, proposals.c.cluster == clusters.c.name, _has_one_due())
    return hold(connection, of_plan & _free_for(proposal_id), proposal_id, owner, seconds)


def end(connection: Connection, proposal_id: str, index: int, note: str) -> None:
    """Write down that a change was taken back, or why it was not."""
    one = (endings.c.proposal_id == proposal_id) & (endings.c.step == index)
    connection.execute(update(endings).where(one).values(ended_at=DatabaseTime(), note=note))
    changed(connection, proposal_id)
    _say(connection, proposal_id, (index,))


def postpone(connection: Connection, proposal_id: str, note: str) -> None:
    """Let what is due of a plan be due again later, and write down why; only another reason is news."""
    due_ones = (
        (endings.c.proposal_id == proposal_id) & endings.c.ended_at.is_(None) & (endings.c.due_at <= DatabaseTime())
    )
    news = update(endings).where(due_ones, endings.c.note != note).values(note=note).returning(endings.c.step)
    if steps := sorted(connection.scalars(news)):
        changed(connection, proposal_id)
        _say(connection, proposal_id, steps)
    connection.execute(update(endings).where(due_ones).values(due_at=DatabaseTime(ENDING_AGAIN_SECONDS)))


def _say(connection: Connection, proposal_id: str, steps: Sequence[int]) -> None:
    """Say in the card's thread how the ends of these steps' changes stand; what is not said of them yet is old."""
    version = connection.scalar(select(proposals.c.version).where(proposals.c.id == proposal_id))
    for step in steps:
        about = {"step": str(step)}
        outbox.drop_unsent(connection, proposal_id, ENDING, about)
        outbox.say_of_plan(connection, proposal_id, ENDING, f"{ENDING}:{proposal_id}:{step}:{version}", about)


def late(connection: Connection) -> tuple[LateEnding, ...]:
    """Return the changes that could not be taken back yet, oldest plan first."""
    rows = connection.execute(
        select(endings.c.proposal_id, endings.c.step, endings.c.note, proposals.c.cluster)
        .join(proposals, proposals.c.id == endings.c.proposal_id)
        .where(endings.c.ended_at.is_(None), endings.c.note != "")
        .order_by(proposals.c.created_at, endings.c.proposal_id, endings.c.step)
    )
    return tuple(
        LateEnding(proposal_id=row.proposal_id, cluster=row.cluster, index=row.step, note=row.note) for row in rows
    )


def _has_one_due() -> ColumnElement[bool]:
    return exists().where(
        endings.c.proposal_id == proposals.c.id, endings.c.ended_at.is_(None), endings.c.due_at <= DatabaseTime()
    )


def _free_for(proposal_id: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Return the condition that nobody repairs the cluster, or that who took back this plan's changes is gone."""
    return or_(clusters.c.repairing.is_(None), (clusters.c.repairing == proposal_id) & ran_out())
