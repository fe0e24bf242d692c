"""What changed in a cluster's DNS health between two times, and among its problems between two digests: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.digests import CAPACITY, UNHEALTHY, Worsened
from bot.domain.findings import Severity
from bot.domain.health import EndpointUse, Mute, Problem, Served, Standing
from bot.domain.json_values import JsonObject, JsonValue

ENOUGH_RESPONSES = 100
"""With fewer, shares and percentiles say nothing."""
ERROR_SHARE, SLOW_SECONDS = 0.01, 0.020
"""An error share of 1 % and a latency (p95) of 20 ms are worse than before where they are twice as much."""
TWICE = 2.0
LITTLE_HEADROOM = 0.2
NEW_WITHIN = timedelta(days=1)
"""In a channel's first digest a problem is new that began so long ago at most."""
SEVERITIES: Mapping[JsonValue, int] = {one.value: at for at, one in enumerate(Severity)}
"""0 is the worst."""


def worsened(
    cluster: str, before: Served | None, now: Served | None, stood: Standing | None, stands: Standing | None
) -> tuple[Worsened, ...]:
    """Return the measures that got worse; one that was not measured before is worse where it is bad in itself."""
    found = [*_by_numbers(cluster, before, now), *_by_standing(cluster, stood, stands)]
    return tuple(found)


def _by_numbers(cluster: str, before: Served | None, now: Served | None) -> Iterator[Worsened]:
    if now is None:
        return
    if now.responses >= ENOUGH_RESPONSES:
        old = before if before is not None and before.responses >= ENOUGH_RESPONSES else None
        yield from _if_twice(cluster, "error share", old.error_share if old else None, now.error_share, ERROR_SHARE)
        p95 = old.percentile(0.95) if old else None
        yield from _if_twice(cluster, "latency p95", p95, now.percentile(0.95), SLOW_SECONDS)
    for what, number, old_number in (
        ("panics", now.panics, before.panics if before else 0),
        ("failed reloads", now.failed_reloads, before.failed_reloads if before else 0),
    ):
        if number > old_number:
            yield Worsened(cluster=cluster, what=what, before=old_number, now=number)
    headroom = before.resolver_headroom if before else None
    if now.resolver_headroom < LITTLE_HEADROOM and (headroom is None or headroom >= LITTLE_HEADROOM):
        yield Worsened(cluster=cluster, what="resolver head-room", before=headroom, now=now.resolver_headroom)


def _if_twice(cluster: str, what: str, before: float | None, now: float | None, least: float) -> Iterator[Worsened]:
    if now is not None and now >= least and (before is None or now >= TWICE * before):
        yield Worsened(cluster=cluster, what=what, before=before, now=now)


def _by_standing(cluster: str, stood: Standing | None, stands: Standing | None) -> Iterator[Worsened]:
    if stands is None or stands.part_of_node:
        return
    before = float(stood.pods_ready) if stood is not None else None
    if stands.pods_ready < stands.pods_wanted and (before is None or stands.pods_ready < before):
        yield Worsened(cluster=cluster, what="ready pods", before=before, now=stands.pods_ready)
    if stood is not None and stood.pods == stands.pods and stands.restarts > stood.restarts:
        yield Worsened(cluster=cluster, what="restarts", before=stood.restarts, now=stands.restarts)
    if stood is not None and 0 < stands.zones < stood.zones:
        yield Worsened(cluster=cluster, what="zones", before=stood.zones, now=stands.zones)


def endpoints_worsened(cluster: str, before: Sequence[EndpointUse], now: Sequence[EndpointUse]) -> Iterator[Worsened]:
    """Yield the Resolver endpoints that lost interfaces or come nearer to their capacity."""
    known = {one.id: one for one in before}
    for one in now:
        old = known.get(one.id, EndpointUse(id=one.id, inbound=one.inbound))
        for what, was, value in (
            (UNHEALTHY, old.unhealthy, one.unhealthy),
            (CAPACITY, old.capacity, one.capacity),
        ):
            if value and value > (was or 0):
                yield Worsened(cluster=cluster, what=f"{what} {one.id}", before=was, now=value)


def differs(stood: Standing | None, stands: Standing | None) -> bool:
    """Return whether CoreDNS is another than it was: other pods, restarts, versions, places."""
    if stood is None or stands is None:
        return False
    before, now = (replace(one, addon_newest="", caches_ready=None) for one in (stood, stands))
    return before != now


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedOut:
    """Problems as a digest tells them, each list the worst first."""

    new: tuple[Problem, ...]
    worse: tuple[Problem, ...]
    fixed: tuple[Problem, ...]
    still_open: tuple[Problem, ...]
    muted: tuple[tuple[Problem, Mute], ...] = ()

    @property
    def said(self) -> JsonObject:
        """What is open, for the next digest to be compared with."""
        open_ones = (*self.new, *self.worse, *self.still_open, *(problem for problem, _ in self.muted))
        return {_key(one): one.severity for one in open_ones}


def sort_out(
    problems: Sequence[Problem], said: JsonObject | None, *, now: datetime, mutes: Sequence[Mute] = ()
) -> SortedOut:
    """Return which problems are new, worse than last said, fixed, still open, and muted.

    `said`: None where nothing was.
    """
    unfixed = [one for one in problems if one.fixed_at is None]
    muted = {_key(one): (one, mute) for one in unfixed if (mute := mute_of(one, mutes)) is not None}
    open_ones = [one for one in unfixed if _key(one) not in muted]
    if said is None:
        new = [one for one in open_ones if now - one.since <= NEW_WITHIN]
        worse: list[Problem] = []
    else:
        new = [one for one in open_ones if _key(one) not in said]
        worse = [one for one in open_ones if _key(one) in said and _worse(one.severity, said[_key(one)])]
    told = {*map(_key, new), *map(_key, worse)}
    return SortedOut(
        new=_worst_first(new),
        worse=_worst_first(worse),
        fixed=_worst_first([one for one in problems if one.fixed_at is not None]),
        still_open=_worst_first([one for one in open_ones if _key(one) not in told]),
        muted=tuple(muted[_key(one)] for one in _worst_first([problem for problem, _ in muted.values()])),
    )


def mute_of(problem: Problem, mutes: Sequence[Mute]) -> Mute | None:
    """Return what mutes this problem: it is the one that was open then, no worse, and about nothing else."""
    return next(
        (
            one
            for one in mutes
            if (one.cluster, one.rule, one.since) == (problem.cluster, problem.rule, problem.since)
            and not _worse(problem.severity, one.severity)
            and (one.objects is None or set(problem.objects) <= set(one.objects))
        ),
        None,
    )


def _worse(severity: str, before: JsonValue) -> bool:
    return SEVERITIES.get(severity, 0) < (SEVERITIES.get(before, 0) if isinstance(before, str) else 0)


def _worst_first(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda one: (SEVERITIES.get(one.severity, 0), one.since, one.cluster, one.rule)))


def _key(problem: Problem) -> str:
    """Return what tells a problem from others over time; one that was fixed and came back is another."""
    return f"{problem.cluster} {problem.rule} {problem.since.isoformat(timespec='seconds')}"
