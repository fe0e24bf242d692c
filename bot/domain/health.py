"""DNS health of a cluster as measured: what CoreDNS served in a time, how it stands now, and the port that keeps it.

What was served are differences of counters: they add up over pods and over times, so an hour is the sum of its parts.
Rates, shares and percentiles are made of them when they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import reduce
from typing import Protocol

from bot.domain.json_values import JsonObject
from bot.domain.people import Person

RESOLVER_PACKETS_PER_SECOND = 1024
"""What the VPC's resolver takes from a network interface (C13; Amazon VPC User Guide, "DNS quotas")."""
RAW_DAYS = 14
"""How long each measurement is kept; its hour is kept for `retention.series`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """What went to one upstream server."""

    address: str
    answers: int
    servfail: int
    """Answers SERVFAIL."""
    health_check_failures: int

    @property
    def failures(self) -> int:
        """Answers SERVFAIL and failed health checks; what timed out is in neither."""
        return self.servfail + self.health_check_failures

    def __add__(self, other: Forwarded) -> Forwarded:
        """Return both together."""
        return Forwarded(
            address=self.address,
            answers=self.answers + other.answers,
            servfail=self.servfail + other.servfail,
            health_check_failures=self.health_check_failures + other.health_check_failures,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What all CoreDNS pods that were read did within `seconds`."""

    seconds: float
    queries: int = 0
    responses: int = 0
    servfail: int = 0
    nxdomain: int = 0
    refused: int = 0
    latency_number: int = 0
    latency_up_to: tuple[tuple[float, int], ...] = ()
    """By upper bound in seconds: how many took no longer; the infinite bound is left out."""
    cache_hits: int = 0
    cache_misses: int = 0
    forwarded: tuple[Forwarded, ...] = ()
    """By address."""
    health_checks_broken: int = 0
    rejected: int = 0
    """Queries beyond `max_concurrent`."""
    failed_reloads: int = 0
    panics: int = 0
    busiest_node_answers_per_second: float = 0.0
    """Answers of upstream servers at the node that got most; over several times the largest of them."""

    @property
    def queries_per_second(self) -> float | None:
        """The mean over the time; None: no time has passed."""
        return self.queries / self.seconds if self.seconds > 0 else None

    def share(self, number: int) -> float | None:
        """Return which share of the responses this is, from 0 to 1; None: there were none."""
        return number / self.responses if self.responses > 0 else None

    @property
    def error_share(self) -> float | None:
        """SERVFAIL and REFUSED among the responses. NXDOMAIN is an answer, and mostly search domains'."""
        return self.share(self.servfail + self.refused)

    @property
    def cache_hit_share(self) -> float | None:
        """Hits among what asked the cache; None: no cache, or nothing asked it."""
        asked = self.cache_hits + self.cache_misses
        return self.cache_hits / asked if asked > 0 else None

    @property
    def resolver_headroom(self) -> float:
        """The share of 1,024 packets a second that the busiest node leaves free: an estimate, from 0 to 1.

        One packet a query to an upstream server is counted, as a mean: peaks are shorter, and other pods of the node
        may ask the resolver themselves.
        """
        return max(0.0, 1 - self.busiest_node_answers_per_second / RESOLVER_PACKETS_PER_SECOND)

    def percentile(self, share: float) -> float | None:
        """Return within how many seconds this share of the queries was answered; None: there is no histogram.

        Within a bucket latencies are taken as evenly spread (as Prometheus' `histogram_quantile`); what lies beyond
        the last bound counts as the last bound.
        """
        wanted = share * self.latency_number
        below, bound_below = 0, 0.0
        for bound, number in self.latency_up_to:
            if number >= wanted and number > below:
                return bound_below + (bound - bound_below) * max(0.0, wanted - below) / (number - below)
            below, bound_below = number, bound
        return bound_below if self.latency_up_to and self.latency_number > 0 else None

    @property
    def forward_failures(self) -> int:
        """SERVFAIL of upstream servers, failed health checks, and queries beyond `max_concurrent`."""
        return sum(one.failures for one in self.forwarded) + self.rejected

    @property
    def worst_upstream(self) -> Forwarded | None:
        """The upstream server with most failures; None: none failed."""
        failing = [one for one in self.forwarded if one.failures]
        return max(failing, key=lambda one: (one.failures, one.address), default=None)


