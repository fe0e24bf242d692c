"""`SqlWatches`: what is known of watched clusters, on SQLite or PostgreSQL. One transaction a method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import or_, select, update

from bot.domain.encoding import decode, encode
from bot.domain.watching import Watched
from bot.history.columns import DatabaseTime, has_passed, read_clock
from bot.history.diagnoses import insert_if_absent
from bot.history.engine import Database
from bot.history.tables import watches

LONGEST_LOOK_SECONDS = 3600.0
"""Many times longer than a look is held: a time beyond it was spoiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlWatches:
    """The port `bot.domain.watching.WatchStore`, whose methods it has and whose words hold for them."""

    database: Database

    def now(self) -> datetime:
        with self.database.reading() as connection:
            return read_clock(connection)

    def begin(self, cluster: str, owner: str, *, every: timedelta, seconds: float) -> Watched | None:
        held = {"owner": owner, "held_until": DatabaseTime(seconds), "looked_at": DatabaseTime()}
        due = (
            watches.c.cluster == cluster,
            or_(
                watches.c.looked_at <= DatabaseTime(-every.total_seconds()),
                watches.c.looked_at > DatabaseTime(LONGEST_LOOK_SECONDS),
            ),
            has_passed(watches.c.held_until, at_most_seconds=LONGEST_LOOK_SECONDS),
        )
        with self.database.writing() as connection:
            new = {"cluster": cluster, "document": encode(Watched()), **held}
            if insert_if_absent(connection, watches, new):
                return Watched()
            if connection.execute(update(watches).where(*due).values(held)).rowcount != 1:
                return None
            document = connection.execute(select(watches.c.document).where(watches.c.cluster == cluster)).scalar_one()
        return _readable(document)

    def end(self, cluster: str, owner: str, watched: Watched) -> bool:
        ended = {"held_until": None, "document": encode(watched)}
        own = (watches.c.cluster == cluster) & (watches.c.owner == owner) & watches.c.held_until.is_not(None)
        with self.database.writing() as connection:
            return connection.execute(update(watches).where(own).values(ended)).rowcount == 1


def _readable(document: object) -> Watched:
    """Return what was known; nothing where another version wrote it in another form."""
    try:
        return decode(Watched, document)
    except ValidationError:
        return Watched()
