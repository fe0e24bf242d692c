"""Light rounds: what CoreDNS counts, how its pods stand and its add-on, of many clusters side by side.

A round makes no lookup and judges nothing. Each cluster has a deadline of its own, and as many are asked at once as
keep one that hangs from delaying another; one that gave nothing is named, with the reason.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from bot.dns.coredns_growth import DnsHealth, served, served_by_caches
from bot.dns.coredns_metrics import CorednsCounters
from bot.domain.cluster import ClusterTarget
from bot.domain.digests import LightRound, NotSeen
from bot.domain.encoding import decode, encode
from bot.domain.health import HealthStore, Sample, Scrape
from bot.domain.json_values import JsonObject
from bot.errors import DnsBotError

log = logging.getLogger(__name__)

AT_ONCE = 32
"""Clusters that are asked at once; what hangs waits on a socket and takes no processor."""
MEASURE = "measure"
"""The schedule of the rounds between digests; each is made by one process."""
MEASURED_EVERY = timedelta(minutes=10)
KEEPS_SECONDS = 300.0
"""How long a process holds the slot of a round."""

Look = Callable[[ClusterTarget], DnsHealth]
"""Looks at one cluster; raises `DnsBotError` where nothing of it could be seen. Ends by its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightRounds:
    """Makes rounds. Made once, by the composition root."""

    targets: Mapping[str, ClusterTarget]
    look: Look
    store: HealthStore
    owner: str
    at_once: int = AT_ONCE

    def round(self, clusters: Iterable[str], *, keep: bool = True) -> LightRound:
        """Look at clusters and return what was seen. `keep`: whether it becomes part of the series."""
        names = list(clusters)
        started, processor = time.monotonic(), time.process_time()
        found: dict[str, Sample | NotSeen] = {}
        with ThreadPoolExecutor(max_workers=min(self.at_once, len(names)) or 1, thread_name_prefix="light") as pool:
            looks = {pool.submit(self._look, name): name for name in names}
            for look in as_completed(looks):  # written here, one after the other: SQLite takes one writer at a time
                seen, name = look.result(), looks[look]
                found[name] = seen if isinstance(seen, NotSeen) else self._sample(name, seen, keep=keep)
        inside = [found[name] for name in names]
        return LightRound(
            samples=tuple(one for one in inside if isinstance(one, Sample)),
            not_seen=tuple(one for one in inside if isinstance(one, NotSeen)),
            took_seconds=time.monotonic() - started,
            processor_seconds=time.process_time() - processor,
        )

    def measure(self, clusters: Iterable[str], *, hours_older_than: timedelta) -> LightRound | None:
        """Make the round that is due, unless another process makes it or has made it; then None. For the clock."""
        now = self.store.now()
        slot = _slot(now)
        if not self.store.claim(MEASURE, slot, self.owner, seconds=KEEPS_SECONDS):
            return None
        made = self.round(clusters)
        self.store.done(MEASURE, slot, self.owner, {"seen": len(made.samples), "not_seen": len(made.not_seen)})
        self.store.forget(hours_older_than=hours_older_than)
        return made

    def _look(self, name: str) -> DnsHealth | NotSeen:
        try:
            return self.look(self.targets[name])
        except DnsBotError as error:
            return NotSeen(cluster=name, reason=str(error))
        except Exception as error:
            log.exception("light round failed", extra={"cluster": name})
            return NotSeen(cluster=name, reason=f"the bot itself failed ({type(error).__name__}); its log has more")

    def _sample(self, name: str, health: DnsHealth, *, keep: bool) -> Sample:
        before, at = self.store.scrape(name), self.store.now()
        sample = _sample(name, health, before, at)
        if keep:
            self.store.keep(sample, _document(health, before), before=before.at if before else None)
        return sample


def _slot(now: datetime) -> str:
    step = round(MEASURED_EVERY.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // step * step, now.tzinfo).strftime("%Y-%m-%dT%H:%M")


def _sample(cluster: str, health: DnsHealth, before: Scrape | None, at: datetime) -> Sample:
    earlier = _counters(before)
    return Sample(
        cluster=cluster,
        at=at,
        standing=health.standing,
        served=served(earlier, before.at if before and earlier else None, health.pods, at=at),
        since_start=not earlier,
        cached=served_by_caches(earlier, before.at if before else None, health.caches, at=at),
        caches_read=len(health.caches),
        endpoints=health.endpoints,
        gaps=tuple(f"{gap.what}: {gap.reason}" for gap in health.gaps),
    )


def _counters(scrape: Scrape | None) -> Mapping[str, CorednsCounters]:
    """Return the counters by pod; none where another version stored them in another form."""
    try:
        return {name: decode(CorednsCounters, one) for name, one in scrape.counters.items()} if scrape else {}
    except ValidationError:
        return {}


def _document(health: DnsHealth, before: Scrape | None) -> JsonObject:
    """Return the counters to keep; those of a pod that could not be read now stay as they were, while it is there."""
    kept = {name: one for name, one in before.counters.items() if name in health.standing.pods} if before else {}
    return {**kept, **{pod.name: encode(pod.counters) for pod in (*health.pods, *health.caches)}}
