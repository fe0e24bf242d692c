"""What CoreDNS did between two readings of its counters, with restarts in between; and a cluster's from its pods'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from bot.dns.coredns_metrics import CorednsCounters, Latency, UpstreamMetrics
from bot.domain.evidence import Gap
from bot.domain.health import EndpointUse, Forwarded, Served, Standing, beside


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedPod:
    """The counters of one pod at one moment."""

    name: str
    node: str
    counters: CorednsCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsHealth:
    """What one look at a cluster gave: how CoreDNS stands, and the counters of its pods."""

    standing: Standing
    pods: tuple[CountedPod, ...]
    caches: tuple[CountedPod, ...] = ()
    """Of NodeLocal DNSCache, those that were read."""
    endpoints: tuple[EndpointUse, ...] = ()
    """Resolver endpoints that the cluster's names go through."""
    gaps: tuple[Gap, ...] = ()


_NOTHING = CorednsCounters(
    version="",
    started_at=None,
    queries=0,
    types=(),
    responses=(),
    latency=Latency(),
    cache_hits=None,
    cache_misses=None,
    upstreams=(),
    health_checks_broken=0,
    rejected=0,
    failed_reloads=0,
    panics=0,
)


def grown(earlier: CorednsCounters | None, later: CorednsCounters, *, seconds: float) -> Served:
    """Return what one process did until `later`: since `earlier`, or since it started where that was meanwhile.

    `seconds` is the time between the readings; without `earlier`, since the start.
    """
    old = earlier if earlier is not None and earlier.same_process(later) else _NOTHING

    def answered(rcode: str) -> int:
        return _since(later.responded(rcode), old.responded(rcode))

    return Served(
        seconds=seconds,
        queries=_since(later.queries, old.queries),
        responses=_since(_responses(later), _responses(old)),
        servfail=answered("SERVFAIL"),
        nxdomain=answered("NXDOMAIN"),
        refused=answered("REFUSED"),
        latency_number=_since(later.latency.number, old.latency.number),
        latency_up_to=_buckets(old.latency, later.latency),
        cache_hits=_since(later.cache_hits or 0, old.cache_hits or 0),
        cache_misses=_since(later.cache_misses or 0, old.cache_misses or 0),
        forwarded=tuple(_forwarded(old.upstream(one.address), one) for one in later.upstreams),
        health_checks_broken=_since(later.health_checks_broken, old.health_checks_broken),
        rejected=_since(later.rejected, old.rejected),
        failed_reloads=_since(later.failed_reloads, old.failed_reloads),
        panics=_since(later.panics, old.panics),
    )


def served(
    earlier: Mapping[str, CorednsCounters], earlier_at: datetime | None, pods: Iterable[CountedPod], *, at: datetime
) -> Served | None:
    """Return what all pods did until `at`; None: none was read.

    Since `earlier_at`, where there was a reading then: a pod that is new, or started anew, began within that time. Else
    since the pods' start: the time is that of the oldest. Without a start that is known the time is 0, and there are
    no rates. What pods did that are gone now is not in it.
    """
    found = list(pods)
    if not found:
        return None
    seconds = _seconds(found, earlier_at, at)
    by_node: dict[str, Served] = {}
    for pod in found:
        part = grown(earlier.get(pod.name), pod.counters, seconds=seconds)
        by_node[pod.node] = beside(by_node[pod.node], part) if pod.node in by_node else part
    busiest = max(sum(one.answers for one in part.forwarded) for part in by_node.values())
    rate = busiest / seconds if seconds > 0 else 0.0
    return replace(reduce(beside, by_node.values()), busiest_node_answers_per_second=rate)


def served_by_caches(
    earlier: Mapping[str, CorednsCounters], earlier_at: datetime | None, caches: Iterable[CountedPod], *, at: datetime
) -> Served | None:
    """Return what those caches did since `earlier_at` that were read then too, or have started since; None: none.

    Not every cache is read each time, and what one did before it was first read is of no known time.
    """
    if earlier_at is None:
        return None
    known = [
        one
        for one in caches
        if one.name in earlier or (one.counters.started_at is not None and one.counters.started_at >= earlier_at)
    ]
    return served(earlier, earlier_at, known, at=at)


def _seconds(pods: Iterable[CountedPod], earlier_at: datetime | None, at: datetime) -> float:
    starts = [pod.counters.started_at for pod in pods if pod.counters.started_at is not None]
    since = earlier_at if earlier_at is not None else min(starts, default=at)
    return max(0.0, (at - since).total_seconds())


def _since(number: int, old: int) -> int:
    """Return by how much a counter grew; one that is smaller than before counts from 0."""
    return number - old if number >= old else number


def _responses(counters: CorednsCounters) -> int:
    return sum(one.number for one in counters.responses)


def _buckets(old: Latency, later: Latency) -> tuple[tuple[float, int], ...]:
    """Return how many more took no longer than each bound; each holds at least what the one before it holds."""
    before = dict(old.up_to) if old.number <= later.number else {}
    found: list[tuple[float, int]] = []
    for bound, number in later.up_to:
        found.append((bound, max(_since(number, before.get(bound, 0)), found[-1][1] if found else 0)))
    return tuple(found)


def _forwarded(old: UpstreamMetrics | None, later: UpstreamMetrics) -> Forwarded:
    return Forwarded(
        address=later.address,
        answers=_since(later.answered, old.answered if old else 0),
        servfail=_since(_servfail(later), _servfail(old) if old else 0),
        health_check_failures=_since(later.health_check_failures, old.health_check_failures if old else 0),
    )


def _servfail(upstream: UpstreamMetrics) -> int:
    return sum(one.number for one in upstream.answers if one.label == "SERVFAIL")
