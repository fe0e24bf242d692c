"""Looks at watched clusters between digests: a full diagnosis each time, of which only news reach the history.

Each look is made by one process: it is taken in the database, by its clock. What is to be said is said before it is
written down as known, by keys that are the same in every process: a process that is killed in between is followed by
another that says it no second time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Finding, Severity, Verdict
from bot.domain.history import History
from bot.domain.watching import NOT_SEEN, Sighting, WatchStore
from bot.errors import DnsBotError, HistoryUnavailable
from bot.workflow.verify import RunDiagnosis
from bot.workflow.watch_changes import Notice, look_again

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Clusters that are looked at at once; one that hangs ends by a diagnosis's deadline."""
HELD_SECONDS = 180.0
"""How long a process has for a look; well above a diagnosis's deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Makes the looks that are due. Made once, by the composition root."""

    targets: Mapping[str, ClusterTarget]
    store: WatchStore
    history: History
    run_diagnosis: RunDiagnosis
    muted: Callable[[str], Collection[str]]
    """The rules whose problems are muted in a cluster now."""
    owner: str
    held_seconds: float = HELD_SECONDS

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that are watched."""
        return tuple(sorted(name for name, target in self.targets.items() if target.watch_seconds))

    def look_at_all(self, tell: Callable[[Notice], None]) -> None:
        """Make every look that is due and that no other process makes; what fails is logged, and due again later."""
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="watch") as pool:
            list(pool.map(lambda name: self._look_safely(name, tell), self.clusters))

    def _look_safely(self, name: str, tell: Callable[[Notice], None]) -> None:
        try:
            self.look(name, tell)
        except HistoryUnavailable as error:
            log.warning("a cluster is not watched: no history", extra={"cluster": name, "reason": str(error)})
        except Exception:
            log.exception("a look at a watched cluster failed", extra={"cluster": name})

    def look(self, name: str, tell: Callable[[Notice], None]) -> bool:
        """Look at one cluster, and have told what is new; False where no look is due, or another process has it.

        Raises `HistoryUnavailable`.
        """
        every = timedelta(seconds=self.targets[name].watch_seconds)
        known = self.store.begin(name, self.owner, every=every, seconds=self.held_seconds)
        if known is None:
            return False
        found, healthy = self._seen(name)
        after, notices = look_again(name, known, found, healthy, at=self.store.now())
        for notice in notices:
            tell(notice)
        self.store.end(name, self.owner, after)
        return True

    def _seen(self, name: str) -> tuple[list[Sighting], frozenset[str]]:
        """Return the critical problems that a diagnosis found, and the rules that found everything well."""
        try:
            diagnosis = self.run_diagnosis(Question(cluster=name), None, None)
        except DnsBotError as error:
            return [_not_seen(str(error))], frozenset()
        if diagnosis.binding is None:
            return [_not_seen(diagnosis.binding_gap.reason if diagnosis.binding_gap else "")], frozenset()
        self._record_news(diagnosis)
        muted = self.muted(name)
        critical = [_sighting(one) for one in diagnosis.findings if _is_critical(one) and one.rule not in muted]
        healthy = {one.rule for one in diagnosis.findings if one.verdict is Verdict.HEALTHY}
        return critical, frozenset({NOT_SEEN, *healthy})

    def _record_news(self, diagnosis: Diagnosis) -> None:
        """Record a diagnosis that says something else than the newest one there: looks find the same all day."""
        causes = tuple(one.rule for one in diagnosis.root_causes)
        newest = next(iter(self.history.recent(diagnosis.target.name, limit=1)), None)
        if newest is None or (newest.verdict, newest.root_causes) != (diagnosis.verdict, causes):
            self.history.record(diagnosis)


def _not_seen(reason: str) -> Sighting:
    return Sighting(rule=NOT_SEEN, title="The cluster cannot be watched: looks at it fail", summary=reason)


def _is_critical(finding: Finding) -> bool:
    critical = finding.verdict is Verdict.PROBLEM and finding.severity is Severity.CRITICAL
    return critical and not finding.explained_by and not finding.judgement.only_asked


def _sighting(finding: Finding) -> Sighting:
    return Sighting(rule=finding.rule, title=finding.title, summary=finding.judgement.summary)