def beside(first: Served, second: Served) -> Served:
    """Return what two pods, or two groups of them, did within the same time."""
    return replace(_sum(first, second), seconds=max(first.seconds, second.seconds))


def after(first: Served, second: Served) -> Served:
    """Return what was done in two times, one after the other."""
    return replace(_sum(first, second), seconds=first.seconds + second.seconds)


def total(parts: Iterable[Served]) -> Served | None:
    """Return what was done in several times; None: there is none."""
    found = list(parts)
    return reduce(after, found) if found else None


def _sum(first: Served, second: Served) -> Served:
    return Served(
        seconds=first.seconds,
        queries=first.queries + second.queries,
        responses=first.responses + second.responses,
        servfail=first.servfail + second.servfail,
        nxdomain=first.nxdomain + second.nxdomain,
        refused=first.refused + second.refused,
        latency_number=first.latency_number + second.latency_number,
        latency_up_to=_buckets(first, second),
        cache_hits=first.cache_hits + second.cache_hits,
        cache_misses=first.cache_misses + second.cache_misses,
        forwarded=_forwarded((*first.forwarded, *second.forwarded)),
        health_checks_broken=first.health_checks_broken + second.health_checks_broken,
        rejected=first.rejected + second.rejected,
        failed_reloads=first.failed_reloads + second.failed_reloads,
        panics=first.panics + second.panics,
        busiest_node_answers_per_second=max(
            first.busiest_node_answers_per_second, second.busiest_node_answers_per_second
        ),
    )


def _buckets(first: Served, second: Served) -> tuple[tuple[float, int], ...]:
    """Return the buckets whose bounds both have: versions of CoreDNS differ in them, and a sum holds at those alone."""
    if not first.latency_number:
        return second.latency_up_to
    if not second.latency_number:
        return first.latency_up_to
    others = dict(second.latency_up_to)
    return tuple((bound, number + others[bound]) for bound, number in first.latency_up_to if bound in others)


