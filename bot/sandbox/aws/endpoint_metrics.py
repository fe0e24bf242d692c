"""What Resolver endpoints send to CloudWatch every five minutes: queries, interfaces that work, capacity.

Source: Route 53 Developer Guide, "Monitoring Route 53 VPC Resolver endpoints with Amazon CloudWatch".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

PERIOD_SECONDS = 300


@dataclass(slots=True, kw_only=True)
class Measured:
    """One endpoint since it began to answer."""

    inbound: bool
    interfaces: int
    since: float
    """By the world's clock."""
    unhealthy: int = 0
    capacity: int = 0
    """0, 1 or 2."""
    queries: list[tuple[float, int]] = field(default_factory=list)
    """When, and how many."""

    def sent(self, metric: str, since: float, until: float) -> Iterator[tuple[int, float]]:
        """Yield each period's begin with what was sent for it. A period without queries has no number of them."""
        begin = int(max(since, self.since) // PERIOD_SECONDS) * PERIOD_SECONDS
        for at in range(begin, int(until), PERIOD_SECONDS):
            if at < since:
                continue
            value = self._value(metric, at)
            if value is not None:
                yield at, value

    def _value(self, metric: str, at: int) -> float | None:
        if metric in {"InboundQueryVolume", "OutboundQueryVolume", "OutboundQueryAggregateVolume"}:
            if self.inbound != (metric == "InboundQueryVolume"):
                return None
            came = [number for when, number in self.queries if at <= when < at + PERIOD_SECONDS]
            return float(sum(came)) if came else None
        gauges = {
            "EndpointHealthyENICount": self.interfaces - self.unhealthy,
            "EndpointUnhealthyENICount": self.unhealthy,
            "ResolverEndpointCapacityStatus": self.capacity,
        }
        return float(gauges[metric]) if metric in gauges else None


@dataclass(frozen=True, slots=True)
class EndpointMetrics:
    """Of all accounts."""

    endpoints: dict[tuple[str, str, str], Measured] = field(default_factory=dict)
    """By account, region and the endpoint's id."""
