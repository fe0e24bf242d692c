"""Digests: when a channel gets one, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.cron import Cron
from bot.domain.findings import Verdict
from bot.domain.health import EndpointUse, LastDiagnosis, Mute, Problem, Sample, Served, Standing
from bot.domain.json_values import JsonObject
from bot.domain.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSchedule:
    """One entry of `digests:` in dnsbot.yaml."""

    channel: str
    cron: Cron
    timezone: str
    clusters: tuple[str, ...]
    """By the names people type, sorted."""
    grace: timedelta = timedelta(hours=1)
    """How late a missed slot is still made up; once, and only the newest."""
    quiet: bool = False
    """Whether nothing is posted where nothing is new, worse or fixed, and every cluster was seen."""

    @property
    def name(self) -> str:
        """The name of the schedule among all: two of one channel and time would be one."""
        return f"digest {self.channel} {self.cron.text} {self.timezone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A digest that somebody subscribed a channel to."""

    schedule: DigestSchedule
    """Without clusters: all."""
    by: Person
    at: datetime | None
    """None: it cannot be read."""


class Subscriptions(Protocol):
    """What is kept of them. Every method may raise `HistoryUnavailable`."""

    def all(self) -> tuple[Subscription, ...]:
        """Return them, by their schedules' names."""
        ...

    def subscribe(self, schedule: DigestSchedule, by: Person) -> None:
        """Keep a subscription, in place of one whose schedule has the same name."""
        ...

    def unsubscribe(self, name: str) -> bool:
        """Forget the one whose schedule has this name; False: there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """That a cluster could not be looked at in a light round."""

    cluster: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LightRound:
    """What one light round over clusters gave."""

    samples: tuple[Sample, ...]
    not_seen: tuple[NotSeen, ...]
    took_seconds: float
    processor_seconds: float
    """Of this process, user and system, while the round went on; other work of the process is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHealth:
    """One cluster in a digest."""

    cluster: str
    not_seen: str = ""
    """Why it could not be looked at now; empty: it was."""
    standing: Standing | None = None
    gaps: tuple[str, ...] = ()
    now: Served | None = None
    """Since the digest before, or in the last day."""
    before: Served | None = None
    """In the time before that, as long."""
    standing_before: Standing | None = None
    cached: Served | None = None
    """What NodeLocal DNSCache's pods that were read did since then; None: it is not there, or nothing was measured."""
    caches_read: int = 0
    endpoints: tuple[EndpointUse, ...] = ()
    """Resolver endpoints that its names go through, now."""
    diagnosed: LastDiagnosis | None = None
    """The newest; None: there is none."""
    open_problems: int = 0
    worsened: tuple[Worsened, ...] = ()

    @property
    def troubled(self) -> bool:
        """Whether it has an open problem, or got worse."""
        return bool(self.open_problems or self.worsened)

    @property
    def well(self) -> bool:
        """Whether it was seen, got no worse, and its newest diagnosis found everything healthy."""
        healthy = self.diagnosed is not None and self.diagnosed.verdict == Verdict.HEALTHY.value
        return healthy and not self.not_seen and not self.troubled


UNHEALTHY, CAPACITY = "unhealthy interfaces of Resolver endpoint", "capacity status of Resolver endpoint"
"""What `Worsened.what` begins with, before the endpoint's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worsened:
    """A measure that got worse, with what it was before."""

    cluster: str
    what: str
    """`latency p95`, `error share`, `ready pods`, `capacity status of Resolver endpoint rslvr-in-…`, …"""
    before: float | None
    """In seconds, shares or numbers, as `what` says; None: it was not measured."""
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one digest says, in this order."""

    schedule: str
    slot: str
    """The local time that it is for; empty: somebody asked for it now."""
    timezone: str
    at: datetime
    since: datetime
    """When the digest before was made, or a day ago."""
    first: bool
    """There was none before."""
    new: tuple[Problem, ...]
    worse: tuple[Problem, ...]
    worsened: tuple[Worsened, ...]
    fixed: tuple[Problem, ...]
    still_open: tuple[Problem, ...]
    muted: tuple[tuple[Problem, Mute], ...] = ()
    """Known issues: open, and not told anew before their time is over."""
    clusters: tuple[ClusterHealth, ...]
    series: tuple[tuple[str, tuple[Sample, ...]], ...] = ()
    """The samples of the time that the picture shows, by cluster."""
    diagnosed: tuple[str, ...] = ()
    """The clusters that were diagnosed in full for it, since something about them had changed."""
    not_diagnosed: tuple[NotSeen, ...] = ()
    """Those that were to be, and why they could not."""
    light: LightRound
    said: JsonObject = field(default_factory=dict)
    """What the next digest is compared with."""

    @property
    def changed(self) -> bool:
        """Whether there is anything that people have to read."""
        unseen = any(one.not_seen for one in self.clusters) or self.not_diagnosed
        return bool(self.new or self.worse or self.worsened or self.fixed or unseen)
