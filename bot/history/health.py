"""`SqlHealth`: measurements, and slots of schedules, on SQLite or PostgreSQL. One transaction a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, delete, select, update

from bot.domain.encoding import decode, encode
from bot.domain.health import RAW_DAYS, LastDiagnosis, Mute, Problem, Resolution, Sample, Scrape, total
from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.history import problems
from bot.history.columns import NO_TIME, DatabaseTime, read_clock
from bot.history.diagnoses import insert_if_absent
from bot.history.engine import Database
from bot.history.tables import health_scrapes, health_series, mutes, slots

RAW, HOUR = Resolution.RAW.value, Resolution.HOUR.value
SLOT_DAYS = 30
"""How long it is remembered that a slot is done; no slot is made up that late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlHealth:
    """The port `bot.domain.health.HealthStore`, whose methods it has and whose words hold for them."""

    database: Database

    def now(self) -> datetime:
        with self.database.reading() as connection:
            return read_clock(connection)

    def scrape(self, cluster: str) -> Scrape | None:
        with self.database.reading() as connection:
            row = connection.execute(select(health_scrapes).where(health_scrapes.c.cluster == cluster)).one_or_none()
        if row is None or row.at is NO_TIME or not isinstance(row.counters, dict):
            return None
        return Scrape(at=row.at, counters=row.counters)

    def keep(self, sample: Sample, counters: JsonObject, *, before: datetime | None) -> bool:
        values = {"cluster": sample.cluster, "at": sample.at, "counters": counters}
        of_cluster = health_scrapes.c.cluster == sample.cluster
        with self.database.writing() as connection:
            if not insert_if_absent(connection, health_scrapes, values):
                same = (health_scrapes.c.at == before) if before is not None else (health_scrapes.c.at < sample.at)
                newer = update(health_scrapes).where(of_cluster, same).values(at=sample.at, counters=counters)
                if connection.execute(newer).rowcount != 1:
                    return False
            _store(connection, RAW, sample)
            _add_to_hour(connection, sample)
            return True

    def series(self, cluster: str, *, since: datetime, until: datetime) -> tuple[Sample, ...]:
        with self.database.reading() as connection:
            raw_since = max(since, read_clock(connection) - timedelta(days=RAW_DAYS))
            hours = _load(connection, cluster, HOUR, since, min(until, raw_since))
            return (*hours, *_load(connection, cluster, RAW, raw_since, until))

    def forget(self, *, hours_older_than: timedelta) -> None:
        with self.database.writing() as connection:
            now = read_clock(connection)
            for resolution, kept in ((RAW, timedelta(days=RAW_DAYS)), (HOUR, hours_older_than)):
                old = (health_series.c.resolution == resolution) & (health_series.c.at < now - kept)
                connection.execute(delete(health_series).where(old))
            connection.execute(delete(slots).where(slots.c.done_at < now - timedelta(days=SLOT_DAYS)))

    def claim(self, schedule: str, slot: str, owner: str, *, seconds: float) -> bool:
        until = DatabaseTime(seconds)
        values = {"schedule": schedule, "slot": slot, "owner": owner, "held_until": until}
        with self.database.writing() as connection:
            if insert_if_absent(connection, slots, values):
                return True
            free = slots.c.done_at.is_(None) & (slots.c.held_until <= DatabaseTime())
            taken = update(slots).where(_is(schedule, slot), free).values(owner=owner, held_until=until)
            return connection.execute(taken).rowcount == 1

    def renew(self, schedule: str, slot: str, owner: str, *, seconds: float) -> bool:
        with self.database.writing() as connection:
            held = slots.c.done_at.is_(None) & (slots.c.owner == owner)
            longer = update(slots).where(_is(schedule, slot), held).values(held_until=DatabaseTime(seconds))
            return connection.execute(longer).rowcount == 1

    def give_back(self, schedule: str, slot: str, owner: str) -> None:
        with self.database.writing() as connection:
            own = (slots.c.owner == owner) & slots.c.done_at.is_(None)
            connection.execute(update(slots).where(_is(schedule, slot), own).values(held_until=DatabaseTime()))

    def done(self, schedule: str, slot: str, owner: str, said: JsonObject) -> None:
        with self.database.writing() as connection:
            own = (slots.c.owner == owner) & slots.c.done_at.is_(None)
            ended = {"held_until": None, "done_at": DatabaseTime(), "said": said}
            connection.execute(update(slots).where(_is(schedule, slot), own).values(**ended))

    def last_said(self, schedule: str) -> tuple[datetime, JsonObject] | None:
        newest = select(slots.c.done_at, slots.c.said).where(slots.c.schedule == schedule, slots.c.done_at.is_not(None))
        with self.database.reading() as connection:
            row = connection.execute(newest.order_by(slots.c.done_at.desc()).limit(1)).one_or_none()
        if row is None or row.done_at is NO_TIME or not isinstance(row.said, dict):
            return None
        return row.done_at, row.said

    def problems(self, cluster: str, *, fixed_since: datetime) -> tuple[Problem, ...]:
        with self.database.reading() as connection:
            return problems.load(connection, cluster, fixed_since)

    def mute(self, mute: Mute) -> None:
        values = {
            "cluster": mute.cluster,
            "rule": mute.rule,
            "severity": mute.severity,
            "since": mute.since,
            "team_id": mute.owner.team_id,
            "user_id": mute.owner.user_id,
            "reason": mute.reason,
            "muted_at": DatabaseTime(),
            "until": mute.until,
            "objects": list(mute.objects) if mute.objects is not None else None,
        }
        with self.database.writing() as connection:
            connection.execute(mutes.insert().values(values))

    def mutes(self, cluster: str) -> tuple[Mute, ...]:
        of_cluster = select(mutes).where(mutes.c.cluster == cluster, mutes.c.until > DatabaseTime())
        with self.database.reading() as connection:
            rows = connection.execute(of_cluster.order_by(mutes.c.id.desc())).all()
        return tuple(
            Mute(
                cluster=row.cluster,
                rule=row.rule,
                severity=row.severity,
                since=row.since,
                owner=Person(team_id=row.team_id, user_id=row.user_id),
                reason=row.reason,
                until=row.until,
                objects=None if row.objects is None else tuple(_texts(row.objects)),
            )
            for row in rows
            if NO_TIME not in {row.since, row.until}
        )

    def last_diagnosis(self, cluster: str) -> LastDiagnosis | None:
        with self.database.reading() as connection:
            return problems.last_diagnosis(connection, cluster)