def _forwarded(parts: Sequence[Forwarded]) -> tuple[Forwarded, ...]:
    found: dict[str, Forwarded] = {}
    for one in parts:
        found[one.address] = found[one.address] + one if one.address in found else one
    return tuple(found[address] for address in sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How CoreDNS stands at one moment."""

    pods_wanted: int
    pods_ready: int
    restarts: int
    """Of the pods that are there, since they were made."""
    nodes: int
    """On how many the pods are."""
    zones: int
    """In how many they are; 0: no node's labels say."""
    version: str = ""
    """Of CoreDNS, as it says itself; empty: it was not read."""
    addon: str = ""
    """The version of the EKS add-on; empty: CoreDNS is none, or it was not read."""
    addon_newest: str = ""
    """The newest version of the add-on for this version of Kubernetes; empty: CoreDNS is none, or it was not read."""
    pods: tuple[str, ...] = ()
    """Names, sorted."""
    part_of_node: bool = False
    """DNS is no pod here (EKS Auto Mode): nothing is measured."""
    caches_ready: int | None = None
    """Ready pods of NodeLocal DNSCache; 0: it is not there; None: it was not read whether it is."""


class Capacity(IntEnum):
    """How much of an endpoint's capacity is used, as CloudWatch's `ResolverEndpointCapacityStatus` says."""

    OK = 0
    WARNING = 1
    """An interface uses more than half of what it can."""
    CRITICAL = 2
    """An interface uses more than three quarters of what it can."""

    @property
    def word(self) -> str:
        """As the Developer Guide writes it."""
        return "OK" if self is Capacity.OK else self.name.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUse:
    """What CloudWatch says of one Resolver endpoint over the quarter of an hour before a look; None: it has no number.

    Source: Route 53 Developer Guide, "Monitoring Route 53 VPC Resolver endpoints with Amazon CloudWatch".
    """

    id: str
    inbound: bool
    queries_per_second: float | None = None
    """The mean. What other accounts send through an outbound endpoint is in it."""
    healthy: int | None = None
    """Interfaces that worked, at the least."""
    unhealthy: int | None = None
    """Interfaces that AWS was recovering, at most."""
    capacity: Capacity | None = None
    """The worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen of one cluster in one light round."""

    cluster: str
    at: datetime
    standing: Standing
    served: Served | None = None
    """Since the sample before, or since the pods started; None: no pod's metrics could be read."""
    since_start: bool = False
    """There was no sample before: `served` goes back to the pods' start."""
    cached: Served | None = None
    """What the pods of NodeLocal DNSCache did that were read now and at the sample before; None: none were."""
    caches_read: int = 0
    """How many were read now."""
    endpoints: tuple[EndpointUse, ...] = ()
    """Resolver endpoints in the cluster's VPC, and those of its account that rules lead the VPC's names through."""
    gaps: tuple[str, ...] = ()
    """What could not be read, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """The counters that the newest light round read, from which the next one takes its differences."""

    at: datetime
    counters: JsonObject


class Resolution(StrEnum):
    """How finely the series is kept."""

    RAW = "raw"
    HOUR = "hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding of a cluster over time, from the recorded diagnoses."""

    cluster: str
    rule: str
    title: str
    severity: str
    summary: str
    since: datetime
    """The first diagnosis that found it after the last that found it HEALTHY, or ever."""
    seen_at: datetime
    """The newest diagnosis that found it."""
    worst_before: str = ""
    """The severity with which it was found before its newest; empty: it was found once."""
    fixed_at: datetime | None = None
    """The first diagnosis that found it HEALTHY after that; None: it is open."""
    fixed_by: str = ""
    """Title and id of the approved plan that succeeded in between; empty: none did."""
    objects: tuple[str, ...] = ()
    """What the newest found at fault, in words, sorted; empty: its rule names no objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """That a problem is known and shall not be told anew for a time."""

    cluster: str
    rule: str
    severity: str
    """Of the problem when it was muted; one that got worse is told again."""
    since: datetime
    """Since when it was open; one that was fixed and came back is told again."""
    owner: Person
    reason: str
    until: datetime
    objects: tuple[str, ...] | None = None
    """What was at fault then; a problem that names another is told again. None: it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDiagnosis:
    """The newest diagnosis of a cluster."""

    at: datetime
    verdict: str


class HealthStore(Protocol):
    """What is kept of measurements and of schedules' slots. Every method may raise `HistoryUnavailable`."""

    def now(self) -> datetime:
        """Return the database's time: processes whose own clocks differ agree on it."""
        ...

    def scrape(self, cluster: str) -> Scrape | None:
        """Return the newest counters; None: there are none."""
        ...

    def keep(self, sample: Sample, counters: JsonObject, *, before: datetime | None) -> bool:
        """Store a sample and the counters it ends with, together, and add it to its hour.

        `before`: when the counters were read from which it takes its differences. False, and nothing is stored, where
        another process has stored newer ones meanwhile.
        """
        ...

    def series(self, cluster: str, *, since: datetime, until: datetime) -> tuple[Sample, ...]:
        """Return the samples of a time, oldest first: each where it is still kept, else the hours."""
        ...

    def forget(self, *, hours_older_than: timedelta) -> None:
        """Delete single samples older than `RAW_DAYS`, hours older than this, and slots that were done long ago."""
        ...

    def claim(self, schedule: str, slot: str, owner: str, *, seconds: float) -> bool:
        """Take a slot for some seconds; False where somebody holds it, or it is done."""
        ...

    def renew(self, schedule: str, slot: str, owner: str, *, seconds: float) -> bool:
        """Hold a slot for some seconds from now; False where it is no longer this owner's."""
        ...

    def give_back(self, schedule: str, slot: str, owner: str) -> None:
        """Let a slot that is held be taken again."""
        ...

    def done(self, schedule: str, slot: str, owner: str, said: JsonObject) -> None:
        """Say that the slot is done, and what was said."""
        ...

    def last_said(self, schedule: str) -> tuple[datetime, JsonObject] | None:
        """Return when the newest slot of a schedule was done, and what was said then; None: none was."""
        ...

    def problems(self, cluster: str, *, fixed_since: datetime) -> tuple[Problem, ...]:
        """Return what is open, and what was fixed since then, sorted by severity and rule.

        What other findings explain is left out, and what is a problem only because somebody asked.
        """
        ...

    def mute(self, mute: Mute) -> None:
        """Keep that a problem is muted."""
        ...

    def mutes(self, cluster: str) -> tuple[Mute, ...]:
        """Return what is muted in a cluster now, the newest first."""
        ...

    def last_diagnosis(self, cluster: str) -> LastDiagnosis | None:
        """Return the newest diagnosis of this cluster; None: there is none."""
        ...
