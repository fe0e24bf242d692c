"""What becomes of critical problems from look to look, and what is said of it: pure.

A problem is told when two looks in a row found it, and is over when as many found it healthy. One that comes back soon
is told in its own thread; each time it did, it takes twice as many looks to call it over, so that what flaps is not
told at every turn. A look that could not tell neither finds nor ends anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.watching import Incident, Sighting, Watched

LOOKS = 2
"""In a row, for anything that is said."""
MOST_LOOKS = 16
"""To call over what came back again and again."""
COMES_BACK_WITHIN = timedelta(hours=6)
"""After it was called over; later it is another incident."""


class News(StrEnum):
    """What is said of an incident."""

    NEW = "new"
    BACK = "back"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to say."""

    news: News
    cluster: str
    incident: Incident
    at: datetime

    @property
    def key(self) -> str:
        """The same in every process for the same news."""
        if self.news is News.NEW:
            return self.incident.key
        return f"{self.incident.key} {self.news.value} {self.incident.came_back}"


def look_again(
    cluster: str, watched: Watched, found: Iterable[Sighting], healthy: Collection[str], *, at: datetime
) -> tuple[Watched, tuple[Notice, ...]]:
    """Return what is known after a look, and what is to be said.

    `found` are the critical problems, those that are muted left out; `healthy` the rules that found everything well.
    """
    sightings = {one.rule: one for one in found}
    known = {one.rule: one for one in watched.incidents if not _long_over(one, at)}
    after: list[Incident] = []
    notices: list[Notice] = []
    for rule, one in _with_new(cluster, known, sightings, at).items():
        later, news = _next(one, sightings.get(rule), healthy=rule in healthy, at=at)
        if later is not None:
            after.append(later)
        if later is not None and news is not None:
            notices.append(Notice(news=news, cluster=cluster, incident=later, at=at))
    return Watched(incidents=tuple(after)), tuple(notices)


def _long_over(incident: Incident, at: datetime) -> bool:
    return incident.resolved_at is not None and at - incident.resolved_at > COMES_BACK_WITHIN


def _with_new(
    cluster: str, known: Mapping[str, Incident], sightings: Mapping[str, Sighting], at: datetime
) -> dict[str, Incident]:
    return {**dict(_new(cluster, (one for rule, one in sightings.items() if rule not in known), at)), **known}


def _new(cluster: str, sightings: Iterable[Sighting], at: datetime) -> Iterator[tuple[str, Incident]]:
    for one in sightings:
        key = f"watch {cluster} {one.rule} {at.isoformat(timespec='seconds')}"
        yield one.rule, Incident(rule=one.rule, title=one.title, summary=one.summary, since=at, key=key)


def _next(
    one: Incident, sighting: Sighting | None, *, healthy: bool, at: datetime
) -> tuple[Incident | None, News | None]:
    """Return the incident after this look, None where nothing is to be remembered of it, and what is to be said."""
    if sighting is not None:
        return _found(replace(one, title=sighting.title, summary=sighting.summary, found=one.found + 1, gone=0))
    if not healthy:
        return one, None
    if not one.told:
        return None, None  # seen once, and not again
    return _gone(replace(one, gone=one.gone + 1, found=0), at)


def _found(one: Incident) -> tuple[Incident, News | None]:
    if one.found < LOOKS:
        return one, None
    if not one.told:
        return replace(one, told=True), News.NEW
    if one.resolved_at is not None:
        return replace(one, resolved_at=None, came_back=one.came_back + 1), News.BACK
    return one, None


def _gone(one: Incident, at: datetime) -> tuple[Incident, News | None]:
    if one.resolved_at is not None or one.gone < min(LOOKS * 2**one.came_back, MOST_LOOKS):
        return one, None
    return replace(one, resolved_at=at), News.RESOLVED