def _is(schedule: str, slot: str) -> ColumnElement[bool]:
    return (slots.c.schedule == schedule) & (slots.c.slot == slot)


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a list; of what is none nothing: then a mute holds for no object."""
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _store(connection: Connection, resolution: str, sample: Sample) -> None:
    values = {"cluster": sample.cluster, "resolution": resolution, "at": sample.at, "document": encode(sample)}
    insert_if_absent(connection, health_series, values)


def _add_to_hour(connection: Connection, sample: Sample) -> None:
    """Add a sample to the sum of its hour; how CoreDNS stands is as the newest sample says.

    What goes back to the pods' start, which may be weeks ago, is not of this hour.
    """
    hour = replace(
        sample,
        at=sample.at.replace(minute=0, second=0, microsecond=0),
        served=None if sample.since_start else sample.served,
        since_start=False,
    )
    where = (
        health_series.c.cluster == hour.cluster,
        health_series.c.resolution == HOUR,
        health_series.c.at == hour.at,
    )
    before = next(iter(_readable(connection.scalars(select(health_series.c.document).where(*where)))), None)
    if before is None:
        connection.execute(delete(health_series).where(*where))
        _store(connection, HOUR, hour)
        return
    together = replace(
        hour,
        served=total(one.served for one in (before, hour) if one.served is not None),
        cached=total(one.cached for one in (before, hour) if one.cached is not None),
    )
    connection.execute(update(health_series).where(*where).values(document=encode(together)))


def _load(
    connection: Connection, cluster: str, resolution: str, since: datetime, until: datetime
) -> tuple[Sample, ...]:
    rows = connection.scalars(
        select(health_series.c.document)
        .where(
            health_series.c.cluster == cluster,
            health_series.c.resolution == resolution,
            health_series.c.at >= since,
            health_series.c.at <= until,
        )
        .order_by(health_series.c.at)
    )
    return tuple(_readable(rows))


def _readable(documents: Iterable[object]) -> Iterator[Sample]:
    """Yield the samples; one that another version wrote in another form is left out."""
    for document in documents:
        try:
            yield decode(Sample, document)
        except ValidationError:
            continue
