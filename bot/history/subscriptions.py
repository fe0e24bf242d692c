"""`SqlSubscriptions`: digests that people subscribed channels to, on SQLite or PostgreSQL. One transaction a method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy import delete, select

from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule, Subscription
from bot.domain.encoding import decode, encode
from bot.domain.people import Person
from bot.history.columns import NO_TIME, DatabaseTime
from bot.history.engine import Database
from bot.history.tables import subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A schedule as it is kept."""

    cron: str
    timezone: str
    clusters: tuple[str, ...]
    grace: timedelta
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSubscriptions:
    """The port `bot.domain.digests.Subscriptions`, whose methods it has and whose words hold for them."""

    database: Database

    def all(self) -> tuple[Subscription, ...]:
        with self.database.reading() as connection:
            rows = connection.execute(select(subscriptions).order_by(subscriptions.c.schedule)).all()
        found = []
        for row in rows:
            try:
                kept = decode(_Kept, row.document)
                schedule = DigestSchedule(
                    channel=row.channel,
                    cron=parse_cron(kept.cron),
                    timezone=kept.timezone,
                    clusters=kept.clusters,
                    grace=kept.grace,
                    quiet=kept.quiet,
                )
            except (ValidationError, ValueError):
                continue  # another version wrote it in another form
            by = Person(team_id=row.team_id, user_id=row.user_id)
            at = None if row.subscribed_at is NO_TIME else row.subscribed_at
            found.append(Subscription(schedule=schedule, by=by, at=at))
        return tuple(found)

    def subscribe(self, schedule: DigestSchedule, by: Person) -> None:
        kept = _Kept(
            cron=schedule.cron.text,
            timezone=schedule.timezone,
            clusters=schedule.clusters,
            grace=schedule.grace,
            quiet=schedule.quiet,
        )
        values = {
            "schedule": schedule.name,
            "channel": schedule.channel,
            "document": encode(kept),
            "team_id": by.team_id,
            "user_id": by.user_id,
            "subscribed_at": DatabaseTime(),
        }
        with self.database.writing() as connection:
            connection.execute(delete(subscriptions).where(subscriptions.c.schedule == schedule.name))
            connection.execute(subscriptions.insert().values(values))

    def unsubscribe(self, name: str) -> bool:
        with self.database.writing() as connection:
            return connection.execute(delete(subscriptions).where(subscriptions.c.schedule == name)).rowcount == 1
