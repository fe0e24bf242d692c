"""What a fix reads and writes through, where a test's own class stands at the far ends of Kubernetes and AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.plans import Reading, Writing

TARGET = ClusterTarget(
    name="prod", eks_name="cluster-prod", region="eu-west-1", aws_writer=True, kubernetes_writer=True
)
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class BothEnds:
    """Hands itself out as every port: a subclass answers what its fix asks, and nothing else."""

    def reading(self) -> Reading:
        """Return what is read through."""
        far: Any = self
        return Reading(cluster=far, aws=far, target=TARGET)

    def writing(self) -> Writing:
        """Return what is written through."""
        far: Any = self
        return Writing(
            cluster=far,
            aws=far,
            target=TARGET,
            cluster_writer=far,
            aws_writer=far,
            deadline=Deadline.after(30),
            plan_id="plan1",
            begun_at=NOW,
        )
