"""What became of plans and is still to be said in their cards' threads."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select, update

from bot.domain.history import TELLING_AGAIN_SECONDS, TOLD_WITHIN_SECONDS, NotTaken, Untold
from bot.domain.jobs import Job
from bot.history.columns import DatabaseTime
from bot.history.tables import endings, outcomes, proposals

_LONG_AGO = DatabaseTime(-TOLD_WITHIN_SECONDS)
_OUTCOME_SINCE, _ENDING_SINCE = outcomes.c.finished_at, func.coalesce(endings.c.ended_at, endings.c.due_at)
_OUTCOME_NOW = (outcomes.c.tell_at <= DatabaseTime()) & (_OUTCOME_SINCE > _LONG_AGO)
_ENDING_NOW = (endings.c.tell_at <= DatabaseTime()) & (_ENDING_SINCE > _LONG_AGO)


def due(connection: Connection) -> tuple[Job, ...]:
    """Return the plans that have a card and of which something is to be said now."""
    of_plan = (
        exists().where(outcomes.c.proposal_id == proposals.c.id, _OUTCOME_NOW),
        exists().where(endings.c.proposal_id == proposals.c.id, _ENDING_NOW),
    )
    rows = connection.execute(
        select(proposals.c.id).where(_has_card(), or_(*of_plan)).order_by(proposals.c.created_at, proposals.c.id)
    )
    return tuple(Job(kind="tell_thread", ids={"proposal_id": row.id}) for row in rows)


def begin(connection: Connection, proposal_id: str) -> Untold:
    """Return what is to be said now; nobody else is given it for a while."""
    again = DatabaseTime(TELLING_AGAIN_SECONDS)
    with_card = exists().where(proposals.c.id == proposal_id, _has_card())
    outcome = update(outcomes).where(outcomes.c.proposal_id == proposal_id, _OUTCOME_NOW, with_card)
    ends = update(endings).where(endings.c.proposal_id == proposal_id, _ENDING_NOW, with_card)
    told = connection.execute(outcome.values(tell_at=again)).rowcount == 1
    steps = connection.scalars(ends.values(tell_at=again).returning(endings.c.step)).all()
    return Untold(outcome=told, steps=tuple(sorted(steps)))


def end(connection: Connection, proposal_id: str, step: int | None) -> None:
    """Write down that the outcome, or the end of a step's change, is said; what came up since `begin` is not."""
    begun = DatabaseTime()
    if step is None:
        said = update(outcomes).where(outcomes.c.proposal_id == proposal_id, outcomes.c.tell_at > begun)
    else:
        one = (endings.c.proposal_id == proposal_id) & (endings.c.step == step)
        said = update(endings).where(one, endings.c.tell_at > begun)
    connection.execute(said.values(tell_at=None))


def put_off(connection: Connection, proposal_id: str, why: NotTaken) -> bool:
    """Let what is due of a plan be said later; True where some is given up: it is too old then, or never taken."""
    given_up = 0
    for table, since in ((outcomes, _OUTCOME_SINCE), (endings, _ENDING_SINCE)):
        unsaid = (table.c.proposal_id == proposal_id) & (table.c.tell_at > DatabaseTime())
        if why.again_within_seconds is not None:
            again = why.again_within_seconds
            in_time = since > DatabaseTime(again - TOLD_WITHIN_SECONDS)
            connection.execute(update(table).where(unsaid & in_time).values(tell_at=DatabaseTime(again)))
            unsaid &= ~in_time
        given_up += connection.execute(update(table).where(unsaid).values(tell_at=None)).rowcount
    if given_up:
        connection.execute(update(proposals).where(proposals.c.id == proposal_id).values(untold=why.reason))
    return given_up > 0


def set_aside(connection: Connection, proposal_id: str) -> None:
    """Let nothing more be said of a plan."""
    for table in (outcomes, endings):
        connection.execute(update(table).where(table.c.proposal_id == proposal_id).values(tell_at=None))


def _has_card() -> ColumnElement[bool]:
    return proposals.c.message_ts != ""
