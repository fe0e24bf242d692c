"""How many queries a second applications send, and what the VPC's resolver drops of what CoreDNS forwards (C13).

An application that asks much says so in its pod template: `DNS_QUERIES_PER_SECOND` for each of its pods, every name
another one outside, so that no cache helps. A network interface gets 1,024 packets a second to the resolver.
Source: VPC User Guide, "DNS attributes for your VPC".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sandbox.kubernetes.resources import DEPLOYMENTS, SERVICES, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.vpc import Vpc

RATE = "DNS_QUERIES_PER_SECOND"
PACKETS_PER_SECOND = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one CoreDNS pod is asked for, and how much of it gets no answer."""

    per_second: float = 0.0
    dropped: float = 0.0
    """Share of the packets to the resolver that its interface does not get through, 0 to 1."""


def load_on(address: str, store: Store, vpc: Vpc, backends: Callable[[], Mapping[str, tuple[str, ...]]]) -> Load:
    """Return the load on the CoreDNS pod at this address: the Service hands each ready pod as much as the others."""
    asked = sum(
        rate * int((one.get("status") or {}).get("readyReplicas", 0))
        for one in store.all(DEPLOYMENTS)
        for rate in _rates(one)
    )
    if not asked:
        return Load()
    service = store.find(SERVICES, "kube-system", "kube-dns") or {"spec": {}}
    ready = backends().get(str(service["spec"].get("clusterIP", "")), ())
    if address not in ready:
        return Load()
    each, port = asked / len(ready), vpc.port_of(address)
    through = each * sum(vpc.port_of(one) == port for one in ready)
    return Load(per_second=each, dropped=max(0.0, 1 - PACKETS_PER_SECOND / through))


def _rates(deployment: Json) -> list[float]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return [float(one["value"]) for each in containers for one in each.get("env") or [] if one["name"] == RATE]


@dataclass(slots=True, kw_only=True)
class Episode:
    """A time of one load."""

    since: datetime
    until: datetime | None = None
    """None: it goes on."""
    load: Load

    def seconds(self, now: datetime) -> float:
        """Return how long it has lasted."""
        return max(0.0, ((self.until or now) - self.since).total_seconds())


@dataclass(slots=True)
class Episodes:
    """The loads that one CoreDNS process has seen, the newest last."""

    held: list[Episode] = field(default_factory=list)

    @property
    def now(self) -> Load:
        """The present load."""
        last = self.held[-1] if self.held else None
        return last.load if last and last.until is None else Load()

    def become(self, load: Load, at: datetime) -> None:
        """Note the load from this moment on."""
        if load == self.now:
            return
        if self.held and self.held[-1].until is None:
            self.held[-1].until = at
        if load.per_second:
            self.held.append(Episode(since=at, load=load))

    def queries(self, now: datetime) -> int:
        """Return how many queries have come until now."""
        return round(sum(one.load.per_second * one.seconds(now) for one in self.held))

    def dropped(self, now: datetime) -> int:
        """Return how many of them got no answer from the resolver."""
        return round(sum(one.load.per_second * one.load.dropped * one.seconds(now) for one in self.held))

    def failures(self, until: datetime, most: int) -> list[datetime]:
        """Return when the newest queries failed, the oldest first, so many at most."""
        found: list[datetime] = []
        for one in reversed(self.held):
            rate, at = one.load.per_second * one.load.dropped, min(one.until or until, until)
            while rate and at >= one.since and len(found) < most:
                found.append(at)
                at -= timedelta(seconds=1 / rate)
        return found[::-1]

    def date_back(self, elapsed: timedelta) -> None:
        """Put every one so much earlier; what goes on has gone on for so much longer."""
        for one in self.held:
            one.since -= elapsed
            if one.until:
                one.until -= elapsed
