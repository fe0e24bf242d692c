"""A channel's digest: what is new, worse, fixed and still open in its clusters, and how they fare by the numbers.

A light round looks at all of them; those about which something changed are diagnosed in full, a few at once. What is
open, since when, and which plan fixed it is read from the recorded diagnoses. Nothing is proposed or changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.digests import ClusterHealth, Digest, DigestSchedule, NotSeen
from bot.domain.health import HealthStore, Problem, Sample, Served, total
from bot.errors import DnsBotError
from bot.workflow.health_changes import differs, endpoints_worsened, mute_of, sort_out, worsened
from bot.workflow.light_rounds import LightRounds

log = logging.getLogger(__name__)

FULL_AT_ONCE = 2
"""Full diagnoses at once for one digest."""
A_DAY = timedelta(days=1)
SHOWN_FOR = timedelta(days=7)
"""The time that the picture shows."""
OPEN_LOOKED_AT_AGAIN = timedelta(hours=20)
"""A cluster with an open problem that was not looked at for so long is diagnosed: the problem may be over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digester:
    """Makes digests. Made once, by the composition root."""

    rounds: LightRounds
    store: HealthStore
    diagnose: Callable[[Question], Diagnosis]
    """Diagnoses in full and records it."""
    full_at_once: int = FULL_AT_ONCE

    def make(self, schedule: DigestSchedule, *, slot: str = "", keep: bool = True) -> Digest:
        """Return what the digest says now. `keep`: whether it measures and diagnoses for the history; else it reads.

        Raises `HistoryUnavailable`.
        """
        last = self.store.last_said(schedule.name)
        light = self.rounds.round(schedule.clusters, keep=keep)
        now = self.store.now()
        since = last[0] if last is not None else now - A_DAY
        samples = {one.cluster: one for one in light.samples}
        missed = {one.cluster: one.reason for one in light.not_seen}
        fares = [self._fares(name, samples.get(name), missed.get(name, ""), since, now) for name in schedule.clusters]
        chosen = [one.cluster for one in fares if keep and not one.not_seen and self._has_changed(one, now)]
        failed = self._diagnose_all(chosen)
        problems = [one for name in schedule.clusters for one in self.store.problems(name, fixed_since=since)]
        mutes = [one for name in schedule.clusters for one in self.store.mutes(name)]
        told = sort_out(problems, last[1] if last is not None else None, now=now, mutes=mutes)
        return Digest(
            schedule=schedule.name,
            slot=slot,
            timezone=schedule.timezone,
            at=now,
            since=since,
            first=last is None,
            new=told.new,
            worse=told.worse,
            worsened=tuple(change for one in fares for change in one.worsened),
            fixed=told.fixed,
            still_open=told.still_open,
            muted=told.muted,
            clusters=tuple(self._with_problems(one, problems) for one in fares),
            series=tuple(
                (name, self.store.series(name, since=now - SHOWN_FOR, until=now)) for name in schedule.clusters
            ),
            diagnosed=tuple(name for name in chosen if name not in failed),
            not_diagnosed=tuple(NotSeen(cluster=name, reason=why) for name, why in failed.items()),
            light=light,
            said=told.said,
        )

    def open_problems(self, clusters: Iterable[str]) -> tuple[Problem, ...]:
        """Return what is open in these clusters now, muted or not, as far as diagnoses found it."""
        now = self.store.now()
        found = (one for name in clusters for one in self.store.problems(name, fixed_since=now))
        return tuple(one for one in found if one.fixed_at is None)

    def open_and_muted(self, cluster: str) -> tuple[tuple[Problem, ...], frozenset[str]]:
        """Return what is open in this cluster now, and the rules of which it is muted."""
        found = self.open_problems([cluster])
        mutes = self.store.mutes(cluster) if found else ()
        return found, frozenset(one.rule for one in found if mute_of(one, mutes) is not None)

    def muted_rules(self, cluster: str) -> frozenset[str]:
        """Return the rules whose open problems in this cluster are muted now."""
        return self.open_and_muted(cluster)[1]

    def _fares(self, name: str, sample: Sample | None, not_seen: str, since: datetime, now: datetime) -> ClusterHealth:
        """Return how a cluster fares since then, beside the time before that, as long."""
        kept = self.store.series(name, since=since - (now - since), until=now)
        later = [one for one in kept if one.at > since]
        if sample is not None and all(one.at != sample.at for one in later):
            later.append(sample)  # it is not kept
        earlier = [one for one in kept if one.at <= since]
        served_before, served_now = _served(earlier), _served(later)
        stood, stands = earlier[-1].standing if earlier else None, sample.standing if sample is not None else None
        endpoints = sample.endpoints if sample is not None else ()
        return ClusterHealth(
            cluster=name,
            not_seen=not_seen,
            standing=stands,
            gaps=sample.gaps if sample is not None else (),
            now=served_now,
            before=served_before,
            standing_before=stood,
            cached=total(one.cached for one in later if one.cached is not None),
            caches_read=sample.caches_read if sample is not None else 0,
            endpoints=endpoints,
            diagnosed=self.store.last_diagnosis(name),
            worsened=(
                *worsened(name, served_before, served_now, stood, stands),
                *endpoints_worsened(name, earlier[-1].endpoints if earlier else (), endpoints),
            ),
        )

    def _has_changed(self, fares: ClusterHealth, now: datetime) -> bool:
        """Return whether this cluster has to be diagnosed: something changed, or what is open may be over."""
        if fares.diagnosed is None or fares.worsened or differs(fares.standing_before, fares.standing):
            return True
        known = self.store.problems(fares.cluster, fixed_since=now)
        return any(one.fixed_at is None and now - one.seen_at > OPEN_LOOKED_AT_AGAIN for one in known)

    def _diagnose_all(self, names: Iterable[str]) -> Mapping[str, str]:
        """Diagnose clusters, a few at once; return those that could not be, with the reason."""
        with ThreadPoolExecutor(max_workers=self.full_at_once, thread_name_prefix="digest") as pool:
            return {name: why for name, why in pool.map(self._diagnose, names) if why}

    def _diagnose(self, name: str) -> tuple[str, str]:
        try:
            self.diagnose(Question(cluster=name))
        except DnsBotError as error:
            return name, str(error)
        except Exception as error:
            log.exception("diagnosis for a digest failed", extra={"cluster": name})
            return name, f"the bot itself failed ({type(error).__name__}); its log has more"
        return name, ""

    def _with_problems(self, fares: ClusterHealth, problems: Sequence[Problem]) -> ClusterHealth:
        found = [one for one in problems if one.cluster == fares.cluster and one.fixed_at is None]
        return replace(fares, open_problems=len(found), diagnosed=self.store.last_diagnosis(fares.cluster))


def _served(samples: Sequence[Sample]) -> Served | None:
    """Return all that was served; what goes back to the pods' start counts only where there is nothing else."""
    within = [one.served for one in samples if one.served is not None and not one.since_start]
    return total(within or [one.served for one in samples if one.served is not None])
