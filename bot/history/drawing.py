"""Cards that the chat does not take: when each is drawn again, and when that is given up."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, or_, select, update

from bot.domain.history import DRAWN_AGAIN_SECONDS, TOLD_WITHIN_SECONDS, NotTaken
from bot.history.columns import DatabaseTime
from bot.history.tables import proposals


def is_due() -> ColumnElement[bool]:
    """Return whether a card is behind, and may be drawn now."""
    behind = (proposals.c.version > proposals.c.drawn) & (proposals.c.message_ts != "")
    return behind & or_(proposals.c.draw_at.is_(None), proposals.c.draw_at <= DatabaseTime())


def done(connection: Connection, proposal_id: str, version: int, *, undrawn: str = "") -> None:
    """Write down that the card shows this version; or why it does not, and is left alone until there is news."""
    values = {"drawn": version, "draw_at": None, "undrawn_since": None, "undrawn": undrawn}
    connection.execute(update(proposals).where(proposals.c.id == proposal_id).values(values))


def put_off(connection: Connection, proposal_id: str, version: int, why: NotTaken) -> bool:
    """Let the card be drawn again when it has waited for as long once more; True where it is given up."""
    row = connection.execute(
        select(proposals.c.undrawn_since, DatabaseTime().label("now")).where(proposals.c.id == proposal_id)
    ).one()
    waited = (row.now - row.undrawn_since).total_seconds() if row.undrawn_since else 0.0
    if why.again_within_seconds is None or waited > TOLD_WITHIN_SECONDS:
        done(connection, proposal_id, version, undrawn=why.reason)
        return True
    again = min(max(waited, DRAWN_AGAIN_SECONDS), why.again_within_seconds)
    since = DatabaseTime() if row.undrawn_since is None else proposals.c.undrawn_since
    connection.execute(
        update(proposals).where(proposals.c.id == proposal_id).values(draw_at=DatabaseTime(again), undrawn_since=since)
    )
    return False
