"""Removes what killed processes left on nodes: at every start, and from then on each minute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.domain.cluster import ClusterTarget, PodName
from bot.domain.deadline import Deadline
from bot.errors import DnsBotError

log = logging.getLogger(__name__)

SECONDS_PER_CLUSTER = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftProbePods:
    """Looks in each cluster where probe pods may have been made."""

    targets: Iterable[ClusterTarget]
    remove: Callable[[ClusterTarget, Deadline], Sequence[PodName]]
    stopping: Callable[[], bool]

    def __call__(self) -> None:
        """Remove them; a cluster that does not answer is tried again next time, and logged."""
        for target in self.targets:
            if target.node_probe is None or self.stopping():
                continue
            try:
                removed = self.remove(target, Deadline.after(SECONDS_PER_CLUSTER))
            except DnsBotError as error:
                log.warning("probe pods were not looked for", extra={"cluster": target.name, "reason": str(error)})
                continue
            if removed:
                pods = ", ".join(map(str, removed))
                log.info("probe pods of a killed process removed", extra={"cluster": target.name, "pods": pods})
